//! [`PoolThread`]: what makes a pool's thread one of its runtime's.

use crate::event_loop::Disturbs;
use std::fmt::Display;
use std::sync::Arc;

/// What a pool's thread does first. (Its processors and its timer slack are not those of the loop that
/// starts it: see [`plainly`](crate::sys::inherit::plainly).)
#[derive(Clone, Default)]
pub(crate) struct PoolThread {
    pub(crate) on_start: Option<Arc<dyn Fn() + Send + Sync>>,
    /// The runtime whose work its jobs are where no loop submits them.
    pub(crate) disturbs: Disturbs,
}

impl PoolThread {
    pub(super) fn apply(&self) {
        if let Some(on_start) = &self.on_start {
            on_start();
        }
    }
}

/// What failed as a thread could not be started, why, and where to look.
pub(super) fn not_started(what: impl Display, error: impl Display) -> String {
    format!("{what}: {error}; look at the limits of processes (ulimit -u, pids.max) and of memory")
}
