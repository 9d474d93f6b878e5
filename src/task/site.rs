//! [`SiteCell`]: a place in the source that one thread publishes and another looks at.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Where the task was spawned that a thread is at, for other threads to see: a pointer's store for
/// each change.
#[derive(Default)]
pub(crate) struct SiteCell(AtomicPtr<Location<'static>>);

impl SiteCell {
    #[inline]
    pub(crate) fn set(&self, site: &'static Location<'static>) {
        self.0
            .store(ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<&'static Location<'static>> {
        // SAFETY: it is null, or was made from a reference to what lives for ever and is never
        // written.
        unsafe { self.0.load(Ordering::Relaxed).as_ref() }
    }
}
