//! Waiting until a descriptor is ready, for what is then read or written by a call that does not
//! wait: pipes, terminals, the end of a child process.

use crate::driver::{Attempt, Completion, Descriptor, Event, Interest, OneShot, Pending};
use crate::sys::file::{self, Readiness};
use crate::sys::preflight::Preflight;
use crate::sys::ring::{Sqe, opcode, types};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

pub(crate) struct Ready {
    descriptor: Rc<Descriptor>,
    what: Readiness,
}

/// Waits until a descriptor is ready, or has failed, or its other side is gone. What never makes
/// anyone wait (a regular file) is ready at once.
///
/// Nothing is taken from it, so dropping the future loses nothing.
pub(crate) fn ready(descriptor: &Rc<Descriptor>, what: Readiness) -> Pending<Ready> {
    let ready = Ready {
        descriptor: descriptor.clone(),
        what,
    };
    Pending::new(descriptor.driver().clone(), ready)
}

// SAFETY: the submission points to no memory; the operation keeps the descriptor open.
unsafe impl OneShot for Ready {
    type Output = io::Result<()>;

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let fd = types::Fd(self.descriptor.as_raw_fd());
        opcode::PollAdd::new(fd, self.what.events()).build()
    }

    fn attempt(&mut self, _: Option<Event>) -> Attempt {
        let interest = match self.what {
            Readiness::Readable => Interest::readable(&*self.descriptor),
            Readiness::Writable => Interest::writable(&*self.descriptor),
        };
        // Asked first also because epoll refuses what is always ready (EPERM).
        match file::is_ready(self.descriptor.as_fd(), self.what) {
            Ok(true) => Attempt::Done(Completion::ended(0)),
            Ok(false) => Attempt::Wait(interest),
            Err(error) => Attempt::failed(&error, interest),
        }
    }

    fn output(self, completion: Completion) -> Self::Output {
        completion.into_result().map(drop)
    }
}
