//! The error numbers that the runtime tells apart.

pub(crate) use libc::{
    EACCES, EAGAIN, EBUSY, ECANCELED, ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EINTR, EINVAL, EIO,
    EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM, ENONET, ENOSYS, EOPNOTSUPP, EPERM,
    EPROTO,
};
use nix::errno::Errno;
use std::io;

/// An error's number, for where the error itself cannot be kept; EIO if it has none.
pub(crate) fn of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(EIO)
}

/// What a system call that counts bytes has returned: how many, or -1 for the thread's errno.
pub(super) fn counted(returned: isize) -> io::Result<usize> {
    usize::try_from(returned).map_err(|_| io::Error::last_os_error())
}

/// An error with its number's name, as manual pages have it: "EPERM: Operation not permitted".
pub(crate) fn named(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).to_string(),
        None => error.to_string(),
    }
}
