//! Keeping the panics of foreign code (wakers, destructors of what users handed over) where they
//! arise: one that got out would end a loop, or a thread, and lose what it was about to deliver.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Calls foreign code and lets no panic of it out. The panic hook has told of it.
pub(crate) fn contained(call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        // Dropping what was thrown can panic in turn; such a thing is leaked.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(again);
        }
    }
}

/// Locks what is whole at every point where a panic could come, so that poison means nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
