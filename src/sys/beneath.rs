//! Opening what is beneath a directory, and nothing that is not.
//!
//! The kernel walks the path and refuses the step that would leave (openat2(2), `RESOLVE_BENEATH`),
//! so there is no moment between a check and the open. Before Linux 5.6, and where a seccomp profile
//! does not know the call, what a path leads to is held first, without opening it for anything
//! (`O_PATH`); then looked at; then opened: itself, whatever its path means by then.

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How often the kernel is asked again after it saw renames on its way and could not tell whether a
/// `..` led out (openat2(2), `EAGAIN`).
const TRIES: usize = 64;

/// For reading, and without waiting: a FIFO is open at once, whether or not somebody writes.
const FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// Opens what `path` leads to from `directory` for reading.
///
/// # Errors
///
/// `EXDEV` if that is not beneath the directory.
pub(crate) fn open(directory: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(FLAGS)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let mut tries = 0;
    loop {
        match openat2(directory, path, how) {
            // The old profiles of Docker say EPERM of what they do not know.
            Err(Errno::ENOSYS | Errno::EPERM) => return open_held(directory, path),
            Err(Errno::EAGAIN) if tries < TRIES => tries += 1,
            Err(Errno::EINTR) => {}
            opened => return Ok(opened?),
        }
    }
}

fn open_held(directory: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    if path.is_absolute() {
        return Err(Errno::EXDEV.into());
    }
    let hold = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let held = openat(directory, path, hold, Mode::empty())?;
    if !fs::read_link(link(held.as_fd()))?.starts_with(fs::read_link(link(directory))?) {
        return Err(Errno::EXDEV.into());
    }
    // From here on the path does not matter: this link leads to what is held.
    Ok(openat(
        directory,
        &link(held.as_fd()),
        FLAGS,
        Mode::empty(),
    )?)
}

/// A link to what a descriptor is of (proc_pid_fd(5)); it says where that is.
fn link(fd: BorrowedFd<'_>) -> PathBuf {
    format!("/proc/self/fd/{}", fd.as_raw_fd()).into()
}
