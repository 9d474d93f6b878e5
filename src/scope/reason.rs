//! Why a scope was cancelled, and the error of whoever ran in it.

use std::borrow::Cow;
use std::{error, fmt, io};

/// Why a scope was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelReason {
    /// Somebody called `cancel`.
    Requested,
    /// Somebody said why, by `cancel_because`.
    Because(Cow<'static, str>),
    /// The deadline passed.
    Deadline,
    /// A child of the scope failed or panicked.
    Failure,
    /// The future of the scope was dropped before it was done.
    Dropped,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CancelReason::Requested => "cancelled on request",
            CancelReason::Because(why) => return write!(f, "cancelled: {why}"),
            CancelReason::Deadline => "cancelled by its deadline",
            CancelReason::Failure => "cancelled because a child failed",
            CancelReason::Dropped => "cancelled because its scope was dropped",
        })
    }
}

/// What ran in a cancel scope was cancelled before it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    reason: CancelReason,
}

impl Cancelled {
    pub(super) fn new(reason: CancelReason) -> Self {
        Cancelled { reason }
    }

    /// Why.
    pub fn reason(&self) -> &CancelReason {
        &self.reason
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl error::Error for Cancelled {}

/// [`TimedOut`](io::ErrorKind::TimedOut) for a deadline, else [`Other`](io::ErrorKind::Other).
impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> io::Error {
        let kind = match cancelled.reason {
            CancelReason::Deadline => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, cancelled)
    }
}
