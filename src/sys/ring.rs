//! One io_uring instance: queues, enter, and the flags that can be read without a system call.
//!
//! The ring is used by one thread only, the one that built it (`SINGLE_ISSUER`); it is therefore
//! neither `Send` nor `Sync`.

use super::ring_setup::{self, Features, SetupError};
use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, Submitter};
/// The ring's own vocabulary, for the operations that speak it.
pub(crate) use io_uring::{cqueue, opcode, squeue, types};
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// A submission, as an operation builds it.
pub(crate) type Sqe = squeue::Entry;
/// A completion, as the kernel wrote it.
pub(crate) type Cqe = cqueue::Entry;

/// Flags of a completion (io_uring.h, `IORING_CQE_F_*`): more of the same submission follow; a
/// buffer was picked, whose number is in the upper half.
pub(crate) const CQE_BUFFER: u32 = 1;
pub(crate) const CQE_MORE: u32 = 1 << 1;
pub(crate) const CQE_BUFFER_SHIFT: u32 = 16;

/// How an enter waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Submit only; completions that are due stay in the kernel.
    No,
    /// Run what is due, without waiting.
    Poll,
    /// Wait until something completes.
    Forever,
    /// Wait until something completes or the time is over.
    For(Duration),
}

/// What the ring's own memory says about work that only an enter can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Deferred task work is waiting (`IORING_SQ_TASKRUN`).
    pub(crate) task_work: bool,
    /// Completions that did not fit wait inside the kernel (`IORING_SQ_CQ_OVERFLOW`).
    pub(crate) overflow: bool,
}

pub(crate) struct Ring {
    // Declared before `ring`, which it points into, and so dropped before it.
    submitter: Submitter<'static>,
    ring: Box<IoUring>,
    features: Features,
    enter_flags: EnterFlags,
    not_send: PhantomData<*mut ()>,
}

/// Threads that the kernel may run for one ring, for work on files and for other work: what cannot be
/// begun without waiting, such as a write past the page cache that makes a file longer. Nothing that a
/// loop does often needs one.
const WORKERS: u32 = 8;

impl Ring {
    /// Makes a ring on the calling thread, with the best set-up that this kernel takes.
    pub(crate) fn new(sq_entries: u32, cq_entries: u32) -> Result<Self, SetupError> {
        Ok(Self::around(ring_setup::build(sq_entries, cq_entries)?))
    }

    /// As [`new`](Ring::new), but of this size or not at all, and without waiting for memory.
    pub(crate) fn exactly(sq_entries: u32, cq_entries: u32) -> Result<Self, SetupError> {
        let built = ring_setup::build_exactly(sq_entries, cq_entries)?;
        Ok(Self::around(built))
    }

    fn around((ring, features): (IoUring, Features)) -> Self {
        let ring = Box::new(ring);
        // SAFETY: the submitter borrows from the boxed ring, which does not move when the box
        // does, is never replaced, and is dropped after the submitter.
        let mut submitter: Submitter<'static> =
            unsafe { std::mem::transmute::<Submitter<'_>, Submitter<'static>>(ring.submitter()) };
        // Saves a descriptor look-up an enter; a thread has 16 places for it (5.18+). Without one
        // the plain descriptor serves.
        let _ = submitter.register_ring_fd();
        // 5.15+; without it the kernel's own bounds hold, which go up to the number of processes.
        let _ = submitter.register_iowq_max_workers(&mut [WORKERS, WORKERS]);
        // Blocked in an enter is not waiting for a disk: without this flag an idle loop shows as
        // iowait in every tool (6.15+).
        let enter_flags = if features.no_iowait {
            EnterFlags::NO_IOWAIT
        } else {
            EnterFlags::empty()
        };
        Ring {
            submitter,
            ring,
            features,
            enter_flags,
            not_send: PhantomData,
        }
    }

