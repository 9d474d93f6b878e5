//! The loops of one runtime, as each of them sees the others: the tasks that any may take, and whom
//! to wake for one.

use super::LoopShared;
use super::activity::Nudge;
use super::quiet::Quiet;
use crate::task::{Scheduled, StealQueues};
use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// The loops of one runtime.
pub(crate) struct Siblings {
    pub(super) queues: StealQueues,
    /// Weak, as each loop has a reference to this. Set before the first of them runs.
    pub(super) loops: OnceLock<Box<[Weak<LoopShared>]>>,
    /// Where threads that are no loops put their next task.
    turn: AtomicUsize,
    nudge: CachePadded<Nudge>,
    #[cfg_attr(not(feature = "test-util"), allow(dead_code, reason = "nobody asks"))]
    pub(super) quiet: Quiet,
}

impl Siblings {
    /// Of so many loops.
    pub(crate) fn new(loops: usize) -> Arc<Self> {
        Arc::new(Siblings {
            queues: StealQueues::new(loops),
            loops: OnceLock::new(),
            turn: AtomicUsize::new(0),
            nudge: CachePadded::default(),
            quiet: Quiet::new(loops),
        })
    }

    /// The loops stand.
    pub(crate) fn introduce<'a>(&self, loops: impl Iterator<Item = &'a Arc<LoopShared>>) {
        let introduced = self.loops.set(loops.map(Arc::downgrade).collect());
        debug_assert!(introduced.is_ok(), "loops are introduced once");
    }

    /// What wakes the thread that watches the loops.
    pub(crate) fn nudge(&self) -> &Nudge {
        &self.nudge
    }

    pub(super) fn queues(&self) -> &StealQueues {
        &self.queues
    }

    /// How many tasks wait for a loop to take them.
    pub(crate) fn waiting_tasks(&self) -> usize {
        self.queues.len()
    }

    /// Queues a new task for whichever loop has time: with the loop of this thread, which starts it
    /// when its turn comes unless an idle one is faster; from other threads with each loop in turn.
    ///
    /// If all loops have ended the entry is dropped, which cancels the task.
    pub(crate) fn spread(self: &Arc<Self>, entry: Scheduled) {
        let here = super::context::with_current(|current| {
            let shared = current.map(|current| &current.shared);
            let ours = shared.filter(|shared| Arc::ptr_eq(&shared.siblings, self));
            ours.map(|shared| shared.index())
        });
        let count = self.loops.get().map_or(1, |loops| loops.len());
        let index = here.unwrap_or_else(|| self.turn.fetch_add(1, Ordering::Relaxed) % count);
        self.queue_at(index, entry);
    }

    /// Loop `index` ends: others are to have what waits in its queue.
    pub(super) fn leave(&self, index: usize) {
        for entry in self.queues.close(index) {
            self.queue_at(index, entry);
        }
    }

    /// Loop `index` may have been told of a task, and will not look for it now: another is to.
    pub(super) fn pass_on(&self, index: usize) {
        if !self.queues.is_empty() && self.queues.has_sleepers() {
            self.wake_one(index);
        }
    }

    fn queue_at(&self, index: usize, entry: Scheduled) {
        // Whoever waits for a task hears it from the drop of its entry.
        if self.queues.push(index, entry).is_ok() && self.queues.has_sleepers() {
            self.wake_one(index);
        }
    }

    /// Wakes one loop that sleeps, `index` before others: the task is in its queue.
    fn wake_one(&self, index: usize) {
        let Some(loops) = self.loops.get() else {
            return;
        };
        let (before, from) = loops.split_at(index);
        let mut loops = from.iter().chain(before).filter_map(Weak::upgrade);
        // Who is told by somebody else at this moment looks at all queues as well, or passes it on.
        let _ = loops.find(|shared| shared.wake_if_asleep());
    }
}
