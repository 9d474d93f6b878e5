//! The error numbers that the runtime tells apart.

pub(crate) use libc::{
    EACCES, EAGAIN, EBUSY, ECANCELED, ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EINTR, EINVAL, EIO,
    EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM, ENONET, ENOSYS, EOPNOTSUPP, EPERM,
    EPROTO,
};
use nix::errno::Errno;
use std::io;

/// An error with its number's name, as manual pages have it: "EPERM: Operation not permitted".
pub(crate) fn named(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).to_string(),
        None => error.to_string(),
    }
}
