//! Several buffers that are filled or written as one: what `file_io.rs` reads and writes.
//!
//! The list of where they lie is in the operation, with them, so also a kernel that reads it late
//! finds it (`IORING_FEAT_SUBMIT_STABLE`, 5.5, has it read at once).

use super::file_io::{Fill, Pour};
use crate::buf::{IoBuf, IoBufMut};
use crate::sys::disk_file;
use crate::sys::pieces::Pieces;
use crate::sys::ring::{Sqe, opcode, types};
use std::io;
use std::os::fd::BorrowedFd;

/// Buffers that are being filled, one after the other.
pub(crate) struct FillingAll<B> {
    /// The list's own memory does not matter: it holds owners, and the pieces are what they own.
    buffers: Vec<B>,
    pieces: Pieces,
    filled: usize,
}

impl<B: IoBufMut> FillingAll<B> {
    pub(crate) fn new(mut buffers: Vec<B>) -> Self {
        let mut pieces = Pieces::with_capacity(buffers.len());
        for buffer in &mut buffers {
            let room = buffer.room();
            pieces.push(room.as_mut_ptr().cast(), room.len());
        }
        FillingAll {
            buffers,
            pieces,
            filled: 0,
        }
    }

    /// The buffers, with what has come.
    pub(crate) fn into_inner(mut self) -> Vec<B> {
        let mut left = self.filled;
        for buffer in &mut self.buffers {
            let here = left.min(buffer.room().len());
            // SAFETY: the kernel has filled the rooms in their order, each from its beginning, and
            // so many bytes in all.
            unsafe { buffer.set_filled(here) };
            left -= here;
        }
        self.buffers
    }
}

// SAFETY: `IoBufMut` promises it of each room, and `room` is not called before `into_inner`; the list
// of pieces is on the heap, and changed by `advance` alone.
unsafe impl<B: IoBufMut> Fill for FillingAll<B> {
    fn left(&mut self) -> usize {
        self.pieces.left()
    }

    fn submission(&mut self, fd: types::Fd, offset: u64, _: Option<u16>) -> Sqe {
        let (pieces, count) = self.pieces.in_one_call();
        opcode::Readv::new(fd, pieces, count).offset(offset).build()
    }

    fn read_now(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        // SAFETY: the rooms that are left, which nobody else touches.
        unsafe { disk_file::read_vectored_now(file, &self.pieces, offset) }
    }

    fn read(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        // SAFETY: as above.
        unsafe { disk_file::read_vectored_at(file, &self.pieces, offset) }
    }

    unsafe fn advance(&mut self, read: usize) {
        self.pieces.advance(read);
        self.filled += read;
    }
}

/// Buffers that are being written, one after the other.
pub(crate) struct PouringAll<B> {
    buffers: Vec<B>,
    pieces: Pieces,
}

impl<B: IoBuf> PouringAll<B> {
    pub(crate) fn new(buffers: Vec<B>) -> Self {
        let mut pieces = Pieces::with_capacity(buffers.len());
        for buffer in &buffers {
            let bytes = buffer.as_slice();
            pieces.push(bytes.as_ptr(), bytes.len());
        }
        PouringAll { buffers, pieces }
    }

    pub(crate) fn into_inner(self) -> Vec<B> {
        self.buffers
    }
}

// SAFETY: `IoBuf` promises it of the bytes; of the list as for rooms.
unsafe impl<B: IoBuf> Pour for PouringAll<B> {
    fn left(&self) -> usize {
        self.pieces.left()
    }

    fn submission(&mut self, fd: types::Fd, offset: u64, _: Option<u16>) -> Sqe {
        let (pieces, count) = self.pieces.in_one_call();
        opcode::Writev::new(fd, pieces, count)
            .offset(offset)
            .build()
    }

    fn write(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        // SAFETY: the bytes that are left, which nobody changes.
        unsafe { disk_file::write_vectored_at(file, &self.pieces, offset) }
    }

    fn advance(&mut self, written: usize) {
        self.pieces.advance(written);
    }
}
