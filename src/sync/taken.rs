//! [`Taken`], permits that come back when it is dropped, and [`Asking`], the wait for them.

use super::permits::{NoMore, Permits, Refused};
use super::sharing::Sharing;
use crate::event_loop::budgeted_or_leave;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What hands out permits.
pub(super) trait Gives {
    type Sharing: Sharing;
    fn permits(&self) -> &Permits<Self::Sharing>;
}

impl<S: Sharing> Gives for Permits<S> {
    type Sharing = S;

    #[inline]
    fn permits(&self) -> &Permits<S> {
        self
    }
}

/// Permits of `owner`, which is a reference or counted. They are given back when this is dropped.
pub(super) struct Taken<O: Deref<Target: Gives>> {
    owner: O,
    amount: usize,
}

impl<O: Deref<Target: Gives>> Taken<O> {
    #[inline]
    pub(super) fn try_new(owner: O, amount: usize) -> Result<Self, (Refused, O)> {
        match owner.permits().try_take(amount) {
            Ok(()) => Ok(Taken { owner, amount }),
            Err(refused) => Err((refused, owner)),
        }
    }

    #[inline]
    pub(super) fn owner(&self) -> &O {
        &self.owner
    }

    #[inline]
    pub(super) fn amount(&self) -> usize {
        self.amount
    }

    /// Gives all but `kept` back.
    pub(super) fn keep(&mut self, kept: usize) {
        let more = self.amount - kept;
        self.amount = kept;
        self.owner.permits().give(more);
    }

    /// Never gives them back.
    pub(super) fn forget(mut self) {
        self.amount = 0;
    }

    /// Divides them: `part` of them go into the new one.
    pub(super) fn split(&mut self, part: usize) -> Option<Self>
    where
        O: Clone,
    {
        let rest = self.amount.checked_sub(part)?;
        let owner = self.owner.clone();
        self.amount = rest;
        Some(Taken {
            owner,
            amount: part,
        })
    }

    /// Takes over what `other` holds, of the same owner's.
    pub(super) fn merge(&mut self, mut other: Self) {
        self.amount += std::mem::take(&mut other.amount);
    }
}

impl<O: Deref<Target: Gives>> Drop for Taken<O> {
    #[inline]
    fn drop(&mut self) {
        if self.amount != 0 {
            self.owner.permits().give(self.amount);
        }
    }
}

/// Waits for permits; each poll is an operation of the task's turn. Dropped, or polled where it is
/// cancelled, it gives its place up, and hands on what it was given.
pub(super) struct Asking<O: Deref<Target: Gives>> {
    /// `None` once it is over.
    owner: Option<O>,
    amount: usize,
    /// The place in the line.
    key: Option<usize>,
}

impl<O: Deref<Target: Gives>> Asking<O> {
    #[inline]
    pub(super) fn new(owner: O, amount: usize) -> Self {
        Asking {
            owner: Some(owner),
            amount,
            key: None,
        }
    }

    #[inline]
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NoMore>> {
        let owner = self.owner.as_ref().expect("polled after its end");
        owner.permits().poll_take(self.amount, &mut self.key, cx)
    }

    /// Gives the place in the line up, and hands on what it was given.
    #[inline]
    fn leave(&mut self) {
        if let (Some(owner), Some(key)) = (&self.owner, self.key.take()) {
            owner.permits().leave(self.amount, key);
        }
    }
}

impl<O: Deref<Target: Gives>> Unpin for Asking<O> {}

impl<O: Deref<Target: Gives>> Future for Asking<O> {
    type Output = Result<Taken<O>, NoMore>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = budgeted_or_leave(cx, &mut *self, Self::poll_take, Self::leave);
        polled.map(|taken| {
            let owner = self.owner.take().expect("looked at before");
            let amount = self.amount;
            taken.map(|()| Taken { owner, amount })
        })
    }
}

impl<O: Deref<Target: Gives>> Drop for Asking<O> {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}
