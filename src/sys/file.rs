//! Files that are read and written in order: pipes, terminals, sockets that were handed in.

use super::errno::counted;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::fs::OpenOptions;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What is waited for: something to read (or the end of it), or room to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Readable,
    Writable,
}

impl Readiness {
    /// As poll(2) has it, and the ring's poll.
    pub(crate) fn events(self) -> u32 {
        match self {
            Readiness::Readable => libc::POLLIN as u32,
            Readiness::Writable => libc::POLLOUT as u32,
        }
    }
}

/// What a descriptor is of, as far as waiting for it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A pipe, named or not.
    Pipe,
    Socket,
    Terminal,
    /// Never to be waited for: a file or directory on a file system, /dev/null and its kin.
    Instant,
    Other,
}

/// /dev/null, zero, full, random and urandom, by major and minor number (devices.txt).
const INSTANT_DEVICES: [(u32, u32); 5] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9)];

/// /dev/ptmx, where each open makes another terminal.
const TERMINAL_MAKER: (u32, u32) = (5, 2);

pub(crate) fn kind(fd: BorrowedFd<'_>) -> io::Result<Kind> {
    // SAFETY: all zeroes are a valid stat, which the call overwrites.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is writable for the length of the call.
    if unsafe { libc::fstat(fd.as_raw_fd(), &mut stat) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let device = (libc::major(stat.st_rdev), libc::minor(stat.st_rdev));
    Ok(match stat.st_mode & libc::S_IFMT {
        libc::S_IFIFO => Kind::Pipe,
        libc::S_IFSOCK => Kind::Socket,
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Kind::Instant,
        libc::S_IFCHR if INSTANT_DEVICES.contains(&device) => Kind::Instant,
        libc::S_IFCHR if device != TERMINAL_MAKER && is_terminal(fd) => Kind::Terminal,
        _ => Kind::Other,
    })
}

fn is_terminal(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: a question about a number.
    unsafe { libc::isatty(fd.as_raw_fd()) == 1 }
}

fn access(fd: BorrowedFd<'_>) -> io::Result<OFlag> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    Ok(flags & OFlag::O_ACCMODE)
}

/// Whether the descriptor was opened for reading or writing, as asked.
pub(crate) fn permits(fd: BorrowedFd<'_>, what: Readiness) -> io::Result<bool> {
    let access = access(fd)?;
    Ok(match what {
        Readiness::Readable => access != OFlag::O_WRONLY,
        Readiness::Writable => access != OFlag::O_RDONLY,
    })
}

/// A pipe: the end to read from and the one to write to, neither of which ever makes a call wait.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: room for two numbers.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both were just made and nobody else knows them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Opens a file at one end, so that neither this nor a later call waits. A FIFO is there to be read
/// at once; to be written only while somebody has it open for reading (`ENXIO`).
pub(crate) fn open_now(path: &Path, what: Readiness) -> io::Result<OwnedFd> {
    let mut options = OpenOptions::new();
    let options = match what {
        Readiness::Readable => options.read(true),
        Readiness::Writable => options.write(true),
    };
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    Ok(options.open(path)?.into())
}

/// Opens the same pipe or terminal again: an open file of our own, which can be made non-blocking
/// without anyone else's becoming so.
pub(crate) fn reopen_now(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let access = access(fd)?;
    let mut options = OpenOptions::new();
    options
        .read(access != OFlag::O_WRONLY)
        .write(access != OFlag::O_RDONLY)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    Ok(options
        .open(format!("/proc/self/fd/{}", fd.as_raw_fd()))?
        .into())
}

/// One of the three descriptors that a program begins with.
///
/// # Errors
///
/// If it is closed.
pub(crate) fn standard(number: RawFd) -> io::Result<BorrowedFd<'static>> {
    assert!((0..=2).contains(&number), "a standard stream");
    // SAFETY: the three are by convention never closed but replaced; one that was closed all the
    // same makes calls fail or reach what took its number, as for every program.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    access(fd)?;
    Ok(fd)
}

/// read(2): what is there, at most as much as there is room for; 0 at the end.
pub(crate) fn read(fd: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the slice is writable for the length of the call.
    let read = unsafe { libc::read(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
    counted(read)
}

/// write(2): how much was taken.
pub(crate) fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the slice is readable for the length of the call.
    let written = unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    counted(written)
}

/// Memory blocks that one call takes at most (`UIO_MAXIOV`; readv(2), "NOTES").
pub(crate) const MOST_PIECES: usize = 1024;

/// writev(2): how much was taken, of the first [`MOST_PIECES`].
pub(crate) fn write_vectored(fd: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let count = pieces.len().min(MOST_PIECES) as i32;
    // SAFETY: an `IoSlice` is an iovec (std's promise), and its bytes are readable for the length of
    // the call.
    let written = unsafe { libc::writev(fd.as_raw_fd(), pieces.as_ptr().cast(), count) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// As [`read`] of a socket, whatever its open file is set to.
pub(crate) fn recv(fd: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the slice is writable for the length of the call.
    let read = unsafe {
        libc::recv(
            fd.as_raw_fd(),
            room.as_mut_ptr().cast(),
            room.len(),
            libc::MSG_DONTWAIT,
        )
    };
    counted(read)
}

/// Whether a descriptor is ready now. One that has failed or ended is.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, what: Readiness) -> io::Result<bool> {
    poll(fd, what, 0)
}

/// Waits for a descriptor, on a thread that may.
pub(crate) fn wait_ready(fd: BorrowedFd<'_>, what: Readiness) -> io::Result<()> {
    poll(fd, what, -1).map(drop)
}

fn poll(fd: BorrowedFd<'_>, what: Readiness, millis: i32) -> io::Result<bool> {
    let mut polled = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: what.events() as i16,
        revents: 0,
    };
    loop {
        // SAFETY: one entry, writable for the length of the call.
        match unsafe { libc::poll(&mut polled, 1, millis) } {
            0 => return Ok(false),
            1.. => return Ok(true),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// A duplicate with a number of its own, of the same open file.
pub(crate) fn duplicate(fd: &impl AsFd) -> io::Result<OwnedFd> {
    fd.as_fd().try_clone_to_owned()
}
