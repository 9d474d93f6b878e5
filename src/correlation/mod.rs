//! What belongs together: requests and replies that find each other by an id ([`Waiters`]), and all
//! the work for one request ([`TraceId`]).
//!
//! Many protocols send requests and replies over one connection, in any order, with an id in each that
//! says what belongs to what. Who sends a request registers its id and awaits the [`Waiter`]; who
//! receives, on whatever loop or thread, hands each reply to the registry.
//!
//! ```
//! use ringmill::correlation::{WaitError, Waiters};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let waiters = Waiters::<u64, &str>::new();
//! ringmill::block_on(async {
//!     let id = waiters.next_id();
//!     let reply = waiters.register(id, Duration::from_secs(5)).unwrap();
//!     // The request goes out with its id; and another task receives:
//!     let receiving = waiters.clone();
//!     ringmill::spawn(async move { receiving.reply(id, "pong").unwrap() });
//!     assert_eq!(reply.await, Ok("pong"));
//!
//!     let silence = waiters.register(waiters.next_id(), Duration::from_millis(1)).unwrap();
//!     assert_eq!(silence.await, Err(WaitError::TimedOut));
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! # One end for each
//!
//! Every registration ends in one way, once: by a reply, by its deadline, by a cancellation, or as its
//! [`Waiter`] is dropped. Which it is, is settled under a lock, by who comes first; from then on the id
//! is free. What comes for it later is *late*, or a *duplicate* if there was a reply already, for as
//! long as the registry remembers: it keeps the ids that ended last, so many and no more. Such a reply
//! comes back to who brought it, is counted, and is shown to a hook.
//!
//! # Order
//!
//! Nothing depends on the order of a hash table or on an address: the same calls in the same order wake
//! the same tasks in the same order. Where the registry closes, that is the order of registration.
//!
//! # What it costs
//!
//! A registration, a reply and an end are a short lock each, of one of several shards that the ids are
//! spread over, and allocate nothing once the tables have grown to their size. Wake-ups, the hook and
//! destructors of replies run outside of the locks. The ids' `Hash`, `Eq`, `Clone` and `Drop` run
//! within: they must not call the registry.

mod error;
mod shard;
mod stats;
mod trace_id;
mod waiter;
mod waiters;

pub use error::{AlreadyWaiting, Unclaimed, UnclaimedReason, WaitError};
pub use stats::WaitersStats;
pub use trace_id::{ParseTraceIdError, TraceId, trace_id};
pub use waiter::Waiter;
pub use waiters::{Waiters, WaitersBuilder};
