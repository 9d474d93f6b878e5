//! So many at a time, each known by name.

use super::cell::Hold;
use super::error::{BorrowError, CapacityStatistics, TryBorrowError};
use super::line::{Batch, Found, Left, Line};
use super::park::block_on_future;
use super::sharing::{AcrossLoops, Lock, OneLoop, Sharing};
use crate::event_loop::budgeted_or_leave;
use crate::sys::contained;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
/// Borrowers' `Hash` and `Eq` run under the limiter's lock, and so does `Clone` for the statistics: they
/// must not use the limiter. Their destructors may.
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
    /// All who have tokens, and all in the line, with their places there.
    borrowers: HashMap<B, Option<usize>>,
    line: Line<(), ()>,
}

impl<B> State<B> {
    /// Whether somebody who comes now may have a token at once.
    fn has_room(&self) -> bool {
        self.borrowed < self.total && self.line.waiting() == 0
    }

    /// Lends to those at the front of the line.
    fn serve(&mut self, batch: &mut Batch) {
        while !batch.is_full()
            && self.borrowed < self.total
            && let Some(((), waker)) = self.line.serve_first(())
        {
            self.borrowed += 1;
            batch.push(waker);
        }
    }
}

/// What borrowers are made of is foreign code, which may panic, and whose destructors may use the
/// limiter: it runs before anything is changed, and what is not needed is handed out of the lock.
impl<B: Hash + Eq> State<B> {
    /// Notes a borrower, with a place in the line if there is no room.
    ///
    /// # Errors
    ///
    /// If it is there already. Here it is back.
    fn note(
        &mut self,
        borrower: B,
        join: impl FnOnce(&mut Line<(), ()>) -> usize,
    ) -> Result<Option<usize>, Option<B>> {
        if self.borrowers.contains_key(&borrower) {
            return Err(Some(borrower));
        }
        let has_room = self.has_room();
        let Entry::Vacant(entry) = self.borrowers.entry(borrower) else {
            return Err(None);
        };
        let place = match has_room {
            true => {
                self.borrowed += 1;
                None
            }
            false => Some(join(&mut self.line)),
        };
        Ok(*entry.insert(place))
    }

    /// Forgets one that had a token.
    fn give_back(&mut self, borrower: &B) -> Option<B> {
        let (noted, _) = self.borrowers.remove_entry(borrower)?;
        self.borrowed -= 1;
        Some(noted)
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
                .filter(|(_, place)| place.is_none_or(|key| state.line.is_served(key)))
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
        let noted = self.limiter.change(|state| state.give_back(borrower));
        drop(noted);
    }
}

fn try_borrow<L, B, S>(limiter: L, borrower: B) -> Result<Lent<L, B, S>, TryBorrowError>
where
    L: Hold<Target = CapacityLimiter<B, S>>,
    B: Hash + Eq + Clone,
    S: Sharing,
{
    let noted = borrower.clone();
    let refused = limiter.state.with(|state| {
        if state.borrowers.contains_key(&noted) {
            return Some((TryBorrowError::Twice(BorrowError(())), Some(noted)));
        }
        if !state.has_room() {
            return Some((TryBorrowError::NoTokens, Some(noted)));
        }
        let noted = state.note(noted, |_| unreachable!("there is room"));
        noted
            .err()
            .map(|noted| (TryBorrowError::Twice(BorrowError(())), noted))
    });
    match refused {
        None => Ok(Lent { limiter, borrower }),
        Some((error, _noted)) => Err(error),
    }
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
        poll_fn(|cx| budgeted_or_leave(cx, &mut borrowing, Self::poll, Self::leave)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Lent<L, B, S>, BorrowError>> {
        let (limiter, borrower) = self.wants.as_ref().expect("polled after its end");
        let polled = match self.key {
            None => Self::ask(limiter, borrower, &mut self.key, cx),
            Some(key) => look(limiter, borrower, key, cx).map(Ok),
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
        let (noted, waker) = (borrower.clone(), cx.waker().clone());
        let mut waker = Some(waker);
        let noted = limiter.state.with(|state| {
            state.note(noted, |line| {
                line.join((), waker.take().expect("joined once"))
            })
        });
        // Foreign code; a panic in it would take the token along.
        contained(|| drop(waker));
        match noted {
            Ok(None) => Poll::Ready(Ok(())),
            Ok(place) => {
                *key = place;
                Poll::Pending
            }
            Err(_noted) => Poll::Ready(Err(BorrowError(()))),
        }
    }
}

impl<L, B, S> Borrowing<L, B, S>
where
    L: Deref<Target = CapacityLimiter<B, S>>,
    B: Hash + Eq,
    S: Sharing,
{
    /// Gives the place in the line up, and hands on what was lent.
    fn leave(&mut self) {
        let (Some((limiter, borrower)), Some(key)) = (&self.wants, self.key.take()) else {
            return;
        };
        let left = limiter.change(|state| {
            let noted = state.borrowers.remove_entry(borrower);
            let left = state.line.leave(key);
            if let Left::Served(()) = left {
                state.borrowed -= 1;
            }
            (noted, left)
        });
        drop(left);
    }
}

/// Looks whether a token was lent to the place `key`, which is that of `borrower`.
fn look<B: Hash + Eq, S: Sharing>(
    limiter: &CapacityLimiter<B, S>,
    borrower: &B,
    key: usize,
    cx: &Context<'_>,
) -> Poll<()> {
    let mut fresh = None;
    loop {
        let found = limiter.state.with(|state| {
            let noted = state.borrowers.get_mut(borrower);
            let found = state.line.look(key, cx.waker(), &mut fresh);
            if let (Found::Served(()), Some(place)) = (&found, noted) {
                *place = None;
            }
            found
        });
        match found {
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
        self.leave();
    }
}
