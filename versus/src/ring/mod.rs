//! The io_uring set-up that the load generator and the hand-written peer share: one ring, one
//! thread, one enter a loop iteration.
//!
//! - this file: the ring's flags, its queues, the enter
//! - `buffers`: the provided-buffer ring

pub mod buffers;

use std::io;
use std::time::Duration;

use io_uring::squeue::{self, Entry};
use io_uring::{CompletionQueue, EnterFlags, IoUring, SubmissionQueue, Submitter, types};

use crate::during::During;

/// Room for the sends of a whole batch of completions.
const SQ_ENTRIES: u32 = 1024;

/// Eight times the submissions: an overflow would end every multishot operation.
const CQ_ENTRIES: u32 = 8 * SQ_ENTRIES;

/// Sets up a ring that only this thread submits to and that runs completions only when asked.
///
/// # Errors
/// When the kernel is older than 6.1 or forbids io_uring.
pub fn open() -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_coop_taskrun()
        .setup_taskrun_flag()
        .setup_submit_all()
        .setup_cqsize(CQ_ENTRIES);
    // Without the index array since 6.6; an older kernel answers EINVAL.
    let without_array = builder.clone().setup_no_sqarray().build(SQ_ENTRIES);
    match without_array {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => builder.build(SQ_ENTRIES),
        other => other,
    }
    .during("setting up a ring (Linux 6.1 or newer, io_uring allowed)")
}

/// A ring's two queues and the way into the kernel.
pub struct Queues<'ring> {
    submitter: Submitter<'ring>,
    submissions: SubmissionQueue<'ring>,
    pub completions: CompletionQueue<'ring>,
    wait: EnterFlags,
}

impl<'ring> Queues<'ring> {
    /// Registers the ring's descriptor, which saves its look-up in each enter.
    ///
    /// # Errors
    /// When the registration fails.
    pub fn of(ring: &'ring mut IoUring) -> io::Result<Self> {
        let mut wait = EnterFlags::GETEVENTS;
        if ring.params().is_feature_no_iowait() {
            // A blocked server is idle, not waiting for a disk.
            wait |= EnterFlags::NO_IOWAIT;
        }
        let (mut submitter, submissions, completions) = ring.split();
        submitter
            .register_ring_fd()
            .during("registering the ring's descriptor")?;
        Ok(Self {
            submitter,
            submissions,
            completions,
            wait,
        })
    }

    /// For registrations of files and buffers.
    pub fn submitter(&self) -> &Submitter<'ring> {
        &self.submitter
    }

    /// Queues an operation; enters only when the queue is full.
    ///
    /// # Safety
    /// What the entry points to must stay valid until the operation's last completion.
    ///
    /// # Errors
    /// When the queue is full and the kernel takes nothing from it.
    pub unsafe fn push(&mut self, entry: &Entry) -> io::Result<()> {
        // SAFETY: the caller keeps what the entry points to.
        while unsafe { self.submissions.push(entry) }.is_err() {
            let before = self.submissions.len();
            self.enter(0, EnterFlags::empty(), None)?;
            if self.submissions.len() == before {
                return Err(io::Error::other("the kernel takes no submissions"));
            }
        }
        Ok(())
    }

    /// Queues a chain of linked operations in one piece: a chain ends where a submission ends.
    ///
    /// # Safety
    /// As of [`push`](Self::push).
    ///
    /// # Errors
    /// As of [`push`](Self::push).
    pub unsafe fn push_chain(&mut self, entries: &[Entry]) -> io::Result<()> {
        // SAFETY: the caller keeps what the entries point to.
        while unsafe { self.submissions.push_multiple(entries) }.is_err() {
            let before = self.submissions.len();
            self.enter(0, EnterFlags::empty(), None)?;
            if self.submissions.len() == before {
                return Err(io::Error::other("the kernel takes no submissions"));
            }
        }
        Ok(())
    }

    /// Submits what is queued and brings what is there, without waiting; enters only if there is
    /// something to do, so it can be called in a spinning loop.
    ///
    /// # Errors
    /// As of [`submit_and_wait`](Self::submit_and_wait).
    pub fn submit_and_look(&mut self) -> io::Result<()> {
        if !self.submissions.is_empty()
            || self.submissions.taskrun()
            || self.submissions.cq_overflow()
        {
            self.enter(0, EnterFlags::GETEVENTS, None)?;
        }
        self.completions.sync();
        Ok(())
    }

    /// Submits what is queued, then waits for one completion, at most for `timeout`. Completions
    /// are in `completions` afterwards; none after a timeout or a signal.
    ///
    /// # Errors
    /// What `io_uring_enter(2)` answers, but for a timeout, a signal and a lack of room.
    pub fn submit_and_wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.enter(1, self.wait, timeout)?;
        self.completions.sync();
        Ok(())
    }

    fn enter(
        &mut self,
        want: u32,
        mut flags: EnterFlags,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        self.submissions.sync();
        let queued = self.submissions.len() as u32;
        let entered = match timeout {
            None => {
                // SAFETY: no argument is passed, and what the entries point to was vouched for
                // in `push`.
                unsafe {
                    self.submitter
                        .enter::<libc::sigset_t>(queued, want, flags.bits(), None)
                }
            }
            Some(timeout) => {
                flags |= EnterFlags::EXT_ARG;
                let timespec = types::Timespec::from(timeout);
                let argument = types::SubmitArgs::new().timespec(&timespec);
                // SAFETY: EXT_ARG goes with a SubmitArgs, which outlives the call as does the
                // timespec it names; the entries as above.
                unsafe {
                    self.submitter
                        .enter(queued, want, flags.bits(), Some(&argument))
                }
            }
        };
        self.submissions.sync();
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // The caller looks at the completions and comes again.
                Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY) => Ok(()),
                _ => Err(error).during("entering the ring"),
            },
        }
    }
}

/// The flag of an operation whose completion is wanted only on failure.
pub const SILENT: squeue::Flags = squeue::Flags::SKIP_SUCCESS;
