//! The io_uring back end.

use super::backend::Signal;
use super::operation::Completion;
use super::slots::Key;
use super::{Config, Driver, DriverInfo, DriverKind, Request, Tier, guard};
use crate::buf::BufferPool;
use crate::sys::buf_ring::BufRing;
use crate::sys::errno;
use crate::sys::eventfd::EventFd;
use crate::sys::preflight::{self, Preflight};
use crate::sys::ring::{Cqe, Ring, Sqe, Wait, opcode, squeue::Flags, types};
use crate::sys::ring_setup::SetupError;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// Completions copied out at a time: 4 KiB of stack, and one load of the tail and one store of the
/// head (which share a cache line with the kernel's side) for all of them.
const REAP_BATCH: usize = 256;

/// The buffer group of the loop's pool; a ring has only this one.
const GROUP: u16 = 0;

/// Where the kind lies in `user_data`.
const KIND_SHIFT: u32 = 60;
const KIND_OPERATION: u64 = 0;
/// Its completion means nothing to anyone: a cancel, a close, a wake-up from another ring.
const KIND_SILENT: u64 = 1;

/// What another ring posts to wake this one: the completion itself is the wake-up.
pub(crate) const WAKE_USER_DATA: u64 = KIND_SILENT << KIND_SHIFT | 1;
/// A cancel or a close.
const QUIET_USER_DATA: u64 = KIND_SILENT << KIND_SHIFT;

pub(super) struct Uring {
    ring: Ring,
    preflight: Preflight,
    signal: Arc<Signal>,
    /// Submissions ever written.
    written: Cell<u64>,
    /// The descriptors whose closes the kernel has not taken yet, each with the number of its
    /// submission.
    closing: RefCell<VecDeque<(u64, RawFd)>>,
}

impl Uring {
    pub(super) fn new(config: &Config) -> Result<(Self, BufferPool), SetupError> {
        let failed = |call| move |source| SetupError { call, source };
        let preflight = preflight::preflight()?;
        let buffers = BufRing::new(GROUP, config.buffers, config.buffer_len)?;
        let ring = buffers.register_with_new(config.sq_entries, config.cq_entries)?;
        let eventfd = EventFd::new().map_err(failed("eventfd"))?;
        let target = if ring.features().msg_ring {
            // SAFETY: the ring is open for the length of the call.
            let fd = unsafe { BorrowedFd::borrow_raw(ring.as_raw_fd()) };
            Some(fd.try_clone_to_owned().map_err(failed("fcntl(F_DUPFD)"))?)
        } else {
            None
        };
        let signal = Arc::new(Signal {
            eventfd,
            ring: target,
        });
        let uring = Uring {
            ring,
            preflight,
            signal,
            written: Cell::new(0),
            closing: RefCell::new(VecDeque::new()),
        };
        Ok((uring, BufferPool::new(buffers)))
    }

