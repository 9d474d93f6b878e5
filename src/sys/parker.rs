//! [`Parker`]: where one thread sleeps until another wakes it, or its time is over.
//!
//! Two implementations under one name, as with the [atomics](super::atomics): the standard library's
//! token of a thread, and loom's own notification, of which a model loses none.

#[cfg(loom)]
pub(crate) use self::model::Parker;
#[cfg(not(loom))]
pub(crate) use self::native::Parker;

#[cfg(not(loom))]
mod native {
    use std::thread::{self, Thread};
    use std::time::Duration;

    /// A thread, as who wakes it holds it.
    pub(crate) struct Parker(Thread);

    impl Parker {
        /// The calling thread.
        pub(crate) fn here() -> Self {
            Parker(thread::current())
        }

        /// Wakes it, or has its next sleep end at once.
        pub(crate) fn wake(&self) {
            self.0.unpark();
        }

        /// Sleeps on the thread that this is, for `limit` at most; may also return for no reason.
        pub(crate) fn sleep(&self, limit: Option<Duration>) {
            match limit {
                Some(limit) => thread::park_timeout(limit),
                None => thread::park(),
            }
        }
    }
}

#[cfg(loom)]
mod model {
    use loom::sync::Notify;
    use std::time::Duration;

    pub(crate) struct Parker(Notify);

    impl Parker {
        pub(crate) fn here() -> Self {
            Parker(Notify::new())
        }

        pub(crate) fn wake(&self) {
            self.0.notify();
        }

        /// No time passes in a model.
        pub(crate) fn sleep(&self, _limit: Option<Duration>) {
            self.0.wait();
        }
    }
}
