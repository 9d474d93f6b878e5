//! [`Descriptor`]: an open file of a loop's, closed by the way that suits it.

use super::Driver;
use std::cell::Cell;
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
    /// `None` only inside the drop.
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
