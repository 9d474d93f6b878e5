//! [`Notices`]: those who wait for something to be told, one for each notice or all for one.
//!
//! ```text
//!   word    round │ STORED │ WAITED
//!   line    those who wait, each with the round in which it came
//! ```
//!
//! 1. While nobody waits, WAITED is clear, and a notice is one read-modify-write of the word: a notice
//!    for one is STORED (if this kind stores), one for all begins the next round.
//! 2. Who waits remembers the round that it began in. It was told if there is a later round, or if it
//!    takes the stored notice; otherwise it takes the lock of the line, looks again, sets WAITED and
//!    joins. While WAITED is set only who holds the lock changes the word.
//! 3. A notice goes, under the lock, to the first of the line, or to all who joined before its round;
//!    WAITED is cleared when the line is empty. Nobody is woken under the lock, and all are not woken
//!    in one hold of it: a notice for one finds those first who are still to be told of a round, tells
//!    them of that, and goes to the next.
//! 4. Who goes away with a notice that was for it alone gives the notice again.

use super::line::{Batch, Found, Left, Line};
use super::sharing::{Lock, Sharing, Word, constructors};
use crate::sys::contained;
use std::task::{Context, Poll, Waker};

const WAITED: usize = 1;
const STORED: usize = 2;
/// One round, in the word.
const ROUND: usize = 4;

/// Whom a notice was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    One,
    All,
}

pub(super) struct Notices<S: Sharing> {
    word: S::Word,
    line: S::Lock<Line<usize, Notice>>,
    stores: bool,
}

constructors! {
    impl[] Notices[] {
        /// A notice for one is kept if nobody waits.
        pub(super) fn that_store() -> Self {
            Notices {
                word: <S as Sharing>::Word::new(0),
                line: <S as Sharing>::Lock::new(Line::new()),
                stores: true,
            }
        }

        /// A notice for one is lost if nobody waits.
        pub(super) fn new() -> Self {
            Notices {
                word: <S as Sharing>::Word::new(0),
                line: <S as Sharing>::Lock::new(Line::new()),
                stores: false,
            }
        }
    }
}

#[inline]
fn round(word: usize) -> usize {
    word / ROUND
}

/// What a look at the word says to somebody who came in round `begun` and is not in the line.
#[inline]
fn told(word: usize, begun: usize) -> Option<Notice> {
    if round(word) != begun {
        Some(Notice::All)
    } else if word & STORED != 0 {
        Some(Notice::One)
    } else {
        None
    }
}

impl<S: Sharing> Notices<S> {
    /// Begins to wait: from now on no notice for all is missed.
    #[inline]
    pub(super) fn listen(&self) -> Listening<'_, S> {
        Listening {
            notices: self,
            begun: round(self.word.load()),
            key: None,
            heard: None,
        }
    }

    /// Tells the first of those who wait.
    #[inline]
    pub(super) fn notify_one(&self) {
        let stored = if self.stores { STORED } else { 0 };
        let kept = self
            .word
            .update(|word| (word & WAITED == 0).then_some(word | stored));
        if kept.is_err() {
            self.tell_first(stored);
        }
    }

    #[cold]
    fn tell_first(&self, stored: usize) {
        loop {
            let told = self.line.with(|line| {
                let round = round(self.word.load());
                if line.first().is_some_and(|&joined| joined < round) {
                    // It is to hear of the round that has begun: this notice is not for it.
                    return Err(round);
                }
                let first = line.serve_first(Notice::One);
                // Nobody waits any more, if there is no first: rule 1, in the lock.
                let stored = if first.is_none() { stored } else { 0 };
                self.settle(line, stored);
                Ok(first)
            });
            match told {
                Ok(Some((_, waker))) => return contained(|| waker.wake()),
                Ok(None) => return,
                Err(round) => self.tell_before(round),
            }
        }
    }

    /// Tells all who wait, and those who listen.
    pub(super) fn notify_all(&self) {
        let told = self
            .word
            .update(|word| (word & WAITED == 0).then_some(word.wrapping_add(ROUND)));
        if told.is_err() {
            self.tell_all();
        }
    }

    #[cold]
    fn tell_all(&self) {
        let begun = self.line.with(|_| {
            let before = self.word.update(|word| Some(word.wrapping_add(ROUND)));
            round(before.unwrap_or_else(|word| word).wrapping_add(ROUND))
        });
        self.tell_before(begun);
    }

    /// Tells those who joined before the round `begun`.
    fn tell_before(&self, begun: usize) {
        loop {
            let mut batch = Batch::new();
            self.line.with(|line| {
                // Somebody may have joined since, in this round or a later one.
                while !batch.is_full()
                    && line.first().is_some_and(|&joined| joined < begun)
                    && let Some((_, waker)) = line.serve_first(Notice::All)
                {
                    batch.push(waker);
                }
                self.settle(line, 0);
            });
            let more = batch.is_full();
            batch.wake();
            if !more {
                return;
            }
        }
    }

    /// Clears WAITED if the line is empty; under its lock.
    fn settle(&self, line: &Line<usize, Notice>, stored: usize) {
        let waited = if line.waiting() == 0 { 0 } else { WAITED };
        let _ = self
            .word
            .update(|word| Some(word & !WAITED | waited | stored));
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.line.with(|line| line.waiting())
    }
}

