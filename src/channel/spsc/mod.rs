//! One sender, one receiver, and the fastest way between two loops: a [`channel`] whose messages go
//! one by one or in batches.
//!
//! A message costs one read-modify-write at each end, a batch just as much; the two ends write to
//! cache lines of their own.
//!
//! # Examples
//!
//! ```
//! use ringmill::channel::spsc;
//! use std::collections::VecDeque;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = ringmill::Builder::new().loops(2).build()?;
//! let handle = runtime.handle().clone();
//! let sum = runtime.block_on(async move {
//!     let (mut sender, mut receiver) = spsc::channel(64);
//!     handle.spawn_on(1, move || async move {
//!         let mut batch: VecDeque<u64> = (0..1000).collect();
//!         sender.send_many(&mut batch).await.unwrap();
//!     });
//!     let (mut sum, mut messages) = (0, Vec::new());
//!     while receiver.recv_many(&mut messages, 64).await > 0 {
//!         sum += messages.drain(..).sum::<u64>();
//!     }
//!     sum
//! });
//! assert_eq!(sum, 499_500);
//! # Ok(())
//! # }
//! ```

mod receiver;
mod ring;
mod sender;

pub use receiver::Receiver;
pub use sender::Sender;

use crate::sys::atomics::Arc;
use ring::Ring;

/// A channel that holds up to `capacity` messages; the sender waits for room.
///
/// The memory for them is allocated at once, rounded up to a power of two.
///
/// # Panics
///
/// If `capacity` is zero.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for a message");
    let ring = Arc::new(Ring::new(capacity));
    (Sender::new(ring.clone()), Receiver::new(ring))
}
