//! Standard streams that a loop can wait for.

use crate::driver::Driver;
use crate::pipe::{Calls, End};
use crate::sys::file::{self, Kind};
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;

/// An end of a loop's own of a standard stream.
///
/// # Errors
///
/// If the loop cannot wait for it.
pub(super) fn open(driver: Rc<Driver>, number: RawFd) -> io::Result<End> {
    let fd = file::standard(number)?;
    let (fd, calls) = match file::kind(fd)? {
        Kind::Pipe | Kind::Terminal => (file::reopen_now(fd)?, Calls::File),
        // With a number of its own: a driver knows one reader and one writer for each.
        Kind::Socket => (file::duplicate(&fd)?, Calls::Socket),
        Kind::Instant => (file::duplicate(&fd)?, Calls::File),
        Kind::Other => return Err(io::ErrorKind::Unsupported.into()),
    };
    Ok(End::new(driver, fd, calls))
}
