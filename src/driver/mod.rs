//! The driver: a typed, completion-based seam between operations and the kernel.
//!
//! An [`Operation`] is submitted and gets a slot; until its terminal completion the slot keeps
//! everything that the kernel may touch. What was submitted gathers in a queue and becomes
//! submission entries only at the next flush, just before the loop enters the kernel. So an
//! operation withdrawn in time never was one (no NOP is needed for it), more operations than the
//! ring has entries simply take several rounds, and an operation that gathers work (staged writes)
//! takes along all that came in until then.
//!
//! ```text
//! op ──submit──► slot, Queued ──flush──► SQE, InFlight ──CQE──► complete ─► Done │ Keep │ Again
//!                    │ cancel                 │ cancel                                 │
//!                    ▼                        ▼                                        └─► Queued
//!                  freed            one cancel by user_data; freed at the terminal CQE
//! ```
//!
//! `user_data` is `kind (4 bits) | generation (28) | slot (32)`. A completion whose generation is
//! not its slot's is dropped.
//!
//! The back end behind the seam is an enum, chosen once at start: `uring`, or `epoll` where that is
//! denied; `sim` is to come. What is common to all lives in [`Driver`]: slots, queue, pool,
//! counters. `epoll` makes the same of an operation's attempts that `uring` makes of its
//! submissions (see its own page).

mod backend;
mod choice;
mod counters;
mod descriptor;
mod diagnosis;
mod epoll;
#[cfg(feature = "guard")]
pub(crate) mod guard;
#[cfg(not(feature = "guard"))]
#[path = "guard_off.rs"]
mod guard;
mod operation;
mod park;
mod registered;
mod slots;
mod spare;
mod uring;
mod waited;

pub(crate) use backend::Signal;
pub use choice::{DriverInfo, DriverKind, Tier, UnknownDriver};
pub(crate) use counters::{Counter, Counters};
pub(crate) use descriptor::{Closing, Descriptor};
pub(crate) use diagnosis::{Refusal, io_uring_disabled};
pub(crate) use operation::{After, Attempt, Completion, Event, Interest, Operation};
pub(crate) use park::Park;
pub(crate) use registered::Region;
pub use registered::RegisteredBuf;
pub(crate) use slots::Key;
pub(crate) use spare::SpareBuffers;
pub(crate) use uring::WAKE_USER_DATA;
pub(crate) use waited::{OneShot, Pending, Step};

use crate::buf::BufferPool;
use crate::sys::clock;
use crate::sys::ring_setup::SetupError;
use backend::Backend;
use slots::Slots;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

/// Sizes of a driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// Which back end; never `Auto`.
    pub(crate) kind: DriverKind,
    pub(crate) sq_entries: u32,
    pub(crate) cq_entries: u32,
    pub(crate) buffers: u16,
    pub(crate) buffer_len: u32,
    /// Closes a descriptor whose close may block, by another thread: for a back end that has none.
    pub(crate) close_aside: fn(OwnedFd),
}

/// What the next flush has to do.
enum Request {
    Start(Key),
    Cancel(Key),
    Close(OwnedFd),
    /// A close that may block (SO_LINGER): by another thread.
    SlowClose(OwnedFd),
}

/// One loop's way to the kernel. Used by one thread.
pub(crate) struct Driver {
    slots: Slots,
    requests: RefCell<VecDeque<Request>>,
    pool: Rc<BufferPool>,
    spare: SpareBuffers,
    registered: registered::Table,
    backend: Backend,
    counters: Arc<Counters>,
    /// A request is queued that another thread waits for: flush after this poll, not this tick.
    urgent: Cell<bool>,
    life: Cell<Life>,
}

/// How far a driver has come. From `Broken` on, what is submitted ends at once as cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// It cannot enter the kernel any more, which may have anything.
    Broken,
    /// It was drained.
    Closed,
}

