//! The error numbers that the runtime tells apart.

pub(crate) use libc::{
    EACCES, EAGAIN, EBUSY, ECANCELED, ECONNABORTED, EINTR, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM,
    ENOSYS, EPERM, EPROTO,
};
