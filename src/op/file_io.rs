//! Reading and writing a file at a place, with buffers that are handed over and come back.
//!
//! The ring reads what is in the page cache as it is submitted, and waits for the rest without a
//! thread. Where there is no ring an attempt finds what is in the cache, and says `WouldBlock` where
//! that is not all: files cannot be waited for. Whoever asked then goes to a thread.
//!
//! What is filled and what is written is a [`Fill`] or a [`Pour`]: one buffer, which is here, or
//! several (`file_vectored.rs`).

use crate::buf::{IoBuf, IoBufMut, Registration};
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

/// What reads fill, from its beginning on, and how far it is.
///
/// # Safety
///
/// What a submission points to stays where it is, and is nobody else's, until the next call of
/// `advance` or the drop of the value; also while the value itself moves.
pub(crate) unsafe trait Fill: 'static {
    /// Bytes of room that are left.
    fn left(&mut self) -> usize;

    /// Where the room is known to a ring, all of it.
    fn registration(&self) -> Option<Registration> {
        None
    }

    /// A read into the room that is left, with its place in the ring that it is for.
    fn submission(&mut self, fd: types::Fd, offset: u64, place: Option<u16>) -> Sqe;

    /// The same by a call, if it need not wait for the disk; else `WouldBlock`.
    fn read_now(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize>;

    /// The same by a call that waits for the disk.
    fn read(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize>;

    /// So many more bytes are filled.
    ///
    /// # Safety
    ///
    /// They are: a read into what was left has counted them.
    unsafe fn advance(&mut self, read: usize);

    /// Reads on, and waits for the disk: for a thread that may.
    fn read_on(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        let read = self.read(file, offset)?;
        // SAFETY: the call has just said so.
        unsafe { self.advance(read) };
        Ok(read)
    }
}

/// What writes take from, from its beginning on, and how far they are.
///
/// # Safety
///
/// What a submission points to stays where and what it is until the next call of `advance` or the
/// drop of the value; also while the value itself moves.
pub(crate) unsafe trait Pour: 'static {
    /// Bytes that are left to write.
    fn left(&self) -> usize;

    /// As of a [`Fill`].
    fn registration(&self) -> Option<Registration> {
        None
    }

    /// A write of what is left, with its place in the ring that it is for.
    fn submission(&mut self, fd: types::Fd, offset: u64, place: Option<u16>) -> Sqe;

    /// The same by a call that waits for the disk.
    fn write(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize>;

    /// So many more bytes are written.
    fn advance(&mut self, written: usize);

    /// Writes on, and waits for the disk: for a thread that may.
    fn write_on(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        let written = self.write(file, offset)?;
        self.advance(written);
        Ok(written)
    }
}

/// A buffer that is being filled. Only what is in this file counts.
pub(crate) struct Filling<B> {
    buffer: B,
    filled: usize,
}

impl<B: IoBufMut> Filling<B> {
    pub(crate) fn new(buffer: B) -> Self {
        Filling { buffer, filled: 0 }
    }

    fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.buffer.room()[self.filled..]
    }

    /// The buffer, with what has come.
    pub(crate) fn into_inner(mut self) -> B {
        // SAFETY: the kernel has written so many bytes to the beginning of the room: each count is
        // of a call that was given the room behind those before it.
        unsafe { self.buffer.set_filled(self.filled) };
        self.buffer
    }
}

// SAFETY: `IoBufMut` promises it of the room.
unsafe impl<B: IoBufMut> Fill for Filling<B> {
    fn left(&mut self) -> usize {
        self.room().len()
    }

    fn registration(&self) -> Option<Registration> {
        self.buffer.registration()
    }

    fn submission(&mut self, fd: types::Fd, offset: u64, place: Option<u16>) -> Sqe {
        let room = self.room();
        let (start, len) = (room.as_mut_ptr().cast(), room.len().min(LONGEST) as u32);
        match place {
            Some(place) => opcode::ReadFixed::new(fd, start, len, place)
                .offset(offset)
                .build(),
            None => opcode::Read::new(fd, start, len).offset(offset).build(),
        }
    }

    fn read_now(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        disk_file::read_now(file, self.room(), offset)
    }

    fn read(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        disk_file::read_at(file, self.room(), offset)
    }

    unsafe fn advance(&mut self, read: usize) {
        self.filled += read;
    }
}

