//! The context that is current on a thread.
//!
//! It is the address of one that somebody on this thread's stack has borrowed and will leave before
//! that borrow ends: [`enter`] is the only way to make one current, and it takes a closure. So
//! entering, leaving and looking count no references, and a thread-local without a destructor is
//! enough.

use super::Context;
use std::cell::Cell;
use std::ptr;

thread_local! {
    /// Null outside of contexts; an empty one is never current.
    static CURRENT: Cell<*const Context> = const { Cell::new(ptr::null()) };
}

/// Whether a context is current here.
#[inline]
pub(crate) fn is_set() -> bool {
    !CURRENT.get().is_null()
}

/// Runs a closure with a context as the current one.
#[inline]
pub(crate) fn enter<R>(context: &Context, run: impl FnOnce() -> R) -> R {
    let address = match context.is_empty() {
        true => ptr::null(),
        false => ptr::from_ref(context),
    };
    let _leave = Leave(CURRENT.replace(address));
    run()
}

/// Runs a closure with no context: what the thread does next is not the business of who called.
#[inline]
pub(crate) fn detached<R>(run: impl FnOnce() -> R) -> R {
    let _leave = Leave(CURRENT.replace(ptr::null()));
    run()
}

/// Shows the current context.
#[inline]
pub(super) fn look<R>(look: impl FnOnce(Option<&Context>) -> R) -> R {
    // SAFETY: it is null, or the address of what an `enter` has borrowed that has not returned: it
    // is further down on this thread's stack than this call, which therefore ends first.
    look(unsafe { CURRENT.get().as_ref() })
}

/// Puts back what was current before, after a panic too.
struct Leave(*const Context);

impl Drop for Leave {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
