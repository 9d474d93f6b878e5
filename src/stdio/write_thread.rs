//! Writing a standard output by a thread, where a loop cannot wait for it.

use crate::sys::file::{self, Readiness};
use crate::sys::{contained, errno, inherit, lock};
use crate::task::WaitList;
use std::io;
use std::os::fd::RawFd;
use std::sync::Mutex;
use std::task::{Context, Poll};

/// Bytes that may wait for the thread before a write waits.
const HIGH_WATER: usize = 64 * 1024;

/// What the thread is to write, in the order in which it was accepted, from whatever handle.
pub(super) struct WriteThread {
    number: RawFd,
    state: Mutex<State>,
}

struct State {
    bytes: Vec<u8>,
    /// What failed, to be told at the next call.
    error: Option<i32>,
    is_writing: bool,
    waiting: WaitList,
}

impl State {
    fn check(&mut self) -> io::Result<()> {
        match self.error.take() {
            None => Ok(()),
            Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl WriteThread {
    pub(super) const fn new(number: RawFd) -> Self {
        WriteThread {
            number,
            state: Mutex::new(State {
                bytes: Vec::new(),
                error: None,
                is_writing: false,
                waiting: WaitList::new(),
            }),
        }
    }

    /// Accepts as much as there is room for; by `key` in the list of those who wait.
    pub(super) fn poll_write(
        &'static self,
        key: &mut Option<usize>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Cloned before the lock is taken and dropped after: a waker's code is foreign.
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        if let Err(error) = state.check() {
            return Poll::Ready(Err(error));
        }
        let room = HIGH_WATER - state.bytes.len();
        if room == 0 {
            let old = state.waiting.enter(key, waker);
            drop(state);
            drop(old);
            return Poll::Pending;
        }
        if !state.is_writing {
            if let Err(error) = inherit::thread("ringmill-stdout", move || self.write()) {
                return Poll::Ready(Err(error));
            }
            state.is_writing = true;
        }
        let accepted = &bytes[..bytes.len().min(room)];
        state.bytes.extend_from_slice(accepted);
        Poll::Ready(Ok(accepted.len()))
    }

    /// Waits until everything that was accepted is written.
    pub(super) fn poll_flush(
        &self,
        key: &mut Option<usize>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        if !state.is_writing {
            return Poll::Ready(state.check());
        }
        let old = state.waiting.enter(key, waker);
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// One who waits is gone.
    pub(super) fn leave(&self, key: Option<usize>) {
        let waker = lock(&self.state).waiting.leave(key);
        drop(waker);
    }

    /// Writes until there is nothing left.
    fn write(&self) {
        let mut error = None;
        loop {
            let (bytes, waiting) = {
                let mut state = lock(&self.state);
                if let Some(errno) = error.take() {
                    state.error = Some(errno);
                    state.bytes.clear();
                }
                state.is_writing = !state.bytes.is_empty();
                (std::mem::take(&mut state.bytes), state.waiting.wakers())
            };
            for waker in waiting {
                contained(|| waker.wake());
            }
            if bytes.is_empty() {
                return;
            }
            if let Err(failed) = write_patiently(self.number, &bytes) {
                error = Some(errno::of(&failed));
            }
        }
    }
}

/// Writes all, waiting also where somebody has made the open file non-blocking.
fn write_patiently(number: RawFd, mut bytes: &[u8]) -> io::Result<()> {
    let fd = file::standard(number)?;
    while !bytes.is_empty() {
        match file::write(fd, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                file::wait_ready(fd, Readiness::Writable)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
