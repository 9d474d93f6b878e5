//! What follows a piece of work wherever it goes: [`TaskLocal`] values; a [`TraceId`](crate::TraceId)
//! is one.
//!
//! A task-local has its value for as long as a future runs, and for all that the future begins:
//!
//! | the value goes along | and does not |
//! |---|---|
//! | to tasks spawned inside: here, on another loop, anywhere | over channels and queues |
//! | with calls to other loops, and back | to threads that are not a pool's |
//! | to closures in pools, and to what they call on loops | to child processes |
//! | into `block_on`, to the future that it runs | to what else runs on that loop |
//!
//! ```
//! use ringmill::blocking::spawn_blocking;
//!
//! ringmill::task_local! {
//!     static USER: &'static str;
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringmill::block_on(USER.scope("ada", async {
//!     assert_eq!(USER.get(), "ada");
//!     let task = ringmill::spawn(async { USER.get() });
//!     assert_eq!(task.await.unwrap(), "ada");
//!     let job = spawn_blocking(|| USER.get());
//!     assert_eq!(job.await.unwrap(), "ada");
//! }))?;
//! # Ok(())
//! # }
//! ```
//!
//! That is where it differs from Tokio's, whose values end with the task: there a spawned task begins
//! with none, here with its spawner's. So values are `Send + Sync`.
//!
//! All values together are a [`Context`]. Who carries work over a channel or a thread of its own takes
//! [`Context::current`] along, and continues with [`run`](Context::run) or
//! [`attach`](Context::attach). So do the parts of a computation that rayon splits: they run wherever
//! there is time, also on a thread that waits in the middle of another job, whose context they would
//! see otherwise.
//!
//! A future's destructors run in its context, too, whether it has ended or was cancelled. What it
//! returned belongs to who joins it.
//!
//! # What it costs
//!
//! A context is immutable: a [`scope`](TaskLocal::scope) makes a new one, with two allocations, out of
//! the present one and the value. A task that is spawned where there is a context takes a reference:
//! 16 bytes behind its cell and an atomic increment. Each of its polls puts the context's address into
//! a thread-local and puts back what was there.
//!
//! A task that is spawned where there is none pays a thread-local's read and a branch, and nothing from
//! then on: it has no room for a context, and its polls do not ask for one. A task with a context has
//! another table of functions, whose `poll` enters the context and calls that of the first. (A field in
//! every task would have cost 16 bytes and a branch a poll; to wrap the future where there is a context
//! would have compiled each task's code twice.)

mod attached;
#[allow(clippy::module_inception)]
mod context;
mod current;
mod task_local;

pub use attached::Attached;
pub use context::Context;
pub(crate) use current::{detached, enter, is_set};
pub use task_local::{AccessError, Scope, TaskLocal};
