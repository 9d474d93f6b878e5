//! [`Signal`]: one listener.

use super::{SignalKind, listeners};
use crate::channel::watch;
use futures_core::Stream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A listener for one signal, made by [`unix`]. It is also a [`Stream`], which never ends.
///
/// While there is one, the signal does not do what it does by default: see
/// [the module](super#what-a-signal-does-while-nobody-listens).
#[derive(Debug)]
pub struct Signal {
    kind: SignalKind,
    /// How often the signal had come when this last looked.
    seen: u64,
    count: watch::Receiver<u64>,
}

/// Listens for a signal, from now on.
///
/// May be called on any thread, and the listener awaited in any runtime.
///
/// ```no_run
/// use ringmill::signal::{SignalKind, unix};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let mut hangup = unix(SignalKind::hangup())?;
///     while let Some(()) = hangup.recv().await {
///         println!("reading the configuration again");
///     }
///     Ok::<_, std::io::Error>(())
/// })??;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// `InvalidInput` for SIGKILL and SIGSTOP, which cannot be caught, for SIGSEGV, SIGBUS, SIGILL and
/// SIGFPE, after which a program cannot go on, and for numbers that are no signal's; and if the
/// thread that hands the signals on cannot be started.
pub fn unix(kind: SignalKind) -> io::Result<Signal> {
    let (seen, count) = listeners::join(kind)?;
    Ok(Signal { kind, seen, count })
}

impl Signal {
    /// Which signal it is.
    pub fn kind(&self) -> SignalKind {
        self.kind
    }

    /// Waits until the signal has come since the last call returned, or since this was made; at once
    /// if it has. Several that came meanwhile are one.
    ///
    /// It is `Some` always, so that `while let` reads as with other streams.
    ///
    /// # Cancel safety
    ///
    /// No signal is lost by dropping it: the next call returns for it.
    pub async fn recv(&mut self) -> Option<()> {
        loop {
            self.count.changed().await.ok()?;
            if self.new_ones() > 0 {
                return Some(());
            }
        }
    }

    /// As [`recv`](Signal::recv), and says how many have come.
    pub(super) fn poll_count(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        loop {
            // It does not end: senders are kept for ever.
            let _ = ready!(Pin::new(&mut self.count).poll_next(cx));
            let new = self.new_ones();
            if new > 0 {
                return Poll::Ready(new);
            }
        }
    }

    /// How many have come that this has not seen; they are seen now.
    fn new_ones(&mut self) -> u64 {
        // What was told late is from before this was made.
        let new = self.count.borrow().saturating_sub(self.seen);
        self.seen += new;
        new
    }
}

impl Stream for Signal {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.poll_count(cx).map(|_| Some(()))
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        listeners::leave(self.kind);
    }
}
