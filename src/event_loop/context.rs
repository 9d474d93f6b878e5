//! Which loop runs on this thread.

use super::{EventLoop, LoopShared, Timers, clock};
use crate::driver::Driver;
use crate::task::budget;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    static CURRENT: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
}

/// What is said to whoever needs a loop where none runs.
const OUTSIDE: &str = "this must be called on a Ringmill loop: inside `Runtime::block_on`, \
     `ringmill::block_on`, or a task that was spawned there";

/// Makes a loop the current one until the guard is dropped.
///
/// # Panics
///
/// If a loop runs on this thread already: a loop that blocked in a second one would stop the first.
pub(crate) fn enter(event_loop: &Rc<EventLoop>) -> Entered {
    CURRENT.with(|current| {
        let mut current = current.borrow_mut();
        assert!(
            current.is_none(),
            "a Ringmill loop already runs on this thread: `block_on` cannot be called from inside \
             a task; spawn the future and await it instead"
        );
        *current = Some(event_loop.clone());
    });
    Entered { before: None }
}

/// Makes a loop that ends the current one until the guard is dropped, in place of the one that
/// runs on this thread, if one does: a runtime may be dropped inside another one's task, also by
/// the panic that refuses to run it there.
pub(super) fn enter_to_close(event_loop: &Rc<EventLoop>) -> Entered {
    let before = CURRENT.with(|current| current.borrow_mut().replace(event_loop.clone()));
    Entered { before }
}

pub(crate) struct Entered {
    before: Option<Rc<EventLoop>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        if before.is_none() {
            budget::lift();
        }
        // Dropped outside the borrow: the loop may be the last reference to all it owns.
        let left = CURRENT.with(|current| std::mem::replace(&mut *current.borrow_mut(), before));
        drop(left);
    }
}

/// The loop that runs on this thread, if one does.
pub(crate) fn try_current() -> Option<Rc<EventLoop>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok()?
}

/// Looks at the current loop without taking a reference. `look` must not run foreign code.
pub(super) fn with_current<R>(look: impl FnOnce(Option<&EventLoop>) -> R) -> R {
    let mut look = Some(look);
    let looked = CURRENT.try_with(|current| {
        let current = current.borrow();
        look.take().map(|look| look(current.as_deref()))
    });
    match (looked, look) {
        (Ok(Some(result)), _) => result,
        // The thread is ending: its loop is gone.
        (_, Some(look)) => look(None),
        _ => unreachable!("the closure is either used or still here"),
    }
}

/// The loop that runs on this thread.
///
/// # Panics
///
/// If none does.
#[track_caller]
pub(crate) fn current() -> Rc<EventLoop> {
    match try_current() {
        Some(current) => current,
        None => panic!("{OUTSIDE}"),
    }
}

/// The driver of the current loop.
///
/// # Panics
///
/// If no loop runs on this thread.
#[track_caller]
pub(crate) fn driver() -> Rc<Driver> {
    current().driver.clone()
}

/// The timers of the current loop.
///
/// # Panics
///
/// If no loop runs on this thread.
#[track_caller]
pub(crate) fn timers() -> Rc<Timers> {
    current().timers.clone()
}

/// Now, by the current loop's clock; outside of loops by the monotonic one, on the threads of a
/// runtime's pools by the runtime's.
pub(crate) fn now() -> u64 {
    with_current(|current| match current {
        Some(current) => current.clock.now(),
        None => clock::outside(),
    })
}

/// The time of the current loop's tick: cheap, and as old as the tick. Outside of loops, now.
pub(crate) fn tick_time() -> u64 {
    with_current(|current| match current {
        Some(current) => current.tick_time(),
        None => clock::outside(),
    })
}

/// Whether `driver` belongs to the loop that runs on this thread.
#[track_caller]
pub(crate) fn assert_current(driver: &Rc<Driver>) {
    let ours = with_current(|current| current.is_some_and(|c| Rc::ptr_eq(&c.driver, driver)));
    assert!(
        ours,
        "a resource was awaited on another loop than the one that made it; {OUTSIDE}"
    );
}

/// The shared part of the current loop, if one runs.
pub(crate) fn shared() -> Option<Arc<LoopShared>> {
    with_current(|current| current.map(|current| current.shared.clone()))
}
