//! What a scope's children are to their spawner.

use super::node::Node;
use super::{CancelReason, CancelToken, Ended};
use crate::event_loop::{poll_proceed, refund};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::{error, fmt, io};

/// What a child of a scope whose errors are of type `E` may return: `()`, or a `Result<_, E>`.
pub trait Outcome<E> {
    /// What it has if nothing failed.
    type Value;

    /// As a result.
    ///
    /// # Errors
    ///
    /// What the child failed with.
    fn into_result(self) -> Result<Self::Value, E>;
}

impl<E> Outcome<E> for () {
    type Value = ();

    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<T, E> Outcome<E> for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, E> {
        self
    }
}

/// A child that runs until it is cancelled.
impl<E> Outcome<E> for <fn() -> ! as Returns>::Output {
    type Value = Self;

    fn into_result(self) -> Result<Self, E> {
        self
    }
}

/// Names the type `!`, which can as yet be written as what a function returns and nowhere else.
pub trait Returns {
    /// What it returns.
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

/// A child of a scope: awaited, it gives the child's value. It may be dropped: the scope waits for
/// the child in any case, and gets its error.
pub struct Child<T> {
    slot: Rc<Slot<T>>,
    token: CancelToken,
}

/// Where the value of a child, or what it has to tell, goes to.
pub(super) struct Slot<T>(RefCell<Content<T>>);

enum Content<T> {
    Empty(Option<Waker>),
    Filled(Result<T, NoValue>),
    Taken,
}

impl<T> Slot<T> {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Slot(RefCell::new(Content::Empty(None))))
    }

    /// Fills it, if nothing is there yet.
    pub(super) fn fill(&self, value: Result<T, NoValue>) {
        let mut content = self.0.borrow_mut();
        if let Content::Empty(waker) = &mut *content {
            let waker = waker.take();
            *content = Content::Filled(value);
            drop(content);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, NoValue>> {
        if let Content::Empty(Some(known)) = &*self.0.borrow()
            && known.will_wake(cx.waker())
        {
            return Poll::Pending;
        }
        // A waker's clone and drop are foreign code: not while the content is borrowed.
        let waker = cx.waker().clone();
        let mut content = self.0.borrow_mut();
        if let Content::Empty(known) = &mut *content {
            let old = known.replace(waker);
            drop(content);
            drop(old);
            return Poll::Pending;
        }
        match std::mem::replace(&mut *content, Content::Taken) {
            Content::Filled(value) => Poll::Ready(value),
            _ => panic!("polled after it was ready"),
        }
    }
}

impl<T> Child<T> {
    pub(super) fn new(slot: Rc<Slot<T>>, node: &Arc<Node>) -> Self {
        Child {
            slot,
            token: CancelToken(node.clone()),
        }
    }

    /// Whether it has ended with a value, or without.
    pub(super) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Result<T, NoValue>> {
        self.slot.poll(cx)
    }

    /// Cancels this child alone, as [`CancelToken::cancel`] does. That is no failure.
    pub fn cancel(&self) -> Ended {
        self.token.end(CancelReason::Requested)
    }

    /// What cancels this child alone, from anywhere.
    pub fn token(&self) -> CancelToken {
        self.token.clone()
    }
}

/// # Cancel safety
///
/// The value stays in the child until it is given.
impl<T> Future for Child<T> {
    type Output = Result<T, NoValue>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_proceed(cx));
        let polled = self.slot.poll(cx);
        if polled.is_pending() {
            refund();
        }
        polled
    }
}

impl<T> fmt::Debug for Child<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// A child ended without the value that somebody waits for. If it failed, its scope has the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoValue {
    /// It was cancelled.
    Cancelled,
    /// It returned an error or panicked.
    Failed,
    /// It ended and never said that it was ready (see [`Scope::start`](super::Scope::start)).
    NeverReady,
}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoValue::Cancelled => "the child was cancelled",
            NoValue::Failed => "the child failed; its scope has the error",
            NoValue::NeverReady => "the child ended and never said that it was ready",
        })
    }
}

impl error::Error for NoValue {}

impl From<NoValue> for io::Error {
    fn from(no_value: NoValue) -> io::Error {
        io::Error::other(no_value)
    }
}

/// Says that a child is ready, and with what: see [`Scope::start`](super::Scope::start).
pub struct Ready<V> {
    slot: Rc<Slot<V>>,
}

impl<V> Ready<V> {
    pub(super) fn new(slot: Rc<Slot<V>>) -> Self {
        Ready { slot }
    }

    /// The child is ready; `value` is what its starter gets.
    pub fn set(self, value: V) {
        self.slot.fill(Ok(value));
    }
}

impl<V> Drop for Ready<V> {
    fn drop(&mut self) {
        self.slot.fill(Err(NoValue::NeverReady));
    }
}

impl<V> fmt::Debug for Ready<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}
