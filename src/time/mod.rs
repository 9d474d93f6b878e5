//! Waiting for time to pass: [`sleep`], [`timeout`], [`interval`], and the [`Instant`]s they are
//! reckoned in.
//!
//! Time is the clock of the loop that a task runs on: `CLOCK_MONOTONIC`, or a test's `MockClock`
//! (feature `test-util`). It does not count while the machine is suspended.
//!
//! Timers cost no allocation and no system call: they are nodes of a timing wheel that lives in the
//! loop, and the loop's one wait ends when the next of them is due. They never fire early. They
//! fire late by up to 16.4 µs, the wheel's granule, by what the kernel takes to wake a thread, and
//! by what the loop is doing at that time.
//!
//! Nothing here is `Send`: a timer belongs to the loop on which it was first polled.
//!
//! ```
//! use ringmill::time::{sleep, timeout};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringmill::block_on(async {
//!     sleep(Duration::from_millis(1)).await;
//!
//!     let slow = sleep(Duration::from_secs(3600));
//!     assert!(timeout(Duration::from_millis(1), slow).await.is_err());
//! })?;
//! # Ok(())
//! # }
//! ```

mod instant;
mod interval;
mod sleep;
#[cfg(test)]
mod tests;
mod timeout;

pub use instant::Instant;
pub use interval::{Interval, MissedTickPolicy, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
