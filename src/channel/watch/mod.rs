//! The latest value of something, for many to look at and to be told of: configuration, state.
//!
//! Receivers see the latest value, not each one: what is overwritten before they look is gone.
//!
//! # Examples
//!
//! ```
//! use ringmill::channel::watch;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringmill::block_on(async {
//!     let (sender, mut receiver) = watch::channel(1);
//!     assert_eq!(*receiver.borrow(), 1);
//!     sender.send(2).unwrap();
//!     sender.send(3).unwrap();
//!     receiver.changed().await.unwrap();
//!     assert_eq!(*receiver.borrow(), 3);
//!     drop(sender);
//!     assert!(receiver.changed().await.is_err());
//! })?;
//! # Ok(())
//! # }
//! ```

mod receiver;
mod shared;

pub use receiver::Receiver;

use super::SendError;
use super::published::Loaded;
use crate::sys::atomics::Arc;
use shared::{Shared, Versioned};
use std::fmt;
use std::ops::Deref;

/// A channel that has `value` in it. The receiver counts it as seen.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender {
        shared: Arc::new(Shared::new(value)),
    };
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// The sending end of a [`channel`]. Clones send to the same receivers, which are told that the
/// channel is closed when the last of them is gone.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends a value; never waits.
    ///
    /// # Errors
    ///
    /// If there is no receiver; the value is in the error, and what was there stays.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        self.shared.store(value);
        Ok(())
    }

    /// Sends a changed copy of the value, also if there is no receiver.
    ///
    /// `change` runs again if another sender is faster.
    pub fn send_modify(&self, mut change: impl FnMut(&mut T))
    where
        T: Clone,
    {
        self.shared.modify(&mut change);
    }

    /// The latest value. It stays as it is while it is borrowed, whatever is sent meanwhile.
    pub fn borrow(&self) -> Ref<T> {
        Ref(self.shared.load())
    }

    /// A new receiver, which counts the latest value as seen.
    pub fn subscribe(&self) -> Receiver<T> {
        self.shared.add_receiver();
        Receiver::new(self.shared.clone())
    }

    /// Whether there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Sender {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.drop_sender();
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("value", &*self.borrow())
            .finish()
    }
}

/// A value that was the latest when it was borrowed.
///
/// It holds up neither senders nor other receivers.
pub struct Ref<T>(Loaded<Versioned<T>>);

impl<T> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
