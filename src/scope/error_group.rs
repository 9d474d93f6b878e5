//! What went wrong in a scope, all together.

use super::CancelReason;
use crate::task::JoinError;
use std::fmt::{self, Debug, Display};
use std::panic::Location;
use std::{error, slice, vec};

/// Why a scope gave no value: the failures of its children and of its body, in the order in which
/// they came. None at all if the scope was cancelled before its body was done.
#[derive(Debug)]
pub struct ErrorGroup<E> {
    failures: Vec<Failure<E>>,
    cancelled: Option<CancelReason>,
}

/// How one child failed, or the body of the scope.
#[derive(Debug)]
pub struct Failure<E> {
    kind: FailureKind<E>,
    spawned_at: &'static Location<'static>,
}

/// What became of a child that gave no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureKind<E> {
    /// It returned an error.
    Error(E),
    /// It panicked, or the loop on which it ran has ended.
    Join(JoinError),
}

impl<E> ErrorGroup<E> {
    pub(super) fn new(failures: Vec<Failure<E>>, cancelled: Option<CancelReason>) -> Self {
        ErrorGroup {
            failures,
            cancelled,
        }
    }

    /// The failures, the first first.
    pub fn failures(&self) -> &[Failure<E>] {
        &self.failures
    }

    /// The errors that were returned, the first first.
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        self.failures.iter().filter_map(Failure::error)
    }

    /// The first error that was returned, if one was; the rest is dropped.
    pub fn into_first_error(self) -> Option<E> {
        self.into_iter()
            .find_map(|failure| match failure.into_kind() {
                FailureKind::Error(error) => Some(error),
                FailureKind::Join(_) => None,
            })
    }

    /// Why the scope was cancelled, if it was: because of the first failure, or from outside.
    pub fn cancelled(&self) -> Option<&CancelReason> {
        self.cancelled.as_ref()
    }

    /// Whether the scope was cancelled and nothing failed.
    pub fn is_cancelled(&self) -> bool {
        self.failures.is_empty()
    }

    /// Whether one of the failures is a panic.
    pub fn is_panic(&self) -> bool {
        self.failures
            .iter()
            .any(|failure| matches!(&failure.kind, FailureKind::Join(error) if error.is_panic()))
    }
}

impl<E> Failure<E> {
    pub(super) fn error_at(error: E, spawned_at: &'static Location<'static>) -> Self {
        Failure {
            kind: FailureKind::Error(error),
            spawned_at,
        }
    }

    pub(super) fn join_at(error: JoinError, spawned_at: &'static Location<'static>) -> Self {
        Failure {
            kind: FailureKind::Join(error),
            spawned_at,
        }
    }

    /// What became of the child.
    pub fn kind(&self) -> &FailureKind<E> {
        &self.kind
    }

    /// As [`kind`](Self::kind), to keep.
    pub fn into_kind(self) -> FailureKind<E> {
        self.kind
    }

    /// The error that it returned, if it did.
    pub fn error(&self) -> Option<&E> {
        match &self.kind {
            FailureKind::Error(error) => Some(error),
            FailureKind::Join(_) => None,
        }
    }

    /// Where the child was spawned; of the body, where the scope was opened.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }
}

impl<E> IntoIterator for ErrorGroup<E> {
    type Item = Failure<E>;
    type IntoIter = vec::IntoIter<Failure<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.failures.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a ErrorGroup<E> {
    type Item = &'a Failure<E>;
    type IntoIter = slice::Iter<'a, Failure<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.failures.iter()
    }
}

impl<E: Display> Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FailureKind::Error(error) => write!(f, "{error} (spawned at {})", self.spawned_at),
            // It names the place itself.
            FailureKind::Join(error) => Display::fmt(error, f),
        }
    }
}

impl<E: Display> Display for ErrorGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.failures, &self.cancelled) {
            ([], Some(reason)) => write!(f, "the scope was {reason}"),
            ([], None) => f.write_str("the scope was cancelled"),
            ([only], _) => Display::fmt(only, f),
            (all, _) => {
                write!(f, "{} failures: ", all.len())?;
                for (i, failure) in all.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "; " };
                    write!(f, "{separator}{}: {failure}", i + 1)?;
                }
                Ok(())
            }
        }
    }
}

impl<E: Debug + Display> error::Error for ErrorGroup<E> {}
