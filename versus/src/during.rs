//! Says what was being done when an I/O error came.

use std::fmt::Display;
use std::io;

/// Adds the action to an error's text; the kind stays.
pub trait During<T> {
    /// `doing` reads as "while …": `"binding the listener"`.
    fn during(self, doing: impl Display) -> io::Result<T>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, doing: impl Display) -> io::Result<T> {
        self.map_err(|error| io::Error::new(error.kind(), format!("{doing}: {error}")))
    }
}

/// Turns the return value of a C call into a result, reading `errno` on -1.
pub fn checked(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(returned)
    }
}
