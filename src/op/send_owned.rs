//! Sending a buffer that the user hands over: no copy, and the buffer comes back.

use super::send::Sending;
use super::stream::StreamSocket;
use crate::buf::IoBuf;
use crate::driver::{Attempt, Completion, Event, Interest, OneShot, Pending, Step};
use crate::sys::errno;
use crate::sys::preflight::Preflight;
use crate::sys::ring::{Sqe, opcode, types};
use crate::sys::socket::{self, SEND_FLAGS};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

/// The longest piece of one submission; a buffer may be longer than a submission's 32-bit length.
const LONGEST: usize = 1 << 30;

pub(crate) struct SendOwned<B> {
    stream: Rc<StreamSocket>,
    buffer: B,
    sent: usize,
    error: i32,
}

/// Sends all of `buffer` and gives it back. Nothing else may be under way on the stream.
///
/// Dropping the future does not stop the send: the bytes were accepted.
pub(crate) fn send_owned<B: IoBuf>(stream: &Rc<StreamSocket>, buffer: B) -> Pending<SendOwned<B>> {
    debug_assert!(!stream.send.is_busy());
    stream.send.sending.set(Sending::Owned);
    let operation = SendOwned {
        stream: stream.clone(),
        buffer,
        sent: 0,
        error: 0,
    };
    Pending::new(stream.driver().clone(), operation)
}

impl<B: IoBuf> SendOwned<B> {
    /// What one call may still send.
    fn rest(&self) -> &[u8] {
        let rest = &self.buffer.as_slice()[self.sent..];
        &rest[..rest.len().min(LONGEST)]
    }
}

// SAFETY: `IoBuf` promises that the bytes stay where and what they are while the operation owns
// the buffer; the stream keeps the descriptor open.
unsafe impl<B: IoBuf> OneShot for SendOwned<B> {
    type Output = (io::Result<()>, B);

    const FINISHES: bool = true;

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let rest = self.rest();
        let fd = types::Fd(self.stream.as_raw_fd());
        opcode::Send::new(fd, rest.as_ptr(), rest.len() as u32)
            .flags(SEND_FLAGS)
            .build()
    }

    fn attempt(&mut self, _: Option<Event>) -> Attempt {
        let sent = socket::send_now(self.stream.as_fd(), self.rest());
        Attempt::of(sent, Interest::writable(&*self.stream))
    }

    fn step(&mut self, completion: &Completion, orphaned: bool) -> Step {
        match completion.into_result() {
            Ok(sent) => {
                self.sent += sent as usize;
                if self.sent < self.buffer.as_slice().len() {
                    return Step::Again;
                }
            }
            Err(_) if completion.is_transient() => return Step::Again,
            Err(error) => {
                self.error = error.raw_os_error().unwrap_or(errno::ECANCELED);
                self.stream.send_failed(self.error);
            }
        }
        self.stream.send.sending.set(Sending::Idle);
        if self.stream.has_staged() {
            self.stream.send_staged();
        }
        self.stream.shut_down_if_ending();
        if orphaned {
            // Nobody holds the future, so this cannot come back for the operation itself. While
            // somebody does, the stream is borrowed for it and no other writer can wait.
            self.stream.send.writer.wake();
        }
        Step::Finished
    }

    fn abandoned(&mut self) {
        self.stream.shut_down_abandoned();
    }

    fn output(self, _: Completion) -> Self::Output {
        let result = match self.error {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        };
        (result, self.buffer)
    }
}
