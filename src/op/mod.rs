//! One file per operation: what goes to the kernel and what comes back, for every driver.
//!
//! An operation that a future waits for implements [`OneShot`](crate::driver::OneShot); one that
//! feeds a resource over time (receives, accepts, staged sends) implements
//! [`Operation`](crate::driver::Operation). Each is there twice, side by side: as a submission, and
//! as an attempt that does not wait. To add one: its file here, and the resource that uses it;
//! `docs/operations.md` shows how by the shortest, `connect.rs`.
//!
//! The only `unsafe` here is the `unsafe impl` of those two traits: the promise that what a
//! submission points to belongs to the operation; and what gives a buffer back that was filled.

mod accept;
mod connect;
pub(crate) mod file_io;
pub(crate) mod file_vectored;
mod ready;
mod recv;
mod send;
mod send_owned;
mod stream;
mod waiter;
mod wake;
mod whole;

pub(crate) use accept::Acceptor;
pub(crate) use connect::connect;
pub(crate) use ready::{Ready, ready};
pub(crate) use send_owned::send_owned;
pub(crate) use stream::StreamSocket;
pub(crate) use wake::{listen_for_wakes, wake_other};
pub(crate) use whole::{read_exact, write_all};
