//! The clock that a loop lives by: `CLOCK_MONOTONIC`. With the feature `test-util` `mock/clock.rs`
//! takes this one's place, and may give a runtime another.

use super::{EventLoop, Siblings, Timers};
use crate::driver::Park;
use crate::sys::clock;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// One loop's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoopClock(());

impl LoopClock {
    #[inline(always)]
    pub(super) fn now(&self) -> u64 {
        clock::monotonic_nanos()
    }

    /// A wheel for this clock.
    pub(super) fn timers(&self) -> Rc<Timers> {
        Timers::new(self.now())
    }

    /// How a loop that has announced its sleep is to wait, its next timer being due at `until`.
    /// `None`: not at all.
    #[inline(always)]
    pub(super) fn park(&self, _: &EventLoop, until: Option<u64>) -> Option<Park> {
        Some(until.map_or(Park::Forever, Park::Until))
    }

    /// The loop has waited.
    #[inline(always)]
    pub(super) fn awake(&self, _: &EventLoop) {}

    /// Whether looking for work for a while may stand for a wait.
    pub(crate) fn may_spin(&self) -> bool {
        true
    }

    /// It is everybody's.
    pub(crate) fn attach(&self, _: &Arc<Siblings>) -> bool {
        true
    }

    /// Nobody has to move it.
    pub(crate) fn run_out(&self, _limit: Duration) -> impl Drop + use<> {
        RunOut
    }
}

struct RunOut;

impl Drop for RunOut {
    #[inline(always)]
    fn drop(&mut self) {}
}

/// Now, on a thread that runs no loop.
#[inline(always)]
pub(super) fn outside() -> u64 {
    clock::monotonic_nanos()
}
