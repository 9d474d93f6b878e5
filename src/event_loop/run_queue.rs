//! The tasks that a loop is about to run: in the order in which they came. With the feature
//! `test-util` `mock/run_queue.rs` takes this one's place, which may draw lots.

use crate::task::ReadyQueue;
use std::ops::Deref;

pub(super) struct RunQueue(ReadyQueue);

impl RunQueue {
    /// Without the feature nobody can ask for lots.
    pub(super) fn new(_: Option<u64>) -> Self {
        RunQueue(ReadyQueue::new())
    }
}

impl Deref for RunQueue {
    type Target = ReadyQueue;

    #[inline(always)]
    fn deref(&self) -> &ReadyQueue {
        &self.0
    }
}