/// A buffer that is being written.
pub(crate) struct Pouring<B> {
    buffer: B,
    written: usize,
}

impl<B: IoBuf> Pouring<B> {
    pub(crate) fn new(buffer: B) -> Self {
        Pouring { buffer, written: 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer.as_slice()[self.written..]
    }

    pub(crate) fn into_inner(self) -> B {
        self.buffer
    }
}

// SAFETY: `IoBuf` promises it of the bytes.
unsafe impl<B: IoBuf> Pour for Pouring<B> {
    fn left(&self) -> usize {
        self.bytes().len()
    }

    fn registration(&self) -> Option<Registration> {
        self.buffer.registration()
    }

    fn submission(&mut self, fd: types::Fd, offset: u64, place: Option<u16>) -> Sqe {
        let bytes = self.bytes();
        let (start, len) = (bytes.as_ptr(), bytes.len().min(LONGEST) as u32);
        match place {
            Some(place) => opcode::WriteFixed::new(fd, start, len, place)
                .offset(offset)
                .build(),
            None => opcode::Write::new(fd, start, len).offset(offset).build(),
        }
    }

    fn write(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        disk_file::write_at(file, self.bytes(), offset)
    }

    fn advance(&mut self, written: usize) {
        self.written += written;
    }
}

pub(crate) struct ReadAt<F> {
    file: Arc<OwnedFd>,
    fill: F,
    offset: u64,
    /// Where the driver's ring knows the memory.
    place: Option<u16>,
}

/// Reads on; the result counts what was read now.
pub(crate) fn read_at<F: Fill>(
    driver: Rc<Driver>,
    file: Arc<OwnedFd>,
    fill: F,
    offset: u64,
) -> Pending<ReadAt<F>> {
    let place = fill.registration().and_then(|at| driver.place_of(at));
    let read = ReadAt {
        file,
        fill,
        offset,
        place,
    };
    Pending::new(driver, read)
}

// SAFETY: `Fill`'s promise, as `advance` is called only after the terminal completion; the operation
// keeps the descriptor open.
unsafe impl<F: Fill> OneShot for ReadAt<F> {
    type Output = (io::Result<usize>, F);

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let fd = types::Fd(self.file.as_raw_fd());
        self.fill.submission(fd, self.offset, self.place)
    }

    fn attempt(&mut self, _: Option<Event>) -> Attempt {
        finished(self.fill.read_now(self.file.as_fd(), self.offset))
    }

    fn step(&mut self, completion: &Completion, orphaned: bool) -> Step {
        again_if_interrupted(completion, orphaned)
    }

    fn output(mut self, completion: Completion) -> Self::Output {
        let read = count(completion);
        // SAFETY: the kernel has counted them.
        unsafe { self.fill.advance(*read.as_ref().unwrap_or(&0)) };
        (read, self.fill)
    }
}

pub(crate) struct WriteAt<P> {
    file: Arc<OwnedFd>,
    pour: P,
    offset: u64,
    /// Where the driver's ring knows the memory.
    place: Option<u16>,
}

/// Writes on; the result counts what was written now.
pub(crate) fn write_at<P: Pour>(
    driver: Rc<Driver>,
    file: Arc<OwnedFd>,
    pour: P,
    offset: u64,
) -> Pending<WriteAt<P>> {
    let place = pour.registration().and_then(|at| driver.place_of(at));
    let write = WriteAt {
        file,
        pour,
        offset,
        place,
    };
    Pending::new(driver, write)
}

// SAFETY: as for reads.
unsafe impl<P: Pour> OneShot for WriteAt<P> {
    type Output = (io::Result<usize>, P);

    // A write that was begun is not half taken back.
    const FINISHES: bool = true;

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let fd = types::Fd(self.file.as_raw_fd());
        self.pour.submission(fd, self.offset, self.place)
    }

    fn attempt(&mut self, _: Option<Event>) -> Attempt {
        // There is no telling whether it would wait.
        Attempt::Done(Completion::failed(errno::EAGAIN))
    }

    fn step(&mut self, completion: &Completion, orphaned: bool) -> Step {
        again_if_interrupted(completion, orphaned)
    }

    fn output(mut self, completion: Completion) -> Self::Output {
        let written = count(completion);
        self.pour.advance(*written.as_ref().unwrap_or(&0));
        (written, self.pour)
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
