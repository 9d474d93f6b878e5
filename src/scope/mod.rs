//! Structured concurrency: tasks that end before their parent does, and cancellation that reaches
//! all of them.
//!
//! ```
//! use ringmill::scope::{move_on_after, scope};
//! use ringmill::time::sleep;
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringmill::block_on(async {
//!     let mut log = Vec::new();
//!     let ticks = std::cell::Cell::new(0);
//!     // Two children, which borrow from here, for at most 20 ms.
//!     let done = move_on_after(Duration::from_millis(20), scope(async |s| {
//!         s.spawn(async {
//!             loop {
//!                 sleep(Duration::from_millis(1)).await;
//!                 ticks.set(ticks.get() + 1);
//!             }
//!         });
//!         s.spawn(async { log.push("hello") });
//!         Ok::<_, std::io::Error>(())
//!     }))
//!     .await;
//!     assert!(done.is_none() && ticks.get() > 0);
//!     assert_eq!(log, ["hello"]);
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! - [`scope()`] opens a place for children and waits for them; [`Scope`] starts them. A failure ends
//!   the siblings, and all failures come back together as an [`ErrorGroup`]. [`Scope::limited`] has
//!   only so many run at a time, [`Results`] has their values as they come.
//! - [`CancelScope`] and [`CancelToken`] cancel; [`move_on_after`], [`move_on_at`], [`fail_after`] and
//!   [`fail_at`] are scopes with a deadline. [`shield`] and [`with_cleanup`] hold out against it.
//! - [`checkpoint()`] is a place to be cancelled at, and every asynchronous operation of this crate is
//!   one.
//! - [`JoinSet`] is for tasks that outlive their spawner's frame; [`join_all`], [`race`] and
//!   [`first_ok`] for futures that are no tasks.
//!
//! # What cancelling is
//!
//! Rust cancels a future by dropping it, and asks nobody. Trio and Curio throw an exception at the
//! task's next checkpoint, and the code on the way out runs. Here a scope does the first at the times
//! of the second:
//!
//! 1. *Cancelling a scope sets a mark*, on it and on all scopes below it, children on other loops
//!    included. The mark stays: cancellation is a state, and not an event that can be missed.
//! 2. *What runs in the scope ends at its next checkpoint.* Code that waits is at one. Code that runs,
//!    because it cancelled the scope itself or had not begun, goes on until it comes to one, and no
//!    further: in a scope that is cancelled no operation of this crate begins, not even one that
//!    would not have to wait.
//! 3. *To end is to be dropped* there: the destructors of the code's variables run, nothing behind
//!    the `.await` does. Each operation says under "Cancel safety" what that means for it; for those
//!    of this crate it means, wherever that is possible, that it did not happen: bytes that were not
//!    read stay in the stream, connections in the listener, messages in the channel.
//! 4. *The code around the scope goes on*, with [`Cancelled`] or `None` in place of the output,
//!    unless it is itself in a scope that is cancelled. So of several nested scopes that are
//!    cancelled together only the outermost gives an answer. Failures alone are told all the way: a
//!    [`scope()`] in which something failed gives its [`ErrorGroup`] even there.
//! 5. *What must happen all the same* is what the scope waits for before it drops anything that
//!    contains it: a [`shield`], the clean-up of [`with_cleanup`], a child on another loop. Inside a
//!    shield there is no scope around, so its operations work, and it should have a deadline.
//! 6. *A scope that is dropped* otherwise, by `select!`, [`timeout`](crate::time::timeout) or
//!    [`abort`](crate::JoinHandle::abort), cannot wait for anything: shields and clean-ups are dropped
//!    too, and children on other loops are cancelled and end on their own.
//!
//! A task of [`spawn`](crate::spawn) is no child of the scope in which it was spawned, and is not
//! cancelled with it: there is [`Scope::spawn`] for that.
//!
//! Futures of other crates are no checkpoints of themselves, but they wait for something that is, or
//! return when they have to wait, and are then dropped like all others.
//!
//! # Children borrow
//!
//! A child of [`Scope::spawn`] is a part of the scope's own future, and not a task of its own, so it
//! may borrow from the frames around the scope: if the scope's future is leaked the child is never
//! polled again, and its memory never freed. A task of its own would go on in that case, with borrows
//! of a frame that is gone, and no destructor can wait for it; that is why children on other loops,
//! which are tasks, must own what they use. On one loop nothing is lost by it: there a task runs at
//! a time in any case. But children share their task's turn: its budget, and what the watchdog
//! says.

mod cancel_scope;
mod caught;
mod checkpoint;
mod child;
mod combine;
mod current;
mod error_group;
mod join_set;
mod limited;
mod local;
#[cfg(all(test, loom))]
mod models;
mod node;
mod reason;
mod results;
mod run;
#[allow(clippy::module_inception, reason = "the module is about it")]
mod scope;
mod shield;
#[cfg(all(test, not(loom)))]
mod tests;
mod token;
mod under;

pub use cancel_scope::{
    CancelScope, effective_deadline, fail_after, fail_at, move_on_after, move_on_at,
};
pub use checkpoint::{checkpoint, checkpoints, is_cancelled};
pub use child::{Child, NoValue, Outcome, Ready};
pub use combine::{first_ok, join_all, race};
pub use error_group::{ErrorGroup, Failure, FailureKind};
pub use join_set::JoinSet;
pub use limited::Limited;
pub use reason::{CancelReason, Cancelled};
pub use results::Results;
pub use run::Run;
pub use scope::{Scope, scope};
pub use shield::{Shield, shield, with_cleanup};
pub use token::{CancelToken, Ended, WaitCancelled};
