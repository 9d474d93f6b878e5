//! Many senders, one receiver: [`channel`] with a bound, [`unbounded`] without.
//!
//! The messages of one sender arrive in the order in which they were sent. Senders that wait for
//! room get it in the order of their coming; one that finds room does not wait behind them.
//!
//! # Examples
//!
//! ```
//! use ringmill::channel::mpsc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = ringmill::Builder::new().loops(2).build()?;
//! let handle = runtime.handle().clone();
//! let sum = runtime.block_on(async move {
//!     let (sender, mut receiver) = mpsc::channel(16);
//!     // From the other loop ...
//!     let remote = sender.clone();
//!     handle.spawn_on(1, move || async move {
//!         for number in 0..100 {
//!             remote.send(number).await.unwrap();
//!         }
//!     });
//!     // ... and from a plain thread.
//!     std::thread::spawn(move || sender.blocking_send(1000).unwrap());
//!
//!     let mut sum = 0;
//!     while let Some(number) = receiver.recv().await {
//!         sum += number;
//!     }
//!     sum
//! });
//! assert_eq!(sum, 4950 + 1000);
//! # Ok(())
//! # }
//! ```

mod receiver;
mod sender;
mod shared;
mod unbounded;

pub use receiver::Receiver;
pub use sender::Sender;
pub use unbounded::UnboundedSender;

use crate::sys::atomics::Arc;
use shared::Shared;

/// A channel that holds up to `capacity` messages; senders wait for room.
///
/// The memory for them is allocated at once.
///
/// # Panics
///
/// If `capacity` is zero.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for a message");
    let shared = Arc::new(Shared::bounded(capacity));
    (Sender::new(shared.clone()), Receiver::new(shared))
}

/// A channel that holds any number of messages; sending never waits.
///
/// Nothing slows a sender down that is faster than the receiver: prefer [`channel`] wherever
/// something may be.
pub fn unbounded<T>() -> (UnboundedSender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::unbounded());
    (UnboundedSender::new(shared.clone()), Receiver::new(shared))
}
