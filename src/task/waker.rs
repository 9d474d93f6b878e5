//! The waker: a reference to a task, good on any thread.

use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::cell::{Header, RawTask};
use super::state::Wake;

/// One table for all tasks, so that `Waker::will_wake` compares tasks and nothing else.
static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// A waker of the task, which takes over a reference from the caller: who has none to give must not
/// drop it.
#[inline]
pub(super) fn waker(task: RawTask) -> Waker {
    // SAFETY: the four functions keep the contract of `RawWaker`: they are callable from any
    // thread, and each waker is one reference.
    unsafe { Waker::from_raw(raw(task)) }
}

fn raw(task: RawTask) -> RawWaker {
    RawWaker::new(task.as_ptr().as_ptr().cast_const().cast(), &VTABLE)
}

/// The task behind a waker's data pointer.
///
/// # Safety
/// `data` comes from [`raw`].
unsafe fn task(data: *const ()) -> RawTask {
    // SAFETY: the caller's contract: it was a `NonNull<Header>`.
    RawTask::from_ptr(unsafe { NonNull::new_unchecked(data.cast_mut().cast::<Header>()) })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: called with what `raw` made.
    let task = unsafe { task(data) };
    // SAFETY: rule 1: the waker that is being cloned is a reference, or borrows the owner's during
    // a poll.
    unsafe { task.header() }.state.retain();
    raw(task)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: called with what `raw` made.
    unsafe {
        // The reference is released last: until then it keeps the scheduler, which is in the cell.
        wake_by_ref(data);
        drop_waker(data);
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called with what `raw` made.
    let task = unsafe { task(data) };
    // SAFETY: rule 1: the waker is a reference, or borrows the owner's during a poll.
    match unsafe { task.header() }.state.wake() {
        // SAFETY: rule 2: the flag was set here. Rule 1 as above.
        Wake::Enqueue => unsafe { task.schedule() },
        Wake::Nothing => {}
    }
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: called with what `raw` made; the waker's reference is given up.
    unsafe { task(data).release() };
}