impl Driver {
    /// Makes the driver of the calling thread's loop.
    pub(crate) fn new(config: &Config) -> Result<Rc<Self>, SetupError> {
        let (backend, pool) = Backend::new(config)?;
        Ok(Rc::new(Driver {
            slots: Slots::new(),
            requests: RefCell::new(VecDeque::new()),
            pool: Rc::new(pool),
            spare: SpareBuffers::new(),
            registered: registered::Table::new(),
            backend,
            counters: Arc::new(Counters::default()),
            urgent: Cell::new(false),
            life: Cell::new(Life::Open),
        }))
    }

    /// Takes an operation; the kernel sees it at the next flush.
    pub(crate) fn submit<O: Operation>(&self, operation: O) -> Key {
        let key = self.slots.insert(operation);
        match self.life.get() {
            Life::Open => self.requests.borrow_mut().push_back(Request::Start(key)),
            Life::Broken | Life::Closed => self.refuse(key),
        }
        key
    }

    /// Ends an operation of a closed driver as cancelled.
    fn refuse(&self, key: Key) {
        if self.slots.start(key) && self.slots.complete(key, Completion::cancelled(), self) {
            self.slots.cancel(key);
        }
    }

    /// As [`submit`](Driver::submit), for what should not wait for the end of the tick.
    pub(crate) fn submit_urgent<O: Operation>(&self, operation: O) {
        self.urgent.set(true);
        self.submit(operation);
    }

    /// Whether something urgent is queued; asked after each poll.
    #[inline]
    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent.get()
    }

    /// Withdraws an operation, or asks the kernel to cancel it; its terminal completion comes in
    /// any case, or came already.
    pub(crate) fn cancel(&self, key: Key) {
        if self.slots.cancel(key) {
            self.requests.borrow_mut().push_back(Request::Cancel(key));
        }
    }

    /// Whether the operation has ended and its slot is freed.
    pub(crate) fn is_gone(&self, key: Key) -> bool {
        self.slots.state(key).is_none()
    }

    /// Closes a descriptor that operations were submitted for.
    fn close(&self, fd: OwnedFd, closing: Closing) {
        let request = match closing {
            _ if self.life.get() != Life::Open => return drop(fd),
            Closing::AtOnce => {
                self.backend.forget(fd.as_raw_fd());
                return drop(fd);
            }
            Closing::WithNextTurn => Request::Close(fd),
            Closing::Elsewhere => Request::SlowClose(fd),
        };
        self.requests.borrow_mut().push_back(request);
    }

    /// Forgets a descriptor that stays open, but not as this loop's.
    fn release(&self, fd: BorrowedFd<'_>) {
        self.backend.release(fd);
    }

    /// Nanoseconds of the clock that this driver's loop lives by.
    pub(crate) fn now(&self) -> u64 {
        clock::monotonic_nanos()
    }

    pub(crate) fn pool(&self) -> &Rc<BufferPool> {
        &self.pool
    }

    pub(crate) fn spare(&self) -> &SpareBuffers {
        &self.spare
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Which driver this is and what it found.
    pub(crate) fn info(&self) -> DriverInfo {
        self.backend.info()
    }

    /// How other threads wake this driver out of a park.
    pub(crate) fn signal(&self) -> &Arc<Signal> {
        self.backend.signal()
    }

    /// How many requests wait for the next flush.
    pub(crate) fn queued(&self) -> usize {
        self.requests.borrow().len()
    }

    /// Whether operations are under way beside the one that hears wake-ups.
    #[cfg(feature = "test-util")]
    pub(crate) fn awaits_kernel(&self) -> bool {
        self.slots.in_flight() > 1
    }

    /// The oldest request; for the back end.
    fn next_request(&self) -> Option<Request> {
        self.requests.borrow_mut().pop_front()
    }

    /// Hands a completion to its operation; for the back end.
    fn deliver(&self, key: Key, completion: Completion) {
        if self.slots.complete(key, completion, self) {
            self.requests.borrow_mut().push_back(Request::Start(key));
        }
    }

    /// Whether the driver was drained; nothing is in flight then, or all of it is leaked.
    pub(crate) fn is_closed(&self) -> bool {
        self.life.get() == Life::Closed
    }

    fn slots(&self) -> &Slots {
        &self.slots
    }
}
