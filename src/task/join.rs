//! What a spawner holds: handles that wait for a task, and handles that end it.

use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::budget::budgeted;
use super::cell::RawTask;
use super::error::JoinError;
use super::harness;
use super::state::{Join, Wake};

/// A future for the output of a spawned task.
///
/// Dropping it detaches the task, which goes on by itself; see [`abort`](Self::abort) and
/// [`abort_on_drop`](Self::abort_on_drop) for the other wish. It may be sent to and awaited on any
/// thread, and on any executor, if the output is `Send`. An output that nobody takes is dropped
/// with the handle or, if the handle went first, on the task's own loop; a panic in its destructor
/// goes no further.
///
/// # Errors
/// [`JoinError`], if the task panicked or was cancelled.
///
/// # Panics
/// When polled again after it returned the output.
///
/// # Cancel safety
/// Awaiting `&mut handle` loses nothing when dropped: the output stays with the task.
pub struct JoinHandle<T> {
    /// `None` once the output was taken.
    task: Option<RawTask>,
    output: PhantomData<T>,
}

// SAFETY: a handle is a reference to a cell that is made for any thread, and a claim to its output
// alone (rule 7), which is a `T`.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: as above; through `&JoinHandle` not even the output can be reached.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}
// A task's panic is reported, not passed on, and leaves nothing half done that a handle could
// reach.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    /// The caller gives away the handle's reference to a task whose output is a `T`, and does so
    /// once.
    pub(super) unsafe fn from_raw(task: RawTask) -> Self {
        Self {
            task: Some(task),
            output: PhantomData,
        }
    }

    /// Asks for the task to be cancelled.
    ///
    /// Its future is dropped on its own loop the next time it would run, which is soon; the handle
    /// then gives a [`JoinError`] that [is cancelled](JoinError::is_cancelled). A task that
    /// finishes first has finished: its output is kept.
    pub fn abort(&self) {
        if let Some(task) = self.task {
            // SAFETY: the handle's reference.
            unsafe { abort(task) };
        }
    }

    /// Cancels a task that ends with its first run, if that has not begun; whether it had not. One
    /// that runs may ask [`AbortHandle::is_aborted`].
    pub(crate) fn cancel_unstarted(&self) -> bool {
        // SAFETY: the handle's reference.
        self.task
            .is_some_and(|task| unsafe { task.header() }.state.abort_unstarted())
    }

    /// A handle that can abort the task and does not wait for it.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle::new(self.task)
    }

    /// Whether the task has finished, so that awaiting it will not wait.
    pub fn is_finished(&self) -> bool {
        // SAFETY: the handle's reference.
        self.task
            .is_none_or(|task| unsafe { task.header() }.state.is_complete())
    }

    /// Ties the task's life to that of the returned future: dropping it aborts the task.
    pub fn abort_on_drop(self) -> AbortOnDrop<T> {
        AbortOnDrop { handle: self }
    }
}

