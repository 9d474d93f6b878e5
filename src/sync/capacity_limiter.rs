//! So many at a time, each known by name.

use super::cell::Hold;
use super::line::{Batch, Found, Left, Line};
use super::park::block_on_future;
use super::sharing::{AcrossLoops, Lock, OneLoop, Sharing};
use crate::event_loop::budgeted;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::hash::Hash;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Lends so many tokens at a time, one to each borrower: Trio's `CapacityLimiter`.
///
/// A borrower is whoever the caller says: a connection's number, a customer, a task's own name for
/// itself. One that has a token, or waits for one, and asks for another gets an error, where with a
/// [`Semaphore`](super::Semaphore) it could wait for itself for ever. How many tokens there are can be
/// changed at any time, and [`statistics`](CapacityLimiter::statistics) tell who has them. Trio's
/// `acquire`, which lends to the current task, is left out: tasks have no names here.
///
/// It is one limit for all its borrowers; [`Limiter`](crate::blocking::Limiter) is a limit for each of
/// many keys, under which anybody may have several permits.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::CapacityLimiter;
///
/// ringmill::block_on(async {
///     let limiter = CapacityLimiter::new(2);
///     let one = limiter.acquire_on_behalf_of("one").await?;
///     let two = limiter.acquire_on_behalf_of("two").await?;
///     assert!(limiter.acquire_on_behalf_of("one").await.is_err());
///     limiter.set_total_tokens(1);
///     drop(one);
///     let statistics = limiter.statistics();
///     assert_eq!((statistics.borrowed_tokens, statistics.total_tokens), (1, 1));
///     assert_eq!(statistics.borrowers, ["two"]);
///     drop(two);
///     Ok::<_, ringmill::sync::BorrowError>(())
/// })??;
/// # Ok(())
/// # }
/// ```
pub struct CapacityLimiter<B, S: Sharing> {
    state: S::Lock<State<B>>,
}

struct State<B> {
    total: usize,
    borrowed: usize,
    borrowers: HashMap<B, Standing>,
    line: Line<B, ()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Waits,
    Has,
}

impl<B: Hash + Eq> State<B> {
    /// Whether somebody who comes now may have a token at once.
    fn has_room(&self) -> bool {
        self.borrowed < self.total && self.line.waiting() == 0
    }

    /// Lends to those at the front of the line.
    fn serve(&mut self, batch: &mut Batch) {
        while !batch.is_full()
            && self.borrowed < self.total
            && let Some((borrower, waker)) = self.line.serve_first(())
        {
            self.borrowed += 1;
            self.borrowers.insert(borrower, Standing::Has);
            batch.push(waker);
        }
    }

    fn give_back(&mut self, borrower: &B) {
        self.borrowed -= 1;
        self.borrowers.remove(borrower);
    }
}

impl<B: Hash + Eq + Clone, S: Sharing> CapacityLimiter<B, S> {
    /// With so many tokens, which may be `usize::MAX`, or 0 for now.
    pub fn new(total_tokens: usize) -> Self {
        CapacityLimiter {
            state: S::Lock::new(State {
                total: total_tokens,
                borrowed: 0,
                borrowers: HashMap::new(),
                line: Line::new(),
            }),
        }
    }

    /// Waits for a token for `borrower`.
    ///
    /// # Errors
    ///
    /// If it has one already, or waits for one.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up; a token that had been lent already goes to the
    /// next.
    pub async fn acquire_on_behalf_of(
        &self,
        borrower: B,
    ) -> Result<CapacityToken<'_, B, S>, BorrowError> {
        Borrowing::borrow(self, borrower).await.map(CapacityToken)
    }

    /// A token for `borrower`, if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// If that is not so, or the borrower has one already.
    pub fn try_acquire_on_behalf_of(
        &self,
        borrower: B,
    ) -> Result<CapacityToken<'_, B, S>, TryBorrowError> {
        try_borrow(self, borrower).map(CapacityToken)
    }

    /// Changes how many tokens there are. If fewer than are lent, nobody gets one until enough have
    /// come back.
    pub fn set_total_tokens(&self, total_tokens: usize) {
        self.change(|state| state.total = total_tokens);
    }

    /// How many tokens there are.
    pub fn total_tokens(&self) -> usize {
        self.state.with(|state| state.total)
    }

    /// How many are lent.
    pub fn borrowed_tokens(&self) -> usize {
        self.state.with(|state| state.borrowed)
    }

    /// How many are free.
    pub fn available_tokens(&self) -> usize {
        self.state
            .with(|state| state.total.saturating_sub(state.borrowed))
    }

    /// Who has tokens and who waits, at this moment.
    pub fn statistics(&self) -> CapacityStatistics<B> {
        self.state.with(|state| CapacityStatistics {
            total_tokens: state.total,
            borrowed_tokens: state.borrowed,
            borrowers: state
                .borrowers
                .iter()
                .filter(|(_, standing)| **standing == Standing::Has)
                .map(|(borrower, _)| borrower.clone())
                .collect(),
            tasks_waiting: state.line.waiting(),
        })
    }
}

