//! [`Descriptor`]: an open file of a loop's, closed by the way that suits it.

use super::Driver;
use crate::sys::file;
use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

/// How a descriptor is closed when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Together with what is submitted next.
    WithNextTurn,
    /// By another thread, because the close may block (SO_LINGER).
    Elsewhere,
    /// At once: its address is to be free again.
    AtOnce,
}

/// An open file that a loop works with. The driver learns of its end, because it may know it by its
/// number.
pub(crate) struct Descriptor {
    driver: Rc<Driver>,
    /// `None` only while it is dropped.
    fd: Option<OwnedFd>,
    closing: Cell<Closing>,
}

impl Descriptor {
    pub(crate) fn new(driver: Rc<Driver>, fd: OwnedFd, closing: Closing) -> Self {
        Descriptor {
            driver,
            fd: Some(fd),
            closing: Cell::new(closing),
        }
    }

    pub(crate) fn driver(&self) -> &Rc<Driver> {
        &self.driver
    }

    /// Takes the open file out of the loop. Nobody may be waiting for it any more; where an
    /// operation that was cancelled still holds it, what is given is a duplicate, and this one is
    /// closed with the last of them.
    ///
    /// # Errors
    ///
    /// If there is no descriptor left for a duplicate.
    pub(crate) fn into_owned_fd(self: Rc<Self>) -> io::Result<OwnedFd> {
        self.driver.release(self.as_fd());
        match Rc::try_unwrap(self) {
            Ok(mut alone) => match alone.fd.take() {
                Some(fd) => Ok(fd),
                None => unreachable!("the descriptor is taken out only here and by the drop"),
            },
            Err(shared) => file::duplicate(&*shared),
        }
    }

    pub(crate) fn set_closing(&self, closing: Closing) {
        self.closing.set(closing);
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.fd {
            Some(fd) => fd.as_fd(),
            None => unreachable!("the descriptor is taken out only by the drop"),
        }
    }
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if let Some(fd) = self.fd.take() {
            self.driver.close(fd, self.closing.get());
        }
    }
}
