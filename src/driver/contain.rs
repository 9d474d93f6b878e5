//! Foreign code in the midst of completions: wakers, and destructors of what users handed over.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls foreign code and lets no panic of it out, which would end the loop and lose the
/// completions that are still to be delivered. The panic hook has told of it.
pub(crate) fn contained(call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        // Dropping what was thrown can panic in turn; such a thing is leaked.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(again);
        }
    }
}
