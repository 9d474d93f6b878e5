//! [`Running`]: a child process from its start until its status is taken, by whoever it is.

use super::orphans;
use super::wait_thread::WaitThread;
use crate::driver::{Closing, Descriptor, Driver, Pending};
use crate::event_loop::context;
use crate::op::{self, Ready};
use crate::sys::file::Readiness;
use crate::sys::process::{self, Target};
use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::process::ExitStatus;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

pub(super) struct Running {
    pid: u32,
    exit: Exit,
    kill_on_drop: bool,
}

/// How its end is learned.
enum Exit {
    /// By the loop.
    PidFd {
        waiting: Option<Pending<Ready>>,
        pidfd: Rc<Descriptor>,
    },
    /// There is no pidfd, and nobody has waited yet.
    Pid,
    Thread(WaitThread),
    /// It is known, and the child's number may be another's.
    Ended(ExitStatus),
}

impl Running {
    /// Takes care of a child that was just started.
    pub(super) fn new(driver: Rc<Driver>, pid: u32, kill_on_drop: bool) -> Self {
        let exit = match process::open_pidfd(pid) {
            Ok(fd) if process::can_be_waited_for(fd.as_fd()) => Exit::PidFd {
                waiting: None,
                pidfd: Rc::new(Descriptor::new(driver, fd, Closing::AtOnce)),
            },
            // An old kernel, a seccomp profile, no descriptor left.
            Ok(_) | Err(_) => Exit::Pid,
        };
        Running {
            pid,
            exit,
            kill_on_drop,
        }
    }

    /// The child's number, until its status is taken.
    pub(super) fn id(&self) -> Option<u32> {
        match &self.exit {
            Exit::Ended(_) => None,
            // It may have taken the status already.
            Exit::Thread(thread) => thread.runs().then_some(self.pid),
            Exit::PidFd { .. } | Exit::Pid => Some(self.pid),
        }
    }

    /// Sends a signal to the group of that number, if it is still the child's.
    pub(super) fn signal_group(&self, signal: i32) -> Option<io::Result<()>> {
        match &self.exit {
            Exit::Ended(_) => None,
            Exit::Thread(thread) => thread.signal_group(signal),
            Exit::PidFd { .. } | Exit::Pid => Some(process::signal_group(self.pid, signal)),
        }
    }

    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        loop {
            match &mut self.exit {
                Exit::Ended(status) => return Poll::Ready(Ok(*status)),
                Exit::PidFd { waiting, pidfd } => {
                    let wait = || op::ready(pidfd, Readiness::Readable);
                    let polled = Pin::new(waiting.get_or_insert_with(wait)).poll(cx);
                    if polled.is_pending() {
                        context::assert_current(pidfd.driver());
                    }
                    let waited = ready!(polled);
                    *waiting = None;
                    waited?;
                    match process::try_reap(Target::PidFd(pidfd.as_fd()))? {
                        Some(status) => self.exit = Exit::Ended(status),
                        // It has ended, but its tracer (strace, a debugger) has to take its status
                        // first, of which the pidfd does not tell.
                        None => self.exit = Exit::Pid,
                    }
                }
                Exit::Pid => self.exit = Exit::Thread(WaitThread::start(self.pid)?),
                Exit::Thread(thread) => {
                    let status = ready!(thread.poll_wait(cx))?;
                    self.exit = Exit::Ended(status);
                }
            }
        }
    }

    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = match &self.exit {
            Exit::Ended(status) => Some(*status),
            Exit::PidFd { pidfd, .. } => process::try_reap(Target::PidFd(pidfd.as_fd()))?,
            Exit::Pid => process::try_reap(Target::Pid(self.pid))?,
            Exit::Thread(thread) => thread.try_wait()?,
        };
        if let Some(status) = status {
            self.exit = Exit::Ended(status);
        }
        Ok(status)
    }

    /// Sends a signal; to a child that has ended it does nothing.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        match &self.exit {
            Exit::Ended(_) => Ok(()),
            Exit::PidFd { pidfd, .. } => process::signal(Target::PidFd(pidfd.as_fd()), signal),
            Exit::Pid => process::signal(Target::Pid(self.pid), signal),
            Exit::Thread(thread) => thread.signal(signal),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // It fails where somebody else has taken the status, or the child has other rights.
            let _ = self.signal(process::SIGKILL);
        }
        // An error means that there is no such child any more.
        let has_ended = !matches!(self.try_wait(), Ok(None));
        match std::mem::replace(&mut self.exit, Exit::Pid) {
            Exit::PidFd { waiting, pidfd } if !has_ended => {
                drop(waiting);
                orphans::adopt(self.pid, pidfd.into_owned_fd().ok());
            }
            Exit::Pid if !has_ended => orphans::adopt(self.pid, None),
            // The thread takes the status.
            Exit::Thread(_) | Exit::PidFd { .. } | Exit::Pid | Exit::Ended(_) => {}
        }
    }
}