impl<B: Hash + Eq, S: Sharing> CapacityLimiter<B, S> {
    /// Changes the state, and lends whatever that makes free.
    fn change<R>(&self, change: impl FnOnce(&mut State<B>) -> R) -> R {
        let mut batch = Batch::new();
        let changed = self.state.with(|state| {
            let changed = change(state);
            state.serve(&mut batch);
            changed
        });
        loop {
            let more = batch.is_full();
            batch.wake();
            if !more {
                return changed;
            }
            batch = Batch::new();
            self.state.with(|state| state.serve(&mut batch));
        }
    }
}

/// The forms with tokens that own their limiter, once for each way of counting.
macro_rules! owned {
    ($sharing:ident, $counted:ident) => {
        impl<B: Hash + Eq + Clone> CapacityLimiter<B, $sharing> {
            /// [`acquire_on_behalf_of`](CapacityLimiter::acquire_on_behalf_of), with a token that owns
            /// the limiter and so may go elsewhere.
            ///
            /// # Errors
            ///
            /// If the borrower has one already, or waits for one.
            ///
            /// # Cancel safety
            ///
            /// As `acquire_on_behalf_of`.
            pub async fn acquire_on_behalf_of_owned(
                self: $counted<Self>,
                borrower: B,
            ) -> Result<OwnedCapacityToken<B, $sharing>, BorrowError> {
                Borrowing::borrow(self, borrower)
                    .await
                    .map(OwnedCapacityToken)
            }
        }
    };
}
owned!(AcrossLoops, Arc);
owned!(OneLoop, Rc);

impl<B: Hash + Eq + Clone> CapacityLimiter<B, AcrossLoops> {
    /// [`acquire_on_behalf_of`](CapacityLimiter::acquire_on_behalf_of) on a plain thread, which it
    /// blocks meanwhile.
    ///
    /// # Errors
    ///
    /// If the borrower has a token already, or waits for one.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_acquire_on_behalf_of(
        &self,
        borrower: B,
    ) -> Result<CapacityToken<'_, B, AcrossLoops>, BorrowError> {
        block_on_future(self.acquire_on_behalf_of(borrower))
    }
}

impl<B: Hash + Eq + Clone, S: Sharing> fmt::Debug for CapacityLimiter<B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (total, borrowed, waiting) = self
            .state
            .with(|state| (state.total, state.borrowed, state.line.waiting()));
        f.debug_struct("CapacityLimiter")
            .field("total_tokens", &total)
            .field("borrowed_tokens", &borrowed)
            .field("tasks_waiting", &waiting)
            .finish()
    }
}

/// What a [`CapacityLimiter`] tells of itself, at one moment.
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
pub struct BorrowError(());

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

/// A token of a [`CapacityLimiter`], given back when it is dropped.
#[must_use = "the token is given back when it is dropped"]
pub struct CapacityToken<'a, B: Hash + Eq, S: Sharing>(Lent<&'a CapacityLimiter<B, S>, B, S>);

/// A token that owns its [`CapacityLimiter`], by an `Arc` or `Rc`.
#[must_use = "the token is given back when it is dropped"]
pub struct OwnedCapacityToken<B: Hash + Eq, S: Sharing>(
    Lent<S::Counted<CapacityLimiter<B, S>>, B, S>,
);

impl<B: Hash + Eq, S: Sharing> CapacityToken<'_, B, S> {
    /// Whom it was lent to.
    pub fn borrower(&self) -> &B {
        &self.0.borrower
    }
}

impl<B: Hash + Eq, S: Sharing> OwnedCapacityToken<B, S> {
    /// Whom it was lent to.
    pub fn borrower(&self) -> &B {
        &self.0.borrower
    }
}

impl<B: Hash + Eq + fmt::Debug, S: Sharing> fmt::Debug for CapacityToken<'_, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CapacityToken")
            .field(self.borrower())
            .finish()
    }
}

