//! [`Permits`]: a number of permits, handed out in the order of asking. All locks are made of them.
//!
//! ```text
//!   word    free permits │ WAITED │ CLOSED
//!   line    those who wait, each with the number that it needs
//! ```
//!
//! The rules, which the source cites:
//!
//! 1. While nobody waits, WAITED is clear, and permits are taken and given back by one
//!    read-modify-write of the word.
//! 2. Who finds too few, or WAITED set, takes the lock of the line, looks at the word again, and sets
//!    WAITED before it joins the line. While WAITED is set only who holds the lock changes the word:
//!    so nobody overtakes the line, and no permit is given back unseen.
//! 3. Who gives permits back while WAITED is set does so under the lock, and hands them on: the first
//!    of the line is served when there are as many as it needs, and nobody before it. Who needs many
//!    is not starved by those who need few. What was handed on is not free at any time.
//! 4. WAITED is cleared, under the lock, when the line is empty.
//! 5. Who goes away hands on what it was given; if it was the first in the line, the next may be
//!    served by what is free.
//! 6. CLOSED is set under the lock, once; the line is emptied. Permits that are out come back as ever.
//!
//! Nobody is woken under the lock.

use super::line::{Batch, Found, Left, Line};
use super::sharing::{Lock, Sharing, Word, constructors};
use crate::sys::contained;
use std::task::{Context, Poll};

const CLOSED: usize = 1;
const WAITED: usize = 2;
/// One permit, in the word.
const ONE: usize = 4;

/// The most permits: twice as many fit in the word, so that adding never reaches its end unseen.
pub(super) const MOST: usize = usize::MAX >> 3;

/// There are no more permits: the semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoMore;

/// Why there was no permit at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are too few, or others wait.
    Busy,
    Closed,
}

/// What somebody in the line was served with.
enum Served {
    Permits,
    End,
}

pub(super) struct Permits<S: Sharing> {
    word: S::Word,
    line: S::Lock<Line<usize, Served>>,
}

#[inline]
fn free(word: usize) -> usize {
    word / ONE
}

/// The word after `need` permits were taken from it.
#[inline]
fn taken(word: usize, need: usize) -> Result<usize, Refused> {
    if word & CLOSED != 0 {
        Err(Refused::Closed)
    } else if word & WAITED != 0 || free(word) < need {
        Err(Refused::Busy)
    } else {
        Ok(word - need * ONE)
    }
}

constructors! {
    impl[] Permits[] {
        pub(super) fn new(permits: usize) -> Self {
            assert!(permits <= MOST, "more permits than a semaphore can have");
            Permits {
                word: <S as Sharing>::Word::new(permits * ONE),
                line: <S as Sharing>::Lock::new(Line::new()),
            }
        }
    }
}

impl<S: Sharing> Permits<S> {
    /// Takes `need` permits if that many are free and nobody waits.
    #[inline]
    pub(super) fn try_take(&self, need: usize) -> Result<(), Refused> {
        match self.word.update(|word| taken(word, need).ok()) {
            Ok(_) => Ok(()),
            Err(word) => Err(if word & CLOSED != 0 {
                Refused::Closed
            } else {
                Refused::Busy
            }),
        }
    }

