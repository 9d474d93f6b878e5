//! How a wait can end without a reply, and a reply without a wait.

use std::error::Error;
use std::fmt;
use std::io;

/// Somebody waits for a reply with this id already. Here it is back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AlreadyWaiting<K>(pub K);

/// Why a [`Waiter`](super::Waiter) got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitError {
    /// The deadline came first.
    TimedOut,
    /// The wait was cancelled, or the registry closed.
    Cancelled,
}

/// Nobody waits for this reply. Here it is back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Unclaimed<V> {
    /// The reply.
    pub value: V,
    /// Why nobody waits for it.
    pub reason: UnclaimedReason,
}

/// Why nobody took a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnclaimedReason {
    /// The wait has ended without one: by its deadline, a cancellation, or as its waiter was dropped.
    Late,
    /// There was a reply before.
    Duplicate,
    /// Nobody has ever waited for it, or not among the last so many.
    Unknown,
    /// It came in time, but the waiter was dropped without having looked.
    Untaken,
}

// By hand: neither ids nor replies need be `Debug`.
impl<K> fmt::Debug for AlreadyWaiting<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlreadyWaiting(..)")
    }
}

impl<V> fmt::Debug for Unclaimed<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unclaimed")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<K> fmt::Display for AlreadyWaiting<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("somebody waits for a reply with this id already")
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WaitError::TimedOut => "no reply came within the time",
            WaitError::Cancelled => "the wait for the reply was cancelled",
        })
    }
}

impl<V> fmt::Display for Unclaimed<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl fmt::Display for UnclaimedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnclaimedReason::Late => "the reply came late",
            UnclaimedReason::Duplicate => "there was a reply before",
            UnclaimedReason::Unknown => "nobody waits for such a reply",
            UnclaimedReason::Untaken => "the waiter was dropped with the reply in it",
        })
    }
}

impl<K> Error for AlreadyWaiting<K> {}
impl Error for WaitError {}
impl<V> Error for Unclaimed<V> {}

/// An error of kind [`TimedOut`](io::ErrorKind::TimedOut), or
/// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) if it was cancelled.
impl From<WaitError> for io::Error {
    fn from(error: WaitError) -> io::Error {
        let kind = match error {
            WaitError::TimedOut => io::ErrorKind::TimedOut,
            WaitError::Cancelled => io::ErrorKind::ConnectionAborted,
        };
        io::Error::new(kind, error)
    }
}
