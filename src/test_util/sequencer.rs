//! [`Sequencer`]: the steps of several tasks in the order of their numbers.

use crate::event_loop::{poll_proceed, refund};
use crate::sys::{contained, lock};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};

/// Puts steps of several tasks in order: each says the number of its step, from 0 on, and waits
/// until all before it are over. Clones are the same sequence; the tasks may be on any loop.
///
/// ```
/// use ringmill::test_util::Sequencer;
/// use std::{cell::RefCell, rc::Rc};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let (sequence, log) = (Sequencer::new(), Rc::new(RefCell::new(Vec::new())));
///     let other = ringmill::spawn({
///         let (sequence, log) = (sequence.clone(), log.clone());
///         async move {
///             let _step = sequence.at(1).await.unwrap();
///             log.borrow_mut().push("second");
///         }
///     });
///     let step = sequence.at(0).await.unwrap();
///     log.borrow_mut().push("first");
///     drop(step);
///     let _step = sequence.at(2).await.unwrap();
///     log.borrow_mut().push("third");
///     assert_eq!(*log.borrow(), ["first", "second", "third"]);
///     other.await.unwrap();
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Sequencer(Arc<Mutex<Sequence>>);

#[derive(Default)]
struct Sequence {
    /// The step that is under way, or is the next to be.
    turn: u64,
    under_way: bool,
    waiting: BTreeMap<u64, Waker>,
    broken: bool,
}

impl Sequencer {
    /// A sequence that begins with step 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the turn of step `number`, which ends when what this gives is dropped, also by a
    /// panic.
    ///
    /// # Errors
    ///
    /// [`SequenceError::Reused`] if the number was used before, which leaves the sequence as it was.
    /// [`SequenceError::Broken`] if a step that others wait behind can never come, as its waiter
    /// was dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping it while it waits breaks the sequence: all who wait, and who come later, get the
    /// error. Dropping it before it was polled does nothing.
    pub fn at(&self, number: u64) -> At {
        At {
            sequencer: self.clone(),
            number,
            waits: false,
        }
    }

    fn state(&self) -> MutexGuard<'_, Sequence> {
        lock(&self.0)
    }

    fn end_step(&self) {
        let mut sequence = self.state();
        sequence.under_way = false;
        sequence.turn += 1;
        let turn = sequence.turn;
        let next = sequence.waiting.get(&turn).cloned();
        drop(sequence);
        if let Some(waker) = next {
            contained(|| waker.wake());
        }
    }
}

impl fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequence = self.state();
        f.debug_struct("Sequencer")
            .field("turn", &sequence.turn)
            .field("under_way", &sequence.under_way)
            .field("broken", &sequence.broken)
            .finish_non_exhaustive()
    }
}

/// The future of [`Sequencer::at`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct At {
    sequencer: Sequencer,
    number: u64,
    /// It is among those who wait.
    waits: bool,
}

impl Future for At {
    type Output = Result<Step, SequenceError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_proceed(cx));
        let waker = cx.waker().clone();
        let (number, waits) = (self.number, self.waits);
        let sequencer = self.sequencer.clone();
        let mut sequence = sequencer.state();
        if sequence.broken {
            self.waits = false;
            return Poll::Ready(Err(SequenceError::Broken));
        }
        let is_over = number < sequence.turn || (number == sequence.turn && sequence.under_way);
        if !waits && (is_over || sequence.waiting.contains_key(&number)) {
            return Poll::Ready(Err(SequenceError::Reused(number)));
        }
        let old = if number == sequence.turn {
            sequence.under_way = true;
            sequence.waiting.remove(&number)
        } else {
            sequence.waiting.insert(number, waker)
        };
        self.waits = number != sequence.turn;
        drop(sequence);
        drop(old);
        if self.waits {
            refund();
            return Poll::Pending;
        }
        Poll::Ready(Ok(Step(sequencer)))
    }
}

impl Drop for At {
    fn drop(&mut self) {
        if !self.waits {
            return;
        }
        let mut sequence = self.sequencer.state();
        sequence.broken = true;
        let waiting = std::mem::take(&mut sequence.waiting);
        drop(sequence);
        for waker in waiting.into_values() {
            contained(|| waker.wake());
        }
    }
}

/// A step of a [`Sequencer`], under way until it is dropped.
#[derive(Debug)]
#[must_use = "the step is over when this is dropped"]
pub struct Step(Sequencer);

impl Drop for Step {
    fn drop(&mut self) {
        self.0.end_step();
    }
}

/// Why a step of a [`Sequencer`] cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SequenceError {
    /// A step of this number was there before.
    Reused(u64),
    /// The waiter of some step was dropped, so that its turn never ends.
    Broken,
}

impl fmt::Display for SequenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SequenceError::Reused(number) => write!(f, "step {number} was used before"),
            SequenceError::Broken => f.write_str("a task that waited for its step was cancelled"),
        }
    }
}

impl std::error::Error for SequenceError {}
