//! Connecting a socket.

use crate::driver::{
    Attempt, Closing, Completion, Descriptor, Driver, Event, Interest, OneShot, Pending,
};
use crate::sys::preflight::Preflight;
use crate::sys::ring::{Sqe, opcode, types};
use crate::sys::socket::{self, RawAddress};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;

pub(crate) struct Connect {
    socket: Descriptor,
    address: RawAddress,
}

/// Connects a fresh socket and gives it back. Dropping the future closes the socket.
pub(crate) fn connect(
    driver: Rc<Driver>,
    socket: OwnedFd,
    address: SocketAddr,
) -> Pending<Connect> {
    let connect = Connect {
        socket: Descriptor::new(driver.clone(), socket, Closing::WithNextTurn),
        address: RawAddress::new(address),
    };
    Pending::new(driver, connect)
}

// SAFETY: the address and the descriptor are in the operation itself, which stays where it is.
unsafe impl OneShot for Connect {
    type Output = io::Result<Descriptor>;

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let fd = types::Fd(self.socket.as_raw_fd());
        opcode::Connect::new(fd, self.address.as_ptr(), self.address.len()).build()
    }

    fn attempt(&mut self, event: Option<Event>) -> Attempt {
        let fd = self.socket.as_fd();
        let begun = match event {
            None => socket::set_nonblocking(fd, true),
            Some(_) => Ok(()),
        };
        // connect(2) on a socket that is connecting tells how that stands.
        match begun.and_then(|()| socket::connect_now(fd, &self.address)) {
            Ok(true) => Attempt::Done(Completion::ended(0)),
            Ok(false) => Attempt::Wait(Interest::writable(&self.socket)),
            Err(error) => Attempt::failed(&error, Interest::writable(&self.socket)),
        }
    }

    fn abandoned(&mut self) {
        // As the sockets of streams: whoever has accepted it hears that nobody is there. It fails
        // if nobody has.
        let _ = socket::shutdown(self.socket.as_fd(), Shutdown::Both);
    }

    fn output(self, completion: Completion) -> Self::Output {
        completion.into_result().map(|_| self.socket)
    }
}
