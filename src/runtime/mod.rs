//! Building, launching, addressing and ending the loops of one program.

mod builder;
mod census;
mod connections;
mod drain;
mod error;
mod fallback;
mod handle;
mod launch;
mod loop_ref;
mod per_loop;
mod placement;
#[allow(clippy::module_inception)]
mod runtime;
mod seed;
mod serve;
mod spawn;
mod watchdog;
mod yield_now;

pub use builder::Builder;
pub use drain::{Drain, DrainStarted};
pub use error::BuildError;
pub use handle::Handle;
pub use loop_ref::LoopRef;
pub use per_loop::PerLoop;
pub use placement::Balance;
pub use runtime::{Runtime, block_on};
pub use serve::{Serve, serve, serve_with};
pub use spawn::{spawn, spawn_anywhere};
pub use watchdog::{Stall, StallFrame, Watchdog};
pub use yield_now::{YieldNow, yield_now};
