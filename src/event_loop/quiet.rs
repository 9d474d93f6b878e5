//! Whether all loops of a runtime wait: nobody asks. With the feature `test-util` `mock/quiet.rs`
//! takes this one's place.

use super::{LoopShared, Siblings};
use std::sync::Arc;

/// What is known of the waiting of a runtime's loops.
pub(super) struct Quiet;

impl Quiet {
    pub(super) fn new(_loops: usize) -> Self {
        Quiet
    }
}

impl LoopShared {
    /// The loop runs until what is returned is dropped.
    #[inline(always)]
    pub(super) fn begin_presence(&self) -> impl Drop + use<> {
        Presence
    }

    /// The loop has ended.
    #[inline(always)]
    pub(super) fn end_presence(&self) {}
}

struct Presence;

impl Drop for Presence {
    #[inline(always)]
    fn drop(&mut self) {}
}

/// The runtime that a pool's jobs keep from being quiet.
#[derive(Clone, Default)]
pub(crate) struct Disturbs(());

impl Disturbs {
    /// That of these loops.
    pub(crate) fn loops(_: &Arc<Siblings>) -> Self {
        Disturbs(())
    }

    /// Work outside of the loops begins, and ends when what is returned is dropped. It is that of
    /// the loop that runs on this thread, if one does.
    #[inline(always)]
    pub(crate) fn begin(&self) -> Disturbance {
        Disturbance
    }

    /// This thread's time is that runtime's from now on.
    pub(crate) fn share_clock(&self) {}
}

/// Work outside of the loops that a task may wait for.
#[must_use]
pub(crate) struct Disturbance;
