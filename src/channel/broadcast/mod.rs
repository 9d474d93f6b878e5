//! Every message to every receiver; who is too slow is told how many it has missed.
//!
//! Sending never waits: the channel keeps the latest `capacity` messages, and a receiver that has
//! not taken one by the time it is overwritten gets [`RecvError::Lagged`] with the number of
//! messages lost to it, then goes on with the oldest that is left.
//!
//! A message is kept once and cloned for each receiver, so large ones are best sent in an
//! [`Arc`].
//!
//! # Examples
//!
//! ```
//! use ringmill::channel::broadcast::{self, RecvError};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringmill::block_on(async {
//!     let (sender, mut first) = broadcast::channel(2);
//!     let mut second = sender.subscribe();
//!     sender.send("one").unwrap();
//!     assert_eq!(first.recv().await, Ok("one"));
//!     sender.send("two").unwrap();
//!     sender.send("three").unwrap();
//!     // There is room for two.
//!     assert_eq!(second.recv().await, Err(RecvError::Lagged(1)));
//!     assert_eq!(second.recv().await, Ok("two"));
//!     drop(sender);
//!     assert_eq!(second.recv().await, Ok("three"));
//!     assert_eq!(second.recv().await, Err(RecvError::Closed));
//! })?;
//! # Ok(())
//! # }
//! ```

mod error;
mod receiver;
mod shared;

pub use error::{Lagged, RecvError, TryRecvError};
pub use receiver::Receiver;

use super::SendError;
use crate::sys::atomics::Arc;
use shared::Shared;
use std::fmt;

/// A channel that keeps the latest `capacity` messages, rounded up to a power of two.
///
/// # Panics
///
/// If `capacity` is zero.
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for a message");
    let sender = Sender {
        shared: Arc::new(Shared::new(capacity)),
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
    /// Sends a message to all receivers, and says how many they are; never waits.
    ///
    /// # Errors
    ///
    /// If there is no receiver, or the channel was closed; the message is in the error.
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        self.shared.send(message).map_err(SendError)
    }

    /// A new receiver, for all that is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        self.shared.add_receiver();
        let next = self.shared.end().count;
        Receiver::new(self.shared.clone(), next)
    }

    /// Lets no message in any more. Receivers take what is there, then are told; so they are when
    /// the last sender is dropped.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether nothing can be sent: there is no receiver, or the channel was closed.
    pub fn is_closed(&self) -> bool {
        self.shared.receivers() == 0 || self.shared.end().closed
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// How many messages are kept for receivers that come late.
    pub fn capacity(&self) -> usize {
        self.shared.capacity()
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

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("capacity", &self.capacity())
            .field("receivers", &self.receiver_count())
            .finish()
    }
}
