//! What receiving from a broadcast channel can fail with.

use std::error::Error;
use std::fmt;

/// Why there is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// None is left and none will come.
    Closed,
    /// So many were overwritten before they were taken. The next call goes on behind them.
    Lagged(u64),
}

/// Why there is no message at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is none now.
    Empty,
    /// None is left and none will come.
    Closed,
    /// So many were overwritten before they were taken. The next call goes on behind them.
    Lagged(u64),
}

/// So many messages were overwritten before they were taken: what a receiver as a stream gives
/// instead of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} messages were missed", self.0)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RecvError::Closed => f.write_str("the channel is closed"),
            RecvError::Lagged(missed) => Lagged(missed).fmt(f),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            TryRecvError::Empty => f.write_str("the channel is empty"),
            TryRecvError::Closed => RecvError::Closed.fmt(f),
            TryRecvError::Lagged(missed) => Lagged(missed).fmt(f),
        }
    }
}

impl Error for Lagged {}
impl Error for RecvError {}
impl Error for TryRecvError {}
