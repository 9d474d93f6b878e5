//! A value that tells of its drop.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

/// Counts its drops, and the thread of the last one.
#[derive(Clone, Default)]
pub struct Dropped {
    count: Arc<AtomicUsize>,
    by: Arc<Mutex<Option<ThreadId>>>,
}

pub struct Guard(Dropped);

impl Dropped {
    pub fn guard(&self) -> Guard {
        Guard(self.clone())
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// The thread of the latest drop.
    pub fn by(&self) -> Option<ThreadId> {
        *self.by.lock().unwrap()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        *self.0.by.lock().unwrap() = Some(std::thread::current().id());
    }
}