    /// Takes `need` permits, and waits for them in the line, in the place that `key` names.
    #[inline]
    pub(super) fn poll_take(
        &self,
        need: usize,
        key: &mut Option<usize>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), NoMore>> {
        if key.is_none() {
            match self.try_take(need) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(Refused::Closed) => return Poll::Ready(Err(NoMore)),
                Err(Refused::Busy) => {}
            }
        }
        self.poll_wait(need, key, cx)
    }

    #[cold]
    fn poll_wait(
        &self,
        need: usize,
        key: &mut Option<usize>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), NoMore>> {
        let Some(known) = *key else {
            return self.poll_join(need, key, cx);
        };
        let mut fresh = None;
        loop {
            let found = self
                .line
                .with(|line| line.look(known, cx.waker(), &mut fresh));
            match found {
                Found::Served(served) => {
                    *key = None;
                    return Poll::Ready(match served {
                        Served::Permits => Ok(()),
                        Served::End => Err(NoMore),
                    });
                }
                Found::Waits(old) => {
                    drop(old);
                    return Poll::Pending;
                }
                Found::WakerNeeded => fresh = Some(cx.waker().clone()),
            }
        }
    }

    /// Rule 2.
    fn poll_join(
        &self,
        need: usize,
        key: &mut Option<usize>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), NoMore>> {
        let waker = cx.waker().clone();
        let (polled, unused) = self.line.with(|line| {
            let before = self.word.update(|word| match taken(word, need) {
                Ok(after) => Some(after),
                Err(Refused::Busy) => Some(word | WAITED),
                Err(Refused::Closed) => None,
            });
            match before.map(|word| taken(word, need)) {
                Err(_) => (Poll::Ready(Err(NoMore)), Some(waker)),
                Ok(Ok(_)) => (Poll::Ready(Ok(())), Some(waker)),
                Ok(Err(_)) => {
                    *key = Some(line.join(need, waker));
                    (Poll::Pending, None)
                }
            }
        });
        // Foreign code; a panic in it would take the permits along.
        contained(|| drop(unused));
        polled
    }

    /// Gives permits back, or adds some.
    #[inline]
    pub(super) fn give(&self, permits: usize) {
        let given = self
            .word
            .update(|word| (word & WAITED == 0).then(|| word + permits * ONE));
        if given.is_err() {
            self.hand_on(permits);
        }
    }

    /// Rule 3: adds permits, and serves whom it can.
    #[cold]
    fn hand_on(&self, permits: usize) {
        let mut added = permits;
        loop {
            let mut batch = Batch::new();
            self.line.with(|line| {
                self.serve(line, std::mem::take(&mut added), &mut batch);
            });
            let more = batch.is_full();
            batch.wake();
            if !more {
                return;
            }
        }
    }

    /// Adds permits, and serves those at the front of the line; under its lock.
    fn serve(&self, line: &mut Line<usize, Served>, added: usize, batch: &mut Batch) {
        let added = self
            .word
            .update(|word| Some(word + added * ONE))
            .map_or_else(|word| word, |before| before + added * ONE);
        if added & WAITED == 0 {
            // Whoever waited has been served in the meantime.
            return;
        }
        let mut left = free(added);
        while !batch.is_full()
            && let Some(&need) = line.first()
            && need <= left
        {
            left -= need;
            if let Some((_, waker)) = line.serve_first(Served::Permits) {
                batch.push(waker);
            }
        }
        let waited = if line.waiting() == 0 { 0 } else { WAITED };
        // Nobody else has changed it: rule 2.
        let _ = self
            .word
            .update(|word| Some((left * ONE) | waited | (word & CLOSED)));
    }

    /// Rule 5: gives a place in the line up.
    #[cold]
    pub(super) fn leave(&self, need: usize, key: usize) {
        let mut batch = Batch::new();
        let left = self.line.with(|line| {
            let left = line.leave(key);
            if let Left::Waiting(_) = left {
                self.serve(line, 0, &mut batch);
            }
            left
        });
        let more = batch.is_full();
        batch.wake();
        if more {
            self.hand_on(0);
        }
        match left {
            Left::Waiting(waker) => drop(waker),
            Left::Served(Served::Permits) => self.give(need),
            Left::Served(Served::End) => {}
        }
    }

    /// Takes up to `most` free permits.
    pub(super) fn take_up_to(&self, most: usize) -> usize {
        self.line.with(|_| {
            let before = self
                .word
                .update(|word| Some(word - free(word).min(most) * ONE));
            before.map_or(0, |word| free(word).min(most))
        })
    }

    /// Rule 6.
    pub(super) fn close(&self) {
        loop {
            let mut batch = Batch::new();
            self.line.with(|line| {
                let _ = self.word.update(|word| Some((word | CLOSED) & !WAITED));
                while !batch.is_full()
                    && let Some((_, waker)) = line.serve_first(Served::End)
                {
                    batch.push(waker);
                }
            });
            let more = batch.is_full();
            batch.wake();
            if !more {
                return;
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.word.load() & CLOSED != 0
    }

    /// How many are free. While somebody waits they are kept for the first in the line.
    pub(super) fn free(&self) -> usize {
        free(self.word.load())
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.line.with(|line| line.waiting())
    }
}