    /// Submission and completion queue entries, as the kernel has granted them.
    pub(crate) fn entries(&self) -> (u32, u32) {
        let granted = self.ring.params();
        (granted.sq_entries(), granted.cq_entries())
    }

    pub(crate) fn features(&self) -> &Features {
        &self.features
    }

    pub(crate) fn submitter(&self) -> &Submitter<'static> {
        &self.submitter
    }

    /// Gives `fill` room for as many submissions as the queue has free, and publishes with one
    /// store those that it made. `fill` returns `None` when it has no more. Returns how many.
    ///
    /// # Safety
    ///
    /// What the submissions point to stays valid until their terminal completions.
    pub(crate) unsafe fn fill(&self, mut next: impl FnMut() -> Option<Sqe>) -> u32 {
        // SAFETY: the ring is used by one thread and this is the only submission queue alive: the
        // callback gets none.
        let mut queue = unsafe { self.ring.submission_shared() };
        let mut filled = 0;
        while !queue.is_full() {
            let Some(sqe) = next() else { break };
            // SAFETY: the caller's contract; there is room.
            unsafe { queue.push(&sqe) }.expect("room was checked");
            filled += 1;
        }
        filled
    }

    /// Submissions written but not yet taken by the kernel.
    pub(crate) fn unsubmitted(&self) -> u32 {
        // SAFETY: as in `fill`; read and dropped at once.
        unsafe { self.ring.submission_shared() }.len() as u32
    }

    /// Enters the kernel: submits everything written, waits as told.
    ///
    /// A timeout is no error, an interruption by a signal is (`Interrupted`).
    pub(crate) fn enter(&self, wait: Wait) -> io::Result<()> {
        let to_submit = self.unsubmitted();
        let mut flags = self.enter_flags;
        let timespec;
        let mut args = SubmitArgs::new();
        let mut min_complete = 0;
        match wait {
            Wait::No => {}
            Wait::Poll => flags |= EnterFlags::GETEVENTS,
            Wait::Forever => {
                flags |= EnterFlags::GETEVENTS;
                min_complete = 1;
            }
            Wait::For(limit) => {
                flags |= EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
                min_complete = 1;
                timespec = Timespec::from(limit);
                args = args.timespec(&timespec);
            }
        }
        let result = if flags.contains(EnterFlags::EXT_ARG) {
            // SAFETY: `args` and the timespec that it points to live until the call returns; what
            // the submissions point to is the contract of `fill`.
            unsafe {
                self.submitter
                    .enter(to_submit, min_complete, flags.bits(), Some(&args))
            }
        } else {
            // SAFETY: as above, without an argument.
            unsafe {
                self.submitter
                    .enter::<libc::sigset_t>(to_submit, min_complete, flags.bits(), None)
            }
        };
        match result {
            Ok(_) => Ok(()),
            Err(error) if error.raw_os_error() == Some(libc::ETIME) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Copies completions out, loading the tail once and storing the head once.
    pub(crate) fn reap<'a>(&self, room: &'a mut [MaybeUninit<Cqe>]) -> &'a mut [Cqe] {
        // SAFETY: the ring is used by one thread and this is the only completion queue alive.
        unsafe { self.ring.completion_shared() }.fill(room)
    }

    /// Whether a completion lies in the queue; reads shared memory only.
    pub(crate) fn has_completions(&self) -> bool {
        // SAFETY: as in `reap`; read and dropped at once.
        !unsafe { self.ring.completion_shared() }.is_empty()
    }

    /// What only an enter can bring; reads shared memory only.
    pub(crate) fn pending(&self) -> Pending {
        // SAFETY: as in `fill`; read and dropped at once.
        let queue = unsafe { self.ring.submission_shared() };
        Pending {
            task_work: queue.taskrun(),
            overflow: queue.cq_overflow(),
        }
    }
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The place belongs to the thread, which may live on and build other rings. Fails where
        // none was had.
        let _ = self.submitter.unregister_ring_fd();
    }
}
