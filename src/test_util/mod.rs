//! For tests (feature `test-util`): time that does not pass by itself, waiting until nothing else
//! happens, steps in a given order.
//!
//! - [`MockClock`]: the time of a whole runtime, moved by the test, at a rate, or from timer to
//!   timer while all tasks wait.
//! - [`wait_all_blocked`]: goes on when all other tasks wait.
//! - [`Sequencer`]: the steps of several tasks in the order of their numbers.
//! - [`Builder::shuffle`](crate::Builder::shuffle): another order of ready tasks for each
//!   [seed](crate::Builder::seed).
//!
//! They are modelled on `trio.testing`.
//!
//! # What "all wait" means
//!
//! Both [`MockClock::autojump`] and [`wait_all_blocked`] ask whether everything in the runtime waits.
//! That is so when, at one moment, on every loop
//!
//! - no task is ready to run, or may be taken by a loop that has time;
//! - what tasks have asked of the kernel was submitted, and what the kernel has completed was
//!   delivered: each loop enters the kernel without waiting and looks, after the last loop that did
//!   anything;
//!
//! and, besides,
//!
//! - no task or wake-up is on its way to a loop, from another loop or a thread;
//! - no closure runs or is queued in the runtime's pools or in another pool that its loops use,
//!   which includes the calls of [`fs`](crate::fs) and the look-up of names;
//! - no file is being read or written.
//!
//! A loop that does not run counts as busy: while the thread of the first one is not in
//! [`block_on`](crate::Runtime::block_on), nothing is found to wait.
//!
//! Its limits: of what happens outside of the runtime nobody can tell whether it will lead to
//! something. A peer in another process, in another runtime or on a plain thread that is about to send,
//! a child process that is about to end, a signal, a message from a thread of the test's own, the
//! thread that writes a standard output where the loop cannot: for those there is a threshold, real
//! time for which all must have waited. Traffic over loopback between tasks of the
//! runtime completes first: the kernel delivers it while it is sent, or at the next tick of a machine
//! that is busy. So, where a task waits for a socket, a pipe or a child, all must have waited for 5 ms
//! of real time, whatever the threshold; where tasks wait for timers and each other alone, for no
//! time.
//!
//! A closure in a pool that itself waits for a timer of a loop
//! ([`call_blocking`](crate::LoopRef::call_blocking)) keeps the time from jumping to that timer.

mod all_blocked;
mod mock_clock;
mod sequencer;

pub use all_blocked::{AllBlocked, wait_all_blocked, wait_all_blocked_for};
pub use mock_clock::MockClock;
pub use sequencer::{At, SequenceError, Sequencer, Step};
