//! One-shot operations that a future waits for.

use super::Driver;
use super::operation::{After, Attempt, Completion, Event, Operation};
use super::slots::{Key, State};
use crate::sys::contained;
use crate::sys::preflight::Preflight;
use crate::sys::ring::Sqe;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// An operation with one completion, whose result a future takes.
///
/// # Safety
///
/// As [`Operation`], rules 1 to 3.
pub(crate) unsafe trait OneShot: Sized + 'static {
    /// What the future gives. If it owns something (a descriptor), its drop cleans up: that is what
    /// happens to the result of an operation that nobody waits for any more.
    type Output: 'static;

    /// Whether the operation goes on when its future is dropped, and is let finish by a driver that
    /// shuts down. Otherwise it is cancelled.
    const FINISHES: bool = false;

    /// Builds the submission, as [`Operation::prepare`].
    fn prepare(&mut self, able: Preflight) -> Sqe;

    /// Tries it without waiting, as [`Operation::attempt`].
    fn attempt(&mut self, event: Option<Event>) -> Attempt;

    /// Looks at the completion first: is it over, or must the rest be submitted? `orphaned` tells
    /// that the future was dropped. Unless that is so it must not wake anyone.
    fn step(&mut self, completion: &Completion, orphaned: bool) -> Step {
        if completion.is_transient() && !orphaned {
            Step::Again
        } else {
            Step::Finished
        }
    }

    /// The driver is broken, as [`Operation::abandoned`].
    fn abandoned(&mut self) {}

    /// Makes the result of the completion.
    fn output(self, completion: Completion) -> Self::Output;
}

/// Whether an operation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Finished,
    Again,
}

/// A one-shot operation in its slot.
pub(super) struct Waited<O> {
    /// `None` once the result was taken.
    operation: Option<O>,
    waker: Option<Waker>,
    completion: Option<Completion>,
    /// The future was dropped: the result is for nobody.
    orphaned: bool,
}

impl<O> Waited<O> {
    fn pending(&mut self) -> &mut O {
        match &mut self.operation {
            Some(operation) => operation,
            None => unreachable!("an operation is over before its result is taken"),
        }
    }
}

// SAFETY: `OneShot`'s contract is this one, and the value inside does not move before its
// completion: it is taken out of the option only after that.
unsafe impl<O: OneShot> Operation for Waited<O> {
    const FINISHES: bool = O::FINISHES;

    fn prepare(&mut self, able: Preflight) -> Sqe {
        self.pending().prepare(able)
    }

    fn attempt(&mut self, event: Option<Event>) -> Attempt {
        self.pending().attempt(event)
    }

    fn complete(&mut self, completion: Completion, _: &Driver) -> After {
        if let Some(operation) = &mut self.operation
            && operation.step(&completion, self.orphaned) == Step::Again
        {
            return After::Again;
        }
        if self.orphaned {
            let operation = self.operation.take();
            contained(|| drop(operation.map(|operation| operation.output(completion))));
            return After::Done;
        }
        self.completion = Some(completion);
        After::Keep(self.waker.take())
    }

    fn abandoned(&mut self) {
        if let Some(operation) = &mut self.operation {
            operation.abandoned();
        }
    }
}

/// The future of a one-shot operation.
///
/// Dropping it withdraws the operation if the kernel has not seen it, else cancels it; the slot and
/// all that the kernel may touch stay until the terminal completion, and a result that was won all
/// the same is dropped there.
pub(crate) struct Pending<O: OneShot> {
    driver: Rc<Driver>,
    key: Key,
    operation: PhantomData<O>,
}

impl<O: OneShot> Pending<O> {
    pub(crate) fn new(driver: Rc<Driver>, operation: O) -> Self {
        let key = driver.submit(Waited {
            operation: Some(operation),
            waker: None,
            completion: None,
            orphaned: false,
        });
        Pending {
            driver,
            key,
            operation: PhantomData,
        }
    }
}

impl<O: OneShot> Future for Pending<O> {
    type Output = O::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O::Output> {
        // Cloned first: what is inside the closure must not call out, and a waker's clone may.
        let mut waker = Some(cx.waker().clone());
        let looked = self
            .driver
            .slots()
            .with_waited::<O, _>(self.key, |waited, _| match waited.completion {
                Some(completion) => (waited.operation.take(), Some(completion), None),
                None => (
                    None,
                    None,
                    std::mem::replace(&mut waited.waker, waker.take()),
                ),
            });
        match looked {
            Some((Some(operation), Some(completion), _)) => {
                self.driver.slots().take_back(self.key);
                Poll::Ready(operation.output(completion))
            }
            Some((_, None, old_waker)) => {
                drop(old_waker);
                Poll::Pending
            }
            Some((None, Some(_), _)) | None => {
                panic!("an operation's future was polled after it was ready")
            }
        }
    }
}

impl<O: OneShot> Drop for Pending<O> {
    fn drop(&mut self) {
        let slots = self.driver.slots();
        let looked = slots.with_waited::<O, _>(self.key, |waited, state| match state {
            State::Kept => (waited.operation.take(), waited.completion, None),
            _ => {
                waited.orphaned = true;
                (None, None, waited.waker.take())
            }
        });
        match looked {
            Some((Some(operation), Some(completion), _)) => {
                slots.take_back(self.key);
                drop(operation.output(completion));
            }
            Some((_, _, waker)) => {
                drop(waker);
                if !O::FINISHES {
                    self.driver.cancel(self.key);
                }
            }
            // The result was taken.
            None => {}
        }
    }
}

impl<O: OneShot> Unpin for Pending<O> {}
