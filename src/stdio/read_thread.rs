//! Reading the standard input by a thread, where a loop cannot wait for it.

use crate::sys::file::{self, Readiness};
use crate::sys::{contained, errno, inherit, lock};
use crate::task::WaitList;
use std::io;
use std::os::fd::RawFd;
use std::sync::Mutex;
use std::task::{Context, Poll};

/// Bytes of one read: what a terminal's line or a pipe's buffer has at most is of this order.
const CHUNK: usize = 8 * 1024;

/// What the thread has read waits here, whoever asked for it.
pub(super) struct ReadThread {
    number: RawFd,
    state: Mutex<State>,
}

struct State {
    bytes: Vec<u8>,
    taken: usize,
    /// What came instead of bytes: the end, or an errno.
    end: Option<Result<(), i32>>,
    is_reading: bool,
    waiting: WaitList,
}

impl ReadThread {
    pub(super) const fn new(number: RawFd) -> Self {
        ReadThread {
            number,
            state: Mutex::new(State {
                bytes: Vec::new(),
                taken: 0,
                end: None,
                is_reading: false,
                waiting: WaitList::new(),
            }),
        }
    }

    /// Takes what was read, or has a thread read; by `key` in the list of those who wait.
    pub(super) fn poll_read(
        &'static self,
        key: &mut Option<usize>,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // Cloned before the lock is taken and dropped after: a waker's code is foreign.
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        if let Some(taken) = state.take(room) {
            return Poll::Ready(taken);
        }
        if !state.is_reading {
            if let Err(error) = inherit::thread("ringmill-stdin", move || self.read()) {
                return Poll::Ready(Err(error));
            }
            state.is_reading = true;
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

    fn read(&self) {
        let mut bytes = vec![0; CHUNK];
        let read = read_patiently(self.number, &mut bytes);
        let waiting = {
            let mut state = lock(&self.state);
            state.is_reading = false;
            state.taken = 0;
            match read {
                Ok(0) => state.end = Some(Ok(())),
                Ok(read) => {
                    bytes.truncate(read);
                    state.bytes = bytes;
                }
                Err(error) => state.end = Some(Err(errno::of(&error))),
            }
            state.waiting.wakers()
        };
        for waker in waiting {
            contained(|| waker.wake());
        }
    }
}

impl State {
    fn take(&mut self, room: &mut [u8]) -> Option<io::Result<usize>> {
        let there = &self.bytes[self.taken..];
        if there.is_empty() {
            // Once: a terminal goes on after an end.
            let end = self.end.take()?;
            return Some(end.map(|()| 0).map_err(io::Error::from_raw_os_error));
        }
        let count = there.len().min(room.len());
        room[..count].copy_from_slice(&there[..count]);
        self.taken += count;
        if self.taken == self.bytes.len() {
            self.bytes = Vec::new();
            self.taken = 0;
        }
        Some(Ok(count))
    }
}

/// Reads, waiting also where somebody has made the open file non-blocking.
fn read_patiently(number: RawFd, room: &mut [u8]) -> io::Result<usize> {
    let fd = file::standard(number)?;
    loop {
        match file::read(fd, room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                file::wait_ready(fd, Readiness::Readable)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
