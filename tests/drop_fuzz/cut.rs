//! Ends futures, at a place that is told or where chance wants it.
//!
//! A future can be ended before its first poll, after each poll that was not its last, and where it
//! was woken for the next: `1 + 2 n` places for one that waits `n` times. The last kind is the one
//! that is most easily forgotten: what was waited for has come, and nobody takes it.

use crate::kit::random::Random;
use ringmill::scope::{CancelToken, move_on_after};
use ringmill::time::{Instant, timeout};
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How a future is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is dropped.
    Drop,
    /// The token that it runs under is cancelled.
    Cancel,
    /// The deadline of the scope that it runs in has passed.
    Deadline,
}

pub const WAYS: [Way; 3] = [Way::Drop, Way::Cancel, Way::Deadline];

/// What was seen.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tally {
    /// The most polls in one scene that were not the last of a future: its await points.
    pub points: u64,
    pub drops: u64,
    pub cancels: u64,
    pub completions: u64,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.points = self.points.max(other.points);
        self.drops += other.drops;
        self.cancels += other.cancels;
        self.completions += other.completions;
    }
}

enum Plan {
    /// At this place, counted over all futures of the scene; once.
    Place(Cell<Option<u64>>, Way),
    /// At each place with a chance; again and again.
    Chance(RefCell<Random>),
}

/// Ends the futures of one scene.
#[derive(Clone)]
pub struct Cut(Rc<State>);

struct State {
    plan: Plan,
    ended: Cell<bool>,
    tally: Cell<Tally>,
}

impl Cut {
    /// Ends one future, at place number `place` of its scene.
    pub fn at_place(place: u64, way: Way) -> Self {
        Self::new(Plan::Place(Cell::new(Some(place)), way))
    }

    /// Ends futures by chance.
    pub fn by_chance(seed: u64) -> Self {
        Self::new(Plan::Chance(RefCell::new(Random::with_seed(seed))))
    }

    fn new(plan: Plan) -> Self {
        Cut(Rc::new(State {
            plan,
            ended: Cell::new(false),
            tally: Cell::default(),
        }))
    }

    /// Whether anything was ended.
    pub fn has_ended_one(&self) -> bool {
        self.0.ended.get()
    }

    pub fn tally(&self) -> Tally {
        self.0.tally.get()
    }

    /// A number below `bound`, for sizes; always the same one where futures are ended at a place.
    pub fn below(&self, bound: u64) -> u64 {
        match &self.0.plan {
            Plan::Place(..) => bound / 2,
            Plan::Chance(random) => random.borrow_mut().below(bound),
        }
    }

    /// Whether to end a future here.
    fn here(&self) -> bool {
        let here = match &self.0.plan {
            Plan::Place(left, _) => {
                let now = left.get();
                left.set(now.and_then(|left| left.checked_sub(1)));
                now == Some(0)
            }
            Plan::Chance(random) => random.borrow_mut().once_in(5),
        };
        self.0.ended.set(self.0.ended.get() || here);
        here
    }

    fn count(&self, count: impl FnOnce(&mut Tally)) {
        let mut tally = self.0.tally.get();
        count(&mut tally);
        self.0.tally.set(tally);
    }

    /// Runs a future, unless it is to be ended; `None` if it was.
    pub async fn at<F: Future>(&self, future: F) -> Option<F::Output> {
        let (way, limit) = match &self.0.plan {
            Plan::Place(_, way) => (*way, None),
            Plan::Chance(random) => {
                let mut random = random.borrow_mut();
                let limit = Duration::from_micros(random.below(300));
                match random.below(6) {
                    0 => (Way::Cancel, None),
                    1 => (Way::Deadline, None),
                    // By the clock.
                    2 => (Way::Cancel, Some(limit)),
                    3 => (Way::Drop, Some(limit)),
                    _ => (Way::Drop, None),
                }
            }
        };
        let output = match (way, limit) {
            (Way::Cancel | Way::Deadline, Some(limit)) => {
                move_on_after(limit, self.counted(future)).await
            }
            (Way::Drop, Some(limit)) => timeout(limit, self.counted(future)).await.ok(),
            (Way::Drop, None) => self.dropped(future).await,
            (Way::Cancel | Way::Deadline, None) => self.cancelled(future, way).await,
        };
        self.count(|tally| match (&output, way) {
            (Some(_), _) => tally.completions += 1,
            (None, Way::Drop) => tally.drops += 1,
            (None, _) => tally.cancels += 1,
        });
        output
    }

    /// As [`at`](Cut::at), for what must not fail.
    pub async fn ok<T, E: Debug>(&self, future: impl Future<Output = Result<T, E>>) -> Option<T> {
        self.at(future).await.map(Result::unwrap)
    }

    /// Counts the await points of a future.
    async fn counted<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.poll(cx, future.as_mut())).await
    }

    fn poll<F: Future>(&self, cx: &mut Context<'_>, future: Pin<&mut F>) -> Poll<F::Output> {
        let polled = future.poll(cx);
        if polled.is_pending() {
            self.count(|tally| tally.points += 1);
        }
        polled
    }

    async fn dropped<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if self.here() {
                return Poll::Ready(None);
            }
            match self.poll(cx, future.as_mut()) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if self.here() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// What is cancelled is polled once more, if it was about to be, and must cope with it.
    async fn cancelled<F: Future>(&self, future: F, way: Way) -> Option<F::Output> {
        let mut future = pin!(future);
        let token = CancelToken::new();
        let end = || match way {
            Way::Deadline => token.set_deadline(Instant::now()),
            _ => drop(token.cancel()),
        };
        let run = token.run(poll_fn(|cx| {
            if self.here() {
                end();
            }
            let polled = self.poll(cx, future.as_mut());
            if polled.is_pending() && self.here() {
                end();
            }
            polled
        }));
        run.await.ok()
    }
}
