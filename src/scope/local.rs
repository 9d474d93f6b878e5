//! [`Local`]: a child in its scope's own task.

use super::CancelReason;
use super::caught::{Caught, Panic};
use super::child::{NoValue, Outcome, Slot};
use super::error_group::Failure;
use super::under::Under;
use crate::task::JoinError;
use pin_project_lite::pin_project;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// How a child ended that did not fail.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum End {
    Done,
    Cancelled,
}

pin_project! {
    /// Gives the child's value to who holds the child, and its failure to the scope.
    pub(super) struct Local<F, T, E> {
        #[pin]
        pub(super) work: Caught<Under<F>>,
        pub(super) slot: Option<FillOnDrop<T>>,
        pub(super) spawned_at: &'static Location<'static>,
        pub(super) errors: PhantomData<fn() -> E>,
    }
}

impl<F, T, E> Future for Local<F, T, E>
where
    F: Future<Output: Outcome<E, Value = T>>,
{
    type Output = Result<End, Failure<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let ended = ready!(this.work.poll(cx));
        let Some(slot) = this.slot.take() else {
            panic!("polled after it was ready");
        };
        Poll::Ready(match ended {
            Ok(ended) => slot.settle(ended.map(Outcome::into_result), this.spawned_at),
            Err(panic) => slot.fail(panicked(panic, this.spawned_at)),
        })
    }
}

/// The place of a child's value. Nobody waits for ever for a child that was dropped.
pub(super) struct FillOnDrop<T>(pub(super) Rc<Slot<T>>);

impl<T> FillOnDrop<T> {
    /// The child has ended, or was cancelled.
    pub(super) fn settle<E>(
        self,
        ended: Result<Result<T, E>, CancelReason>,
        spawned_at: &'static Location<'static>,
    ) -> Result<End, Failure<E>> {
        match ended {
            Ok(Ok(value)) => {
                // If nobody holds the child any more its value is dropped here.
                let give = AssertUnwindSafe(|| {
                    self.0.fill(Ok(value));
                    drop(self);
                });
                match catch_unwind(give) {
                    Ok(()) => Ok(End::Done),
                    Err(panic) => Err(panicked(panic, spawned_at)),
                }
            }
            Ok(Err(error)) => self.fail(Failure::error_at(error, spawned_at)),
            Err(_) => Ok(End::Cancelled),
        }
    }

    /// The child has failed.
    pub(super) fn fail<E>(self, failure: Failure<E>) -> Result<End, Failure<E>> {
        self.0.fill(Err(NoValue::Failed));
        Err(failure)
    }
}

impl<T> Drop for FillOnDrop<T> {
    fn drop(&mut self) {
        self.0.fill(Err(NoValue::Cancelled));
    }
}

fn panicked<E>(panic: Panic, spawned_at: &'static Location<'static>) -> Failure<E> {
    Failure::join_at(JoinError::panic(spawned_at, panic), spawned_at)
}
