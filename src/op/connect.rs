//! Connecting a socket.

use crate::driver::{Completion, Driver, OneShot, Pending};
use crate::sys::ring::{Sqe, opcode, types};
use crate::sys::socket::RawAddress;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

pub(crate) struct Connect {
    socket: OwnedFd,
    address: RawAddress,
}

/// Connects a fresh socket and gives it back. Dropping the future closes the socket.
pub(crate) fn connect(
    driver: Rc<Driver>,
    socket: OwnedFd,
    address: SocketAddr,
) -> Pending<Connect> {
    let address = RawAddress::new(address);
    Pending::new(driver, Connect { socket, address })
}

// SAFETY: the address and the descriptor are in the operation itself, which stays where it is.
unsafe impl OneShot for Connect {
    type Output = io::Result<OwnedFd>;

    fn prepare(&mut self) -> Sqe {
        let fd = types::Fd(self.socket.as_raw_fd());
        opcode::Connect::new(fd, self.address.as_ptr(), self.address.len()).build()
    }

    fn output(self, completion: Completion) -> Self::Output {
        completion.into_result().map(|_| self.socket)
    }
}