/// Somebody who waits for a notice.
pub(super) struct Listening<'a, S: Sharing> {
    notices: &'a Notices<S>,
    /// The round in which it began to.
    begun: usize,
    /// Its place in the line.
    key: Option<usize>,
    heard: Option<Notice>,
}

impl<S: Sharing> Listening<'_, S> {
    /// Looks for a notice; if there is none, stands in the line.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.heard.is_some() || self.looked() {
            return Poll::Ready(());
        }
        self.poll_wait(cx.waker())
    }

    /// Stands in the line, with nobody to be woken yet if it is not there already. True if there was
    /// a notice.
    pub(super) fn join(&mut self) -> bool {
        if self.heard.is_some() || self.looked() {
            return true;
        }
        let Some(key) = self.key else {
            return self.poll_join(Waker::noop().clone()).is_ready();
        };
        self.heard = self.notices.line.with(|line| line.collect(key));
        if self.heard.is_some() {
            self.key = None;
        }
        self.heard.is_some()
    }

    /// Gives its place up, and passes on a notice that was for it alone. It still listens.
    pub(super) fn leave(&mut self) {
        let mut heard = self.heard;
        let mut unused = None;
        if let Some(key) = self.key.take() {
            let left = self.notices.line.with(|line| {
                let left = line.leave(key);
                self.notices.settle(line, 0);
                left
            });
            match left {
                Left::Served(notice) => heard = Some(notice),
                Left::Waiting(waker) => unused = Some(waker),
            }
        }
        self.heard = heard.filter(|notice| *notice == Notice::All);
        drop(unused);
        // Rule 4.
        if heard == Some(Notice::One) {
            self.notices.notify_one();
        }
    }

    /// The notice has done what it was for, and need not be given again.
    pub(super) fn settle(&mut self) {
        if let Some(heard) = &mut self.heard {
            *heard = Notice::All;
        }
    }

    /// Rule 2, without the lock.
    #[inline]
    fn looked(&mut self) -> bool {
        if self.key.is_some() {
            return false;
        }
        let word = self.notices.word.load();
        let mut notice = told(word, self.begun);
        if notice == Some(Notice::One) {
            let begun = self.begun;
            let taken = self.notices.word.update(|word| {
                let notice = told(word, begun)?;
                (notice == Notice::One).then_some(word & !STORED)
            });
            // Not taken: somebody else has, or a round has begun.
            notice = taken.map_or_else(|word| told(word, begun), |_| Some(Notice::One));
        }
        self.heard = notice;
        notice.is_some()
    }

    #[cold]
    fn poll_wait(&mut self, waker: &Waker) -> Poll<()> {
        let Some(key) = self.key else {
            return self.poll_join(waker.clone());
        };
        let mut fresh = None;
        loop {
            let line = &self.notices.line;
            match line.with(|line| line.look(key, waker, &mut fresh)) {
                Found::Served(notice) => {
                    self.key = None;
                    self.heard = Some(notice);
                    return Poll::Ready(());
                }
                Found::Waits(old) => {
                    drop(old);
                    return Poll::Pending;
                }
                Found::WakerNeeded => fresh = Some(waker.clone()),
            }
        }
    }

    /// Rule 2, under the lock.
    fn poll_join(&mut self, waker: Waker) -> Poll<()> {
        let (notices, begun) = (self.notices, self.begun);
        let unused = notices.line.with(|line| {
            let before = notices.word.update(|word| match told(word, begun) {
                Some(Notice::All) => None,
                Some(Notice::One) => Some(word & !STORED),
                None => Some(word | WAITED),
            });
            self.heard = told(before.unwrap_or_else(|word| word), begun);
            if self.heard.is_some() {
                return Some(waker);
            }
            self.key = Some(line.join(begun, waker));
            None
        });
        drop(unused);
        if self.heard.is_some() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl<S: Sharing> Drop for Listening<'_, S> {
    fn drop(&mut self) {
        self.leave();
    }
}
