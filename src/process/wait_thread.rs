//! [`WaitThread`]: waiting for a child by a thread, where there is no pidfd.

use crate::sys::process::{self, Target};
use crate::sys::{contained, errno, inherit, lock};
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// A thread that waits for one child and takes its status, whether anybody still wants it or not.
pub(super) struct WaitThread {
    pid: u32,
    state: Arc<Mutex<State>>,
}

/// While the lock is held and there is no result, the child's number is its own.
#[derive(Default)]
struct State {
    /// The status, or the errno of what failed.
    result: Option<Result<ExitStatus, i32>>,
    waker: Option<Waker>,
}

impl State {
    /// Takes the child's status, if it has ended and nobody has.
    fn look(&mut self, pid: u32) -> io::Result<Option<ExitStatus>> {
        if self.result.is_none() {
            self.result = match process::try_reap(Target::Pid(pid)) {
                Ok(status) => status.map(Ok),
                Err(error) => Some(Err(errno::of(&error))),
            };
        }
        match self.result {
            None => Ok(None),
            Some(Ok(status)) => Ok(Some(status)),
            Some(Err(errno)) => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl WaitThread {
    /// Starts waiting.
    ///
    /// # Errors
    ///
    /// If there is no thread to be had.
    pub(super) fn start(pid: u32) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        inherit::thread("ringmill-wait", move || wait(pid, &shared))?;
        Ok(WaitThread { pid, state })
    }

    /// The status, if the child has ended.
    pub(super) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        lock(&self.state).look(self.pid)
    }

    pub(super) fn poll_wait(&self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        // Cloned before the lock is taken and dropped after: a waker's code is foreign.
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        let old = state.waker.replace(waker);
        let looked = state.look(self.pid);
        drop(state);
        drop(old);
        looked.transpose().map_or(Poll::Pending, Poll::Ready)
    }

    /// Whether the child's number is still its own, as far as can be told.
    pub(super) fn runs(&self) -> bool {
        lock(&self.state).result.is_none()
    }

    /// Sends a signal to the child's group, if the child was not waited for.
    pub(super) fn signal_group(&self, signal: i32) -> Option<io::Result<()>> {
        let state = lock(&self.state);
        let runs = state.result.is_none();
        runs.then(|| process::signal_group(self.pid, signal))
    }

    /// Sends a signal, if the child has not ended.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        let state = lock(&self.state);
        match state.result {
            None => process::signal(Target::Pid(self.pid), signal),
            Some(_) => Ok(()),
        }
    }
}

fn wait(pid: u32, state: &Mutex<State>) {
    // It fails only where there is no such child any more, which the look finds, too.
    let _ = process::wait_ended(pid);
    let waker = {
        let mut state = lock(state);
        // Kept for whoever asks.
        let _ = state.look(pid);
        state.waker.take()
    };
    if let Some(waker) = waker {
        contained(|| waker.wake());
    }
}
