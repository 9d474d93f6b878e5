//! Requests of the operator that the process end.

use super::{Signal, SignalKind, unix};
use crate::event_loop::proceed_free;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

/// SIGINT (ctrl-c) and SIGTERM, each of them counted from its making on.
pub(crate) struct Shutdown {
    signals: [Signal; 2],
    /// Arrivals that were taken from the listeners and not yet told.
    owed: u64,
}

impl Shutdown {
    /// Starts listening.
    ///
    /// # Errors
    ///
    /// As [`unix`].
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Shutdown {
            signals: [
                unix(SignalKind::interrupt())?,
                unix(SignalKind::terminate())?,
            ],
            owed: 0,
        })
    }

    /// Ready once for each signal.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for signal in &mut self.signals {
            if let Poll::Ready(count) = signal.poll_count(cx) {
                self.owed += count;
            }
        }
        if self.owed == 0 {
            return Poll::Pending;
        }
        self.owed -= 1;
        Poll::Ready(())
    }
}

/// Waits for SIGINT (ctrl-c) or SIGTERM: for what ends a service.
///
/// Every waiting task is woken. While one waits, these signals do not end the process by themselves.
///
/// # Errors
///
/// If the handler or its thread cannot be set up.
///
/// # Cancel safety
///
/// A signal that comes while nobody waits is not kept; it ends the process, unless somebody else
/// listens. To go on listening between two of them, use [`unix`].
pub async fn shutdown_requested() -> io::Result<()> {
    proceed_free().await;
    let mut signals = Shutdown::new()?;
    poll_fn(|cx| signals.poll_next(cx)).await;
    Ok(())
}