impl<T> JoinHandle<T> {
    /// As [`poll`](Future::poll), and no checkpoint.
    #[inline]
    pub(crate) fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let task = self
            .task
            .expect("a JoinHandle was polled after it returned the output");
        // SAFETY: this is the handle.
        match unsafe { harness::poll_join(task, cx.waker()) } {
            Join::Pending | Join::PendingWithWaker => Poll::Pending,
            Join::Complete => {
                self.task = None;
                let mut output = MaybeUninit::<Result<T, JoinError>>::uninit();
                // SAFETY: this was the handle, the task is complete, and its output is a `T`. With
                // the output the reference is given up.
                unsafe {
                    (task.vtable().take_output)(task, output.as_mut_ptr().cast());
                    harness::leave(task);
                    Poll::Ready(output.assume_init())
                }
            }
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        budgeted(cx, |cx| self.poll_output(cx))
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(task) = self.task {
            // SAFETY: this was the handle.
            unsafe { harness::detach(task) };
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the handle's reference.
        unsafe { describe(f, "JoinHandle", self.task) }
    }
}

/// Aborts a task from anywhere, as often as one likes.
///
/// It keeps the task's memory, not its future or output.
pub struct AbortHandle {
    task: Option<RawTask>,
}

// SAFETY: an abort handle is a reference to a cell that is made for any thread, and never touches
// the output.
unsafe impl Send for AbortHandle {}
// SAFETY: as above; it changes the state word alone.
unsafe impl Sync for AbortHandle {}

impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl AbortHandle {
    /// A further reference to a task to which the caller has one.
    pub(super) fn new(task: Option<RawTask>) -> Self {
        if let Some(task) = task {
            // SAFETY: the caller's reference.
            unsafe { task.header() }.state.retain();
        }
        Self { task }
    }

    /// Asks for the task to be cancelled, as [`JoinHandle::abort`] does.
    pub fn abort(&self) {
        if let Some(task) = self.task {
            // SAFETY: this handle's reference.
            unsafe { abort(task) };
        }
    }

    /// Whether the task has finished.
    pub fn is_finished(&self) -> bool {
        // SAFETY: this handle's reference.
        self.task
            .is_none_or(|task| unsafe { task.header() }.state.is_complete())
    }

    /// Whether somebody has asked for the task to be cancelled.
    pub(crate) fn is_aborted(&self) -> bool {
        // SAFETY: this handle's reference.
        self.task
            .is_some_and(|task| unsafe { task.header() }.state.is_aborted())
    }
}

impl Clone for AbortHandle {
    fn clone(&self) -> Self {
        Self::new(self.task)
    }
}

impl Drop for AbortHandle {
    fn drop(&mut self) {
        if let Some(task) = self.task {
            // SAFETY: this handle's reference.
            unsafe { task.release() };
        }
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: this handle's reference.
        unsafe { describe(f, "AbortHandle", self.task) }
    }
}

/// A [`JoinHandle`] that aborts its task when it is dropped.
///
/// # Errors
/// As [`JoinHandle`].
///
/// # Panics
/// As [`JoinHandle`].
///
/// # Cancel safety
/// Dropping it aborts the task, which is its purpose; await `&mut handle` to keep it.
#[must_use = "dropping it aborts the task"]
#[derive(Debug)]
pub struct AbortOnDrop<T> {
    handle: JoinHandle<T>,
}

impl<T> AbortOnDrop<T> {
    /// As [`JoinHandle::poll_output`].
    pub(crate) fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        self.handle.poll_output(cx)
    }

    /// The handle without the threat: dropping it detaches the task again.
    pub fn disarm(mut self) -> JoinHandle<T> {
        // What is left has no task to abort.
        JoinHandle {
            task: self.handle.task.take(),
            output: PhantomData,
        }
    }

    /// Aborts the task now, as [`JoinHandle::abort`] does.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// A handle that can abort the task and does not wait for it.
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle.abort_handle()
    }

    /// Whether the task has finished.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        if !self.handle.is_finished() {
            self.handle.abort();
        }
    }
}

/// # Safety
/// The caller has a reference.
unsafe fn abort(task: RawTask) {
    // SAFETY: rule 1: the caller's reference.
    match unsafe { task.header() }.state.abort() {
        // SAFETY: rule 2: the flag was set here, and the caller's reference outlives the call.
        Wake::Enqueue => unsafe { task.schedule() },
        Wake::Nothing => {}
    }
}

/// # Safety
/// The caller has a reference, if there is a task.
unsafe fn describe(f: &mut fmt::Formatter<'_>, name: &str, task: Option<RawTask>) -> fmt::Result {
    let mut fields = f.debug_struct(name);
    match task {
        Some(task) => {
            // SAFETY: rule 1: the caller's reference.
            let header = unsafe { task.header() };
            fields
                .field("spawned_at", &format_args!("{}", header.spawned_at))
                .field("finished", &header.state.is_complete());
        }
        None => {
            fields.field("finished", &true);
        }
    }
    fields.finish_non_exhaustive()
}
