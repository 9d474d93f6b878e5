//! Keeping the panics of foreign code (wakers, destructors of what users handed over) where they
//! arise: one that got out would end a loop, or a thread, and lose what it was about to deliver.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls foreign code and lets no panic of it out. The panic hook has told of it.
pub(crate) fn contained(call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        // Dropping what was thrown can panic in turn; such a thing is leaked.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(again);
        }
    }
}
