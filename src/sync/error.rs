//! What these types fail with, and what they tell of themselves.

use std::error::Error;
use std::fmt;

/// The lock is held, or somebody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLockError(pub(super) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is held or waited for")
    }
}

impl Error for TryLockError {}

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError(pub(super) ());

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl Error for AcquireError {}

/// Why a semaphore had no permit at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// It was closed.
    Closed,
    /// There are too few, or somebody waits.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => "the semaphore is closed",
            TryAcquireError::NoPermits => "too few permits are free, or they are waited for",
        })
    }
}

impl Error for TryAcquireError {}

/// The cell has a value already; the new one is in here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SetError<T>(pub T);

impl<T> fmt::Debug for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SetError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cell has a value already")
    }
}

impl<T> Error for SetError<T> {}

/// Who has a lock and who wants it, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockStatistics {
    /// How many hold it: one, or as many readers as there are.
    pub holders: usize,
    /// How many wait for it.
    pub waiting: usize,
}

/// What a [`CapacityLimiter`](super::CapacityLimiter) tells of itself, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapacityStatistics<B> {
    /// How many tokens there are.
    pub total_tokens: usize,
    /// How many are lent.
    pub borrowed_tokens: usize,
    /// Who has them, in no order.
    pub borrowers: Vec<B>,
    /// How many wait for one.
    pub tasks_waiting: usize,
}

/// The borrower has a token, or waits for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BorrowError(pub(super) ());

impl fmt::Display for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the borrower has a token of this limiter, or waits for one")
    }
}

impl Error for BorrowError {}

/// Why a borrower got no token at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryBorrowError {
    /// None is free, or somebody waits.
    NoTokens,
    /// It has one, or waits for one.
    Twice(BorrowError),
}

impl fmt::Display for TryBorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryBorrowError::NoTokens => f.write_str("no token is free, or they are waited for"),
            TryBorrowError::Twice(twice) => twice.fmt(f),
        }
    }
}

impl Error for TryBorrowError {}