impl<B: Hash + Eq + fmt::Debug, S: Sharing> fmt::Debug for OwnedCapacityToken<B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedCapacityToken")
            .field(self.borrower())
            .finish()
    }
}

/// A token, whoever holds the limiter.
struct Lent<L: Deref<Target = CapacityLimiter<B, S>>, B: Hash + Eq, S: Sharing> {
    limiter: L,
    borrower: B,
}

impl<L: Deref<Target = CapacityLimiter<B, S>>, B: Hash + Eq, S: Sharing> Drop for Lent<L, B, S> {
    fn drop(&mut self) {
        let borrower = &self.borrower;
        self.limiter.change(|state| state.give_back(borrower));
    }
}

fn try_borrow<L, B, S>(limiter: L, borrower: B) -> Result<Lent<L, B, S>, TryBorrowError>
where
    L: Hold<Target = CapacityLimiter<B, S>>,
    B: Hash + Eq + Clone,
    S: Sharing,
{
    limiter.state.with(|state| {
        if state.borrowers.contains_key(&borrower) {
            return Err(TryBorrowError::Twice(BorrowError(())));
        }
        if !state.has_room() {
            return Err(TryBorrowError::NoTokens);
        }
        state.borrowed += 1;
        state.borrowers.insert(borrower.clone(), Standing::Has);
        Ok(())
    })?;
    Ok(Lent { limiter, borrower })
}

/// Somebody who wants a token.
struct Borrowing<L: Deref<Target = CapacityLimiter<B, S>>, B: Hash + Eq, S: Sharing> {
    /// `None` once it is over.
    wants: Option<(L, B)>,
    key: Option<usize>,
}

impl<L, B, S> Borrowing<L, B, S>
where
    L: Deref<Target = CapacityLimiter<B, S>>,
    B: Hash + Eq + Clone,
    S: Sharing,
{
    async fn borrow(limiter: L, borrower: B) -> Result<Lent<L, B, S>, BorrowError> {
        let mut borrowing = Borrowing {
            wants: Some((limiter, borrower)),
            key: None,
        };
        poll_fn(|cx| budgeted(cx, |cx| borrowing.poll(cx))).await
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<Lent<L, B, S>, BorrowError>> {
        let (limiter, borrower) = self.wants.as_ref().expect("polled after its end");
        let polled = match self.key {
            None => Self::ask(limiter, borrower, &mut self.key, cx),
            Some(key) => look(limiter, key, cx).map(Ok),
        };
        polled.map(|lent| {
            self.key = None;
            let (limiter, borrower) = self.wants.take().expect("looked at above");
            lent.map(|()| Lent { limiter, borrower })
        })
    }

    fn ask(
        limiter: &L,
        borrower: &B,
        key: &mut Option<usize>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), BorrowError>> {
        let waker = cx.waker().clone();
        let (polled, unused) = limiter.state.with(|state| {
            if state.borrowers.contains_key(borrower) {
                return (Poll::Ready(Err(BorrowError(()))), Some(waker));
            }
            if state.has_room() {
                state.borrowed += 1;
                state.borrowers.insert(borrower.clone(), Standing::Has);
                return (Poll::Ready(Ok(())), Some(waker));
            }
            state.borrowers.insert(borrower.clone(), Standing::Waits);
            *key = Some(state.line.join(borrower.clone(), waker));
            (Poll::Pending, None)
        });
        drop(unused);
        polled
    }
}

/// Looks whether a token was lent to the place `key`.
fn look<B, S: Sharing>(limiter: &CapacityLimiter<B, S>, key: usize, cx: &Context<'_>) -> Poll<()> {
    let mut fresh = None;
    loop {
        let state = &limiter.state;
        match state.with(|state| state.line.look(key, cx.waker(), &mut fresh)) {
            Found::Served(()) => return Poll::Ready(()),
            Found::Waits(old) => {
                drop(old);
                return Poll::Pending;
            }
            Found::WakerNeeded => fresh = Some(cx.waker().clone()),
        }
    }
}

impl<L, B, S> Drop for Borrowing<L, B, S>
where
    L: Deref<Target = CapacityLimiter<B, S>>,
    B: Hash + Eq,
    S: Sharing,
{
    fn drop(&mut self) {
        let (Some((limiter, borrower)), Some(key)) = (&self.wants, self.key) else {
            return;
        };
        let left = limiter.change(|state| {
            let left = state.line.leave(key);
            match left {
                Left::Waiting(_) => drop(state.borrowers.remove(borrower)),
                Left::Served(()) => state.give_back(borrower),
            }
            left
        });
        drop(left);
    }
}
