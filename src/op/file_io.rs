//! Reading and writing a file at a place, with a buffer that is handed over and comes back.
//!
//! The ring reads what is in the page cache as it is submitted, and waits for the rest without a
//! thread. Where there is no ring an attempt finds what is in the cache, and says `WouldBlock` where
//! that is not all: files cannot be waited for. Whoever asked then goes to a thread.

use crate::buf::{IoBuf, IoBufMut};
use crate::driver::{Attempt, Completion, Driver, Event, OneShot, Pending, Step};
use crate::sys::disk_file::{self, LONGEST};
use crate::sys::errno;
use crate::sys::preflight::Preflight;
use crate::sys::ring::{Sqe, opcode, types};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

/// A buffer that is being filled, and how far it is. Only what is in this file counts.
pub(crate) struct Filling<B> {
    buffer: B,
    filled: usize,
}

impl<B: IoBufMut> Filling<B> {
    pub(crate) fn new(buffer: B) -> Self {
        Filling { buffer, filled: 0 }
    }

    /// The room that is left.
    pub(crate) fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.buffer.room()[self.filled..]
    }

    /// The buffer, with what has come.
    pub(crate) fn into_inner(mut self) -> B {
        // SAFETY: the kernel has written so many bytes to the beginning of the room: each count is
        // of a call that was given the room behind those before it.
        unsafe { self.buffer.set_filled(self.filled) };
        self.buffer
    }

    /// Reads on, and waits for the disk: for a thread that may.
    pub(crate) fn read_on(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        let read = disk_file::read_at(file, self.room(), offset)?;
        self.filled += read;
        Ok(read)
    }
}

pub(crate) struct ReadAt<B> {
    file: Arc<OwnedFd>,
    buffer: Filling<B>,
    offset: u64,
}

/// Reads on; the result counts what was read now.
pub(crate) fn read_at<B: IoBufMut>(
    driver: Rc<Driver>,
    file: Arc<OwnedFd>,
    buffer: Filling<B>,
    offset: u64,
) -> Pending<ReadAt<B>> {
    let read = ReadAt {
        file,
        buffer,
        offset,
    };
    Pending::new(driver, read)
}

// SAFETY: `IoBufMut` promises that the room stays where it is, and is nobody else's, while the
// operation owns the buffer; the operation keeps the descriptor open.
unsafe impl<B: IoBufMut> OneShot for ReadAt<B> {
    type Output = (io::Result<usize>, Filling<B>);

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let room = self.buffer.room();
        let len = room.len().min(LONGEST) as u32;
        let fd = types::Fd(self.file.as_raw_fd());
        opcode::Read::new(fd, room.as_mut_ptr().cast(), len)
            .offset(self.offset)
            .build()
    }

    fn attempt(&mut self, _: Option<Event>) -> Attempt {
        let room = self.buffer.room();
        finished(disk_file::read_now(self.file.as_fd(), room, self.offset))
    }

    fn step(&mut self, completion: &Completion, orphaned: bool) -> Step {
        again_if_interrupted(completion, orphaned)
    }

    fn output(mut self, completion: Completion) -> Self::Output {
        let read = count(completion);
        self.buffer.filled += read.as_ref().unwrap_or(&0);
        (read, self.buffer)
    }
}

pub(crate) struct WriteAt<B> {
    file: Arc<OwnedFd>,
    buffer: B,
    /// Bytes of the buffer to skip: they were written before.
    from: usize,
    offset: u64,
}

/// Writes the buffer's bytes behind its first `from`.
pub(crate) fn write_at<B: IoBuf>(
    driver: Rc<Driver>,
    file: Arc<OwnedFd>,
    buffer: B,
    from: usize,
    offset: u64,
) -> Pending<WriteAt<B>> {
    let write = WriteAt {
        file,
        buffer,
        from,
        offset,
    };
    Pending::new(driver, write)
}

// SAFETY: `IoBuf` promises that the bytes stay where and what they are while the operation owns
// the buffer; the operation keeps the descriptor open.
unsafe impl<B: IoBuf> OneShot for WriteAt<B> {
    type Output = (io::Result<usize>, B);

    // A write that was begun is not half taken back.
    const FINISHES: bool = true;

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let bytes = &self.buffer.as_slice()[self.from..];
        let len = bytes.len().min(LONGEST) as u32;
        let fd = types::Fd(self.file.as_raw_fd());
        opcode::Write::new(fd, bytes.as_ptr(), len)
            .offset(self.offset)
            .build()
    }

    fn attempt(&mut self, _: Option<Event>) -> Attempt {
        // There is no telling whether it would wait.
        Attempt::Done(Completion::failed(errno::EAGAIN))
    }

    fn step(&mut self, completion: &Completion, orphaned: bool) -> Step {
        again_if_interrupted(completion, orphaned)
    }

    fn output(self, completion: Completion) -> Self::Output {
        (count(completion), self.buffer)
    }
}

/// `WouldBlock` is an answer here, and not a reason to try again.
fn again_if_interrupted(completion: &Completion, orphaned: bool) -> Step {
    if -completion.result == errno::EINTR && !orphaned {
        Step::Again
    } else {
        Step::Finished
    }
}

fn finished(result: io::Result<usize>) -> Attempt {
    let errno = |error: io::Error| error.raw_os_error().unwrap_or(errno::EIO);
    Attempt::Done(match result {
        Ok(count) => Completion::ended(count as i32),
        Err(error) => Completion::failed(errno(error)),
    })
}

fn count(completion: Completion) -> io::Result<usize> {
    completion.into_result().map(|count| count as usize)
}
