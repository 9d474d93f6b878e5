//! [`Child`]: a process that was started.

use super::running::Running;
use crate::driver::Driver;
use crate::event_loop::{budgeted, proceed_free};
use crate::pipe::{Receiver, Sender};
use crate::sys::process::SIGKILL;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Output};
use std::rc::Rc;
use std::task::Poll;

/// A child process, and the loop's ends of its pipes.
///
/// It belongs to the loop that started it. Dropping it lets the process go on (unless
/// [`Command::kill_on_drop`](super::Command::kill_on_drop) is set) and takes its status when it
/// ends, so that it does not stay as a zombie; see [the module](super) for how.
pub struct Child {
    /// Where the child reads from, if [`Command::stdin`](super::Command::stdin) is piped.
    pub stdin: Option<Sender>,
    /// What the child writes, if [`Command::stdout`](super::Command::stdout) is piped.
    pub stdout: Option<Receiver>,
    /// What the child writes, if [`Command::stderr`](super::Command::stderr) is piped.
    pub stderr: Option<Receiver>,
    running: Running,
}

impl Child {
    pub(super) fn new(
        driver: &Rc<Driver>,
        mut child: std::process::Child,
        kill_on_drop: bool,
    ) -> io::Result<Self> {
        // First, so that the child is taken care of if a pipe is not to be had.
        let running = Running::new(driver.clone(), child.id(), kill_on_drop);
        let stdin = child.stdin.take().map(OwnedFd::from);
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        Ok(Child {
            stdin: stdin.map(Sender::from_owned_fd).transpose()?,
            stdout: stdout.map(Receiver::from_owned_fd).transpose()?,
            stderr: stderr.map(Receiver::from_owned_fd).transpose()?,
            running,
        })
    }

    /// The process's number; `None` once its status was taken, as the number may then be another's.
    pub fn id(&self) -> Option<u32> {
        self.running.id()
    }

    /// Waits until the process has ended, and gives its status, also when asked again.
    ///
    /// Closes [`stdin`](Child::stdin) first, as a child that reads to its end would wait for ever;
    /// take it out to keep it. A child that writes to a pipe that nobody reads waits for ever, too.
    ///
    /// # Errors
    ///
    /// If somebody else has taken the status: another part of the program by wait(2), or the
    /// kernel, where SIGCHLD is ignored.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it, except that `stdin` is closed.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        poll_fn(|cx| {
            budgeted(cx, |cx| {
                drop(self.stdin.take());
                self.running.poll_wait(cx)
            })
        })
        .await
    }

    /// The status, if the process has ended. Leaves [`stdin`](Child::stdin) alone.
    ///
    /// # Errors
    ///
    /// As [`wait`](Child::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.running.try_wait()
    }

    /// Reads both outputs to their ends, at the same time, and waits until the process has ended.
    /// Closes [`stdin`](Child::stdin) first. An output that is not piped comes back empty.
    ///
    /// An output ends when every process that has it is gone: a child's own children, too.
    ///
    /// # Errors
    ///
    /// As [`wait`](Child::wait), or of a read.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the child, and what was read.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        proceed_free().await;
        drop(self.stdin.take());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        poll_fn(|cx| {
            let mut all_ended = true;
            for (pipe, bytes) in [
                (&mut self.stdout, &mut stdout),
                (&mut self.stderr, &mut stderr),
            ] {
                if let Some(receiver) = pipe {
                    match receiver.poll_read_to_end(cx, bytes) {
                        Poll::Ready(Ok(())) => *pipe = None,
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => all_ended = false,
                    }
                }
            }
            match all_ended {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            }
        })
        .await?;
        let status = self.wait().await?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Sends SIGKILL, without waiting for the end. It is no error if the process has ended.
    ///
    /// # Errors
    ///
    /// If the process has come to have other rights than this one (`PermissionDenied`).
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.signal(SIGKILL)
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Errors
    ///
    /// As [`start_kill`](Child::start_kill) and [`wait`](Child::wait).
    ///
    /// # Cancel safety
    ///
    /// Once it was polled the signal is sent, unless it was in a scope that is cancelled; see
    /// [`wait`](Child::wait).
    pub async fn kill(&mut self) -> io::Result<()> {
        proceed_free().await;
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Sends a signal, by its number (signal(7)). It is no error if the process has ended; and it is
    /// never another process that gets it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a signal that there is not, and as [`start_kill`](Child::start_kill).
    pub fn signal(&mut self, signal: i32) -> io::Result<()> {
        self.running.signal(signal)
    }

    /// Sends a signal to every process of the group that the child leads; see
    /// [`Command::process_group`](super::Command::process_group). It reaches the child's own
    /// children, if they have not left the group, and those of a child that has ended but was not
    /// waited for.
    ///
    /// # Errors
    ///
    /// `InvalidInput` once the status was taken, as the number may then be another group's; else as
    /// [`signal`](Child::signal), and if the child leads no group (`ESRCH`).
    pub fn signal_group(&mut self, signal: i32) -> io::Result<()> {
        match self.running.signal_group(signal) {
            Some(sent) => sent,
            None => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the process was waited for: its group's number may be another's",
            )),
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.id())
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .finish_non_exhaustive()
    }
}
