//! Files: reading and writing at a place, with and without waiting for the disk, and what else std
//! has no call for.

use super::errno::counted;
use super::pieces::Pieces;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `O_DIRECT`: past the page cache.
pub(crate) const DIRECT: i32 = libc::O_DIRECT;

/// Whether a file was opened with [`DIRECT`].
pub(crate) fn is_direct(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: asks for flags, and touches no memory.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    flags != -1 && flags & DIRECT != 0
}

/// The most that one call moves (read(2), "NOTES"), rounded down to whole pages.
pub(crate) const LONGEST: usize = 0x7fff_f000;

/// Reads at a place what is in the page cache already, else fails with `WouldBlock`
/// (preadv2(2), `RWF_NOWAIT`). With [`DIRECT`] it waits for the disk all the same.
pub(crate) fn read_now(
    fd: BorrowedFd<'_>,
    room: &mut [MaybeUninit<u8>],
    offset: u64,
) -> io::Result<usize> {
    let piece = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: room.len().min(LONGEST),
    };
    // SAFETY: one piece, of memory that is borrowed for the length of the call.
    let read = unsafe { libc::preadv2(fd.as_raw_fd(), &piece, 1, offset as i64, libc::RWF_NOWAIT) };
    counted(read)
}

/// Reads at a place, and waits for the disk.
pub(crate) fn read_at(
    fd: BorrowedFd<'_>,
    room: &mut [MaybeUninit<u8>],
    offset: u64,
) -> io::Result<usize> {
    let len = room.len().min(LONGEST);
    // SAFETY: memory that is borrowed for the length of the call.
    let read = unsafe { libc::pread(fd.as_raw_fd(), room.as_mut_ptr().cast(), len, offset as i64) };
    counted(read)
}

/// Writes at a place, and waits for the disk.
pub(crate) fn write_at(fd: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> io::Result<usize> {
    let len = bytes.len().min(LONGEST);
    // SAFETY: memory that is borrowed for the length of the call.
    let written =
        unsafe { libc::pwrite(fd.as_raw_fd(), bytes.as_ptr().cast(), len, offset as i64) };
    counted(written)
}

/// As [`read_now`], into several pieces of memory.
///
/// # Safety
///
/// What is left of the pieces may be written to.
pub(crate) unsafe fn read_vectored_now(
    fd: BorrowedFd<'_>,
    pieces: &Pieces,
    offset: u64,
) -> io::Result<usize> {
    let (pieces, count) = pieces.in_one_call();
    let (fd, offset) = (fd.as_raw_fd(), offset as i64);
    // SAFETY: the caller's promise.
    counted(unsafe { libc::preadv2(fd, pieces, count as i32, offset, libc::RWF_NOWAIT) })
}

/// As [`read_at`], into several pieces of memory.
///
/// # Safety
///
/// What is left of the pieces may be written to.
pub(crate) unsafe fn read_vectored_at(
    fd: BorrowedFd<'_>,
    pieces: &Pieces,
    offset: u64,
) -> io::Result<usize> {
    let (pieces, count) = pieces.in_one_call();
    // SAFETY: the caller's promise.
    counted(unsafe { libc::preadv(fd.as_raw_fd(), pieces, count as i32, offset as i64) })
}

/// As [`write_at`], of several pieces of memory.
///
/// # Safety
///
/// What is left of the pieces may be read.
pub(crate) unsafe fn write_vectored_at(
    fd: BorrowedFd<'_>,
    pieces: &Pieces,
    offset: u64,
) -> io::Result<usize> {
    let (pieces, count) = pieces.in_one_call();
    // SAFETY: the caller's promise.
    counted(unsafe { libc::pwritev(fd.as_raw_fd(), pieces, count as i32, offset as i64) })
}

/// Reserves room on the disk (fallocate(2)); with `keep_size` the file stays as long as it is.
pub(crate) fn allocate(
    fd: BorrowedFd<'_>,
    keep_size: bool,
    offset: u64,
    len: u64,
) -> io::Result<()> {
    let mode = if keep_size {
        libc::FALLOC_FL_KEEP_SIZE
    } else {
        0
    };
    // SAFETY: plain integers.
    let done = unsafe { libc::fallocate(fd.as_raw_fd(), mode, offset as i64, len as i64) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
