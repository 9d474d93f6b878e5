//! Signals of the process, for tasks.
//!
//! - [`ctrl_c`] waits for one SIGINT, [`shutdown_requested`] for one SIGINT or SIGTERM.
//! - [`unix`] listens for a signal of one's choice, again and again.
//!
//! A signal is told to each listener, on whichever loop, runtime or thread it is. Each is told at
//! least once of what has come since it last looked; signals that come faster than it looks are told
//! together, as the kernel itself keeps only one of a kind that is not yet delivered.
//!
//! # What a signal does while nobody listens
//!
//! While a signal has a listener in the process, it does nothing else, apart from calling the handler
//! function that was there before. When its last listener is gone, it does again what it did before
//! the first one came: by default SIGTERM ends the process, and what was ignored is ignored. So a
//! second ctrl-c ends a program that hangs in its clean-up after the first; a program that does not
//! want that keeps a listener.
//!
//! The exception is a handler that somebody else (another library) has put over that of this crate
//! meanwhile: it stays, and so does this crate's beneath it. If it does not call the one that it
//! found, as handlers of libraries should, listeners hear no more.
//!
//! # How it works
//!
//! The handler counts and rings; one plain thread, `ringmill-signal`, hears that and wakes the tasks
//! that wait. It starts with the process's first listener, stays, and sleeps while no signal comes.
//! The signals are not blocked in any thread, and a signal may interrupt a system call on any of
//! them, which the kernel then restarts where it can (`SA_RESTART`).

mod kind;
mod listener;
mod listeners;
mod shutdown;

pub use kind::SignalKind;
pub use listener::{Signal, unix};
pub(crate) use shutdown::Shutdown;
pub use shutdown::shutdown_requested;

use crate::event_loop::proceed_free;
use std::io;

/// Waits for one SIGINT, which ctrl-c at the terminal sends.
///
/// While one waits, SIGINT does not end the process by itself; afterwards it does again, unless
/// somebody else listens. To go on listening between two of them, use [`unix`].
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     ringmill::signal::ctrl_c().await?;
///     println!("good-bye");
///     Ok::<_, std::io::Error>(())
/// })??;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`unix`].
///
/// # Cancel safety
///
/// A signal that comes while nobody waits is not kept.
pub async fn ctrl_c() -> io::Result<()> {
    proceed_free().await;
    unix(SignalKind::interrupt())?.recv().await;
    Ok(())
}
