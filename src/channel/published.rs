//! A value that many read and some replace, without a lock: `arc-swap`'s.

use std::sync::Arc;

pub(super) use self::cell::{Loaded, Published};

/// Whether a replacement took place.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    Yes,
    /// Somebody else was first.
    No,
}

#[cfg(not(loom))]
mod cell {
    use super::{Arc, Replaced};
    use arc_swap::{ArcSwap, Guard};

    pub(in crate::channel) type Loaded<T> = Guard<Arc<T>>;

    pub(in crate::channel) struct Published<T>(ArcSwap<T>);

    impl<T> Published<T> {
        pub(in crate::channel) fn new(value: Arc<T>) -> Self {
            Published(ArcSwap::new(value))
        }

        pub(in crate::channel) fn load(&self) -> Loaded<T> {
            self.0.load()
        }

        /// Puts `new` in the place of `current`, if that is still there.
        pub(in crate::channel) fn replace(&self, current: &Loaded<T>, new: Arc<T>) -> Replaced {
            let found = self.0.compare_and_swap(current, new);
            if Arc::ptr_eq(&found, current) {
                Replaced::Yes
            } else {
                Replaced::No
            }
        }
    }
}

/// arc-swap does not run under loom: a stand-in whose readers may see as old a value as an acquiring
/// load may, and that keeps all values.
#[cfg(loom)]
mod cell {
    use super::{Arc, Replaced};
    use crate::sys::atomics::{AtomicUsize, Ordering};
    use std::sync::Mutex;

    pub(in crate::channel) type Loaded<T> = Arc<T>;

    pub(in crate::channel) struct Published<T> {
        current: AtomicUsize,
        // Of the standard library, so that the model's order does not profit from it.
        values: Mutex<Vec<Arc<T>>>,
    }

    impl<T> Published<T> {
        pub(in crate::channel) fn new(value: Arc<T>) -> Self {
            Published {
                current: AtomicUsize::new(0),
                values: Mutex::new(vec![value]),
            }
        }

        pub(in crate::channel) fn load(&self) -> Loaded<T> {
            let current = self.current.load(Ordering::Acquire);
            self.values.lock().unwrap()[current].clone()
        }

        pub(in crate::channel) fn replace(&self, current: &Loaded<T>, new: Arc<T>) -> Replaced {
            let (old, fresh) = {
                let mut values = self.values.lock().unwrap();
                values.push(new);
                let old = values.iter().position(|value| Arc::ptr_eq(value, current));
                (old.unwrap(), values.len() - 1)
            };
            let order = (Ordering::AcqRel, Ordering::Relaxed);
            match self.current.compare_exchange(old, fresh, order.0, order.1) {
                Ok(_) => Replaced::Yes,
                Err(_) => {
                    // The caller tries again: loom is told that it depends on others.
                    loom::thread::yield_now();
                    Replaced::No
                }
            }
        }
    }
}
