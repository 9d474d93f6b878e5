//! The owner's side: the living tasks of one loop, and the only way to run them.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cell::{OwnerId, RawTask};
use super::harness::{self, Polled};
use super::state::Start;
use super::{JoinHandle, Schedule, Scheduled};

/// What became of a queue entry.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// The task was polled and waits.
    Pending,
    /// The task is complete: it returned, panicked, or was found aborted.
    Complete,
    /// The task had completed while it was queued; nothing was run.
    Stale,
}

/// The living tasks of one loop.
///
/// It never leaves the thread it was made on (it is not `Send`), which is the proof that its tasks
/// are polled and dropped there: a task belongs to one owner from its creation, or from its first
/// run if it was made for another loop, and an owner runs no task but its own (rule 3).
pub(crate) struct OwnedTasks {
    id: OwnerId,
    head: Cell<Option<RawTask>>,
    len: Cell<usize>,
    ever: Cell<u64>,
    /// Whether a task is being run, or dropped: that must not be nested, as there is no RUNNING
    /// flag.
    running: Cell<bool>,
    closed: Cell<bool>,
}

impl OwnedTasks {
    pub(crate) fn new() -> Self {
        // Not one of `sys::atomics`: nothing but the number's being unique depends on it.
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let id = NonZeroUsize::new(NEXT.fetch_add(1, Ordering::Relaxed))
            .expect("fewer owners than addresses");
        Self {
            id: OwnerId(id),
            head: Cell::new(None),
            len: Cell::new(0),
            ever: Cell::new(0),
            running: Cell::new(false),
            closed: Cell::new(false),
        }
    }

    /// Makes a task of a future, to be run here. After [`close`](Self::close) it is cancelled at
    /// once.
    pub(crate) fn spawn<F, S>(
        &self,
        future: F,
        scheduler: S,
        spawned_at: &'static Location<'static>,
    ) -> (Scheduled, JoinHandle<F::Output>)
    where
        F: Future + 'static,
        S: Schedule,
    {
        let (_, entry, handle) = self.allocate(future, scheduler, spawned_at);
        (entry, handle)
    }

    /// Makes a task of a future that may borrow, hands it to `drive`, and cancels it when `drive`
    /// is done if it is not complete by then: nothing of the future is left when this returns or
    /// unwinds.
    pub(crate) fn scoped<F, S, R>(
        &self,
        future: F,
        scheduler: S,
        spawned_at: &'static Location<'static>,
        drive: impl FnOnce(Scheduled, JoinHandle<F::Output>) -> R,
    ) -> R
    where
        F: Future,
        S: Schedule,
    {
        struct CancelOnDrop<'a>(&'a OwnedTasks, RawTask);

