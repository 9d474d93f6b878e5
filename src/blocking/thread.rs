//! What every pool thread does first.

use crate::sys::affinity::{self, Affinity};
use crate::sys::clock;
use std::sync::Arc;

/// The kernel's default for a thread; one that is started by a loop would have the loop's.
const TIMER_SLACK_NANOS: u64 = 50_000;

/// How pool threads differ from those that start them.
#[derive(Clone, Default)]
pub(crate) struct PoolThread {
    /// The processors to run on: a loop that starts a thread may be pinned to one.
    pub(crate) affinity: Option<Affinity>,
    /// What makes it a thread of its runtime.
    pub(crate) on_start: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl PoolThread {
    pub(super) fn apply(&self) {
        if let Some(affinity) = self.affinity {
            // Should it be refused, the thread runs where its starter does.
            let _ = affinity::restore(affinity);
        }
        clock::set_timer_slack(TIMER_SLACK_NANOS);
        if let Some(on_start) = &self.on_start {
            on_start();
        }
    }
}