    pub(super) fn info(&self) -> DriverInfo {
        DriverInfo {
            kind: DriverKind::Uring,
            tier: Tier::of_ring(self.ring.features(), self.preflight),
        }
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    pub(super) fn signal(&self) -> &Arc<Signal> {
        &self.signal
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ring.has_completions() || self.wants_enter()
    }

    pub(super) fn wants_enter(&self) -> bool {
        let pending = self.ring.pending();
        pending.task_work || pending.overflow
    }

    pub(super) fn has_unsubmitted(&self) -> bool {
        self.ring.unsubmitted() > 0
    }

    /// Fills and enters until the requests fit in one enter, which then waits.
    pub(super) fn turn(&self, driver: &Driver, wait: Wait) -> io::Result<()> {
        loop {
            // SAFETY: `Operation`'s contract: what its submission points to lives in or behind its
            // slot until the terminal completion. Cancels and closes point to nothing.
            let filled = unsafe {
                self.ring.fill(|| {
                    let sqe = self.next_submission(driver)?;
                    self.written.set(self.written.get() + 1);
                    Some(sqe)
                })
            };
            driver.counters.sqes.add(u64::from(filled));
            let more = driver.queued() > 0;
            let wait = if more { Wait::No } else { wait };
            if wait == Wait::No && !self.has_unsubmitted() {
                return Ok(());
            }
            driver.counters.enters.add(1);
            let entered = self.ring.enter(wait);
            self.forget_closed();
            if self.ring.pending().overflow {
                // The kernel's own counter is of those that it lost, for want of memory.
                driver.counters.overflows.add(1);
            }
            match entered {
                Ok(()) if more => {}
                Ok(()) => return Ok(()),
                // What is written stays written, and goes with the next enter; nothing that it
                // points to is freed. The caller reaps, which makes room, and comes again.
                Err(error) => match error.raw_os_error() {
                    Some(errno::EINTR | errno::EAGAIN | errno::EBUSY | errno::ENOMEM) => {
                        return Ok(());
                    }
                    _ => return Err(error),
                },
            }
        }
    }

    fn next_submission(&self, driver: &Driver) -> Option<Sqe> {
        loop {
            match driver.next_request()? {
                // A request that was withdrawn has no submission: look further.
                Request::Start(key) => {
                    if let Some(sqe) = driver.slots.submission(key, self.preflight) {
                        let sqe = sqe.user_data(user_data(key));
                        guard::hand_over(driver, &sqe);
                        return Some(sqe);
                    }
                }
                Request::Cancel(key) => {
                    return Some(self.quiet(opcode::AsyncCancel::new(user_data(key)).build()));
                }
                Request::Close(fd) => return Some(self.close_of(fd)),
                Request::SlowClose(fd) => return Some(self.close_of(fd).flags(Flags::ASYNC)),
            }
        }
    }

    fn close_of(&self, fd: OwnedFd) -> Sqe {
        let fd = fd.into_raw_fd();
        let number = self.written.get() + 1;
        self.closing.borrow_mut().push_back((number, fd));
        self.quiet(opcode::Close::new(types::Fd(fd)).build())
    }

    /// Forgets the closes that the kernel has taken.
    fn forget_closed(&self) {
        let mut closing = self.closing.borrow_mut();
        if closing.is_empty() {
            return;
        }
        let taken = self.written.get() - u64::from(self.ring.unsubmitted());
        while closing.front().is_some_and(|&(number, _)| number <= taken) {
            closing.pop_front();
        }
    }

    /// Closes what the kernel will never be told to close, as it is not entered any more.
    pub(super) fn break_off(&self) {
        self.forget_closed();
        for (_, fd) in self.closing.borrow_mut().drain(..) {
            // SAFETY: the number was owned by the request; the submission that took it over is one
            // that the kernel has not seen, and will not see.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }

    /// Nobody waits for this one: no completion, if the kernel can leave it out.
    fn quiet(&self, sqe: Sqe) -> Sqe {
        let sqe = sqe.user_data(QUIET_USER_DATA);
        if self.ring.features().skip_success {
            sqe.flags(Flags::SKIP_SUCCESS)
        } else {
            sqe
        }
    }

    pub(super) fn reap(&self, driver: &Driver) -> usize {
        let mut room = [const { MaybeUninit::<Cqe>::uninit() }; REAP_BATCH];
        let mut reaped = 0;
        loop {
            let batch = self.ring.reap(&mut room);
            for cqe in batch.iter() {
                if cqe.user_data() >> KIND_SHIFT == KIND_OPERATION {
                    let key = Key::from_bits(cqe.user_data());
                    let completion = Completion::of(cqe);
                    if !completion.more() {
                        guard::take_back(driver, cqe.user_data());
                    }
                    driver.deliver(key, completion);
                } else if cqe.user_data() == WAKE_USER_DATA {
                    driver.counters.wakes_received.add(1);
                }
            }
            reaped += batch.len();
            if batch.len() < REAP_BATCH {
                return reaped;
            }
        }
    }

    pub(super) fn close(&self, pool: &BufferPool) {
        // Fails only if it was not registered; the memory outlives the ring either way.
        let _ = pool.ring().unregister(&self.ring);
    }
}

fn user_data(key: Key) -> u64 {
    KIND_OPERATION << KIND_SHIFT | key.to_bits()
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the eventfd is open for as long as the signal lives.
        unsafe { BorrowedFd::borrow_raw(self.eventfd.as_raw_fd()) }
    }
}