        impl Drop for CancelOnDrop<'_> {
            fn drop(&mut self) {
                // SAFETY: the reference taken below. The task is not being polled, as its poll
                // would have to lie within `drive`, which is over.
                unsafe {
                    if !self.1.header().state.is_complete() {
                        self.0.cancel(self.1);
                    }
                    self.1.release();
                }
            }
        }

        let (task, entry, handle) = self.allocate(future, scheduler, spawned_at);
        // SAFETY: the handle's reference keeps the cell.
        unsafe { task.header() }.state.retain();
        let _cancel = CancelOnDrop(self, task);
        drive(entry, handle)
    }

    fn allocate<F, S>(
        &self,
        future: F,
        scheduler: S,
        spawned_at: &'static Location<'static>,
    ) -> (RawTask, Scheduled, JoinHandle<F::Output>)
    where
        F: Future,
        S: Schedule,
    {
        let task = RawTask::allocate(future, scheduler, Some(self.id), spawned_at);
        // SAFETY: the task is new: it is scheduled, and one of its two references is the handle's.
        let (entry, handle) = unsafe { (task.entry(), JoinHandle::from_raw(task)) };
        // SAFETY: this is its owner; it is new, so not in the list and not being polled.
        unsafe {
            self.link(task);
            if self.closed.get() {
                self.cancel(task);
            }
        }
        (task, entry, handle)
    }

    /// Runs a task: polls it once, or finishes it if it was aborted. No panic gets out, whoever
    /// raised it.
    ///
    /// # Panics
    /// If the task belongs to another owner, or if it is called while a task is being run.
    #[inline]
    pub(crate) fn run(&self, entry: Scheduled) -> Ran {
        let _running = self.enter();
        let task = entry.raw();
        // SAFETY: rule 4: the entry is here.
        match unsafe { task.owner() } {
            Some(owner) => assert!(
                owner == self.id,
                "a task was run by a loop that does not own it"
            ),
            // SAFETY: rule 4: the entry is here; the task had no owner, so it is in no list.
            None => unsafe {
                task.set_owner(self.id);
                (task.vtable().adopted)(task);
                self.link(task);
            },
        }
        // From here on the entry is spent: `start` clears its flag.
        let task = entry.into_raw();
        // SAFETY: rule 1: the entry keeps the cell.
        match unsafe { task.header() }.state.start() {
            // SAFETY: rule 3: this is the owner, on its thread, the task is not complete, and
            // `enter` has made sure that no poll is under way.
            Start::Poll => match unsafe { (task.vtable().poll)(task) } {
                Polled::Pending => return Ran::Pending,
                Polled::Ready => {}
            },
            // SAFETY: rule 3, as above.
            Start::Cancel => unsafe { (task.vtable().cancel)(task) },
            Start::Complete => {
                // SAFETY: rule 5: the reference that was passed on to the entry.
                unsafe { task.release() };
                return Ran::Stale;
            }
        }
        // SAFETY: the task was not complete, so it is in the list; its stage holds the output.
        unsafe {
            self.unlink(task);
            harness::complete(task);
        }
        Ran::Complete
    }

    /// Cancels every living task, and from now on every new one: their futures are dropped here and
    /// now, in no particular order, and their handles get a [`JoinError`](super::JoinError).
    ///
    /// The queues are not looked at: what is in them afterwards may be run (nothing happens) or
    /// dropped.
    ///
    /// # Panics
    /// If it is called while a task is being run.
    pub(crate) fn close(&self) {
        let _running = self.enter();
        self.closed.set(true);
        // A destructor may spawn; the new task is then cancelled at once, so this ends.
        while let Some(task) = self.head.get() {
            // SAFETY: rule 3: this is the owner, and `enter` has made sure that no poll is under
            // way.
            unsafe { self.cancel(task) };
        }
    }

    /// How many tasks are alive. One made for this loop elsewhere counts from its first run.
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// How many there have ever been, counted likewise.
    pub(crate) fn ever(&self) -> u64 {
        self.ever.get()
    }

    fn enter(&self) -> Running<'_> {
        assert!(
            !self.running.replace(true),
            "a task was run from within a task of the same loop"
        );
        Running(&self.running)
    }

    /// # Safety
    /// The task is in this list (so it is not complete) and is not being polled.
    unsafe fn cancel(&self, task: RawTask) {
        // SAFETY: rules 1 and 3: this is the owner.
        unsafe {
            self.unlink(task);
            harness::cancel_anywhere(task);
            harness::complete(task);
        }
    }

    /// # Safety
    /// The task is alive, belongs to this owner, and is not in the list.
    #[inline]
    unsafe fn link(&self, task: RawTask) {
        let head = self.head.replace(Some(task));
        // SAFETY: rule 6: whatever is in the list is alive, and its links are the owner's.
        unsafe {
            task.header().owned_next.set(head);
            if let Some(head) = head {
                head.header().owned_prev.set(Some(task));
            }
        }
        self.len.set(self.len.get() + 1);
        self.ever.set(self.ever.get() + 1);
    }

    /// # Safety
    /// The task is in this list.
    #[inline]
    unsafe fn unlink(&self, task: RawTask) {
        // SAFETY: rule 6: whatever is in the list is alive, and its links are the owner's.
        unsafe {
            let prev = task.header().owned_prev.take();
            let next = task.header().owned_next.take();
            match prev {
                Some(prev) => prev.header().owned_next.set(next),
                None => self.head.set(next),
            }
            if let Some(next) = next {
                next.header().owned_prev.set(prev);
            }
        }
        self.len.set(self.len.get() - 1);
    }
}

impl Drop for OwnedTasks {
    fn drop(&mut self) {
        self.close();
    }
}

/// Marks that a task is being run, for as long as it exists.
struct Running<'a>(&'a Cell<bool>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
