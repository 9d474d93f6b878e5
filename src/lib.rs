//! Ringmill: a thread-per-core async runtime for Linux on io_uring.

mod buf;
mod compat;
mod driver;
mod event_loop;
pub mod net;
mod op;
mod runtime;
pub mod signal;
mod sys;
mod task;
pub mod time;

pub use buf::{IoBuf, RecvBuf};
#[cfg(feature = "hyper")]
pub use compat::hyper;
pub use event_loop::LoopStats;
pub use runtime::{
    BuildError, Builder, Drain, DrainStarted, Handle, LoopRef, Runtime, Serve, YieldNow, block_on,
    serve, serve_with, spawn, yield_now,
};
pub use task::{AbortHandle, AbortOnDrop, JoinError, JoinHandle};
