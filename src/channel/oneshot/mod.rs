//! One message, from anywhere to anywhere: the answer to a request.
//!
//! # Examples
//!
//! ```
//! use ringmill::channel::oneshot;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (sender, receiver) = oneshot::channel();
//! let worker = std::thread::spawn(move || sender.send(6 * 7).unwrap());
//! let answer = ringmill::block_on(async { receiver.await })?;
//! assert_eq!(answer, Ok(42));
//! # worker.join().unwrap();
//! # Ok(())
//! # }
//! ```

mod cell;

use super::{RecvError, SendError, TryRecvError, budgeted, park};
use crate::sys::atomics::Arc;
use crate::sys::contained;
use cell::{Cell, Found};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A channel for one message.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let cell = Arc::new(Cell::new());
    let sender = Sender {
        cell: cell.clone(),
        sent: false,
        waited: false,
    };
    let receiver = Receiver {
        cell,
        ended: false,
        waited: false,
    };
    (sender, receiver)
}

/// The sending end of a [`channel`].
///
/// If it is dropped the receiver gets a [`RecvError`].
pub struct Sender<T> {
    cell: Arc<Cell<T>>,
    sent: bool,
    /// A waker may be left in the cell.
    waited: bool,
}

impl<T> Sender<T> {
    /// Sends the message; never waits.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or has closed the channel; the message is in the error.
    pub fn send(mut self, message: T) -> Result<(), SendError<T>> {
        self.sent = true;
        // SAFETY: the cell's rule 1: this is the only sender, and this its only send.
        unsafe { self.cell.send(message) }.map_err(SendError)
    }

    /// Waits until nobody waits for the message any more: the receiver is gone, or has closed the
    /// channel.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn closed(&mut self) {
        poll_fn(|cx| budgeted(cx, |cx| self.poll_closed(cx))).await;
    }

    fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.waited = true;
        if self.is_closed() || self.cell.wait_for_close(cx.waker()) == Found::Closed {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Whether the receiver is gone or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.cell.is_closed()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if !self.sent {
            let _: Found = self.cell.close();
        }
        if self.waited {
            self.cell.forget_sender();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// The receiving end of a [`channel`]: a future of the message.
///
/// It gives a [`RecvError`] if the sender is gone, the channel was closed before the message, or the
/// message was taken before.
///
/// # Cancel safety
///
/// A message that has arrived stays until it is taken; it is dropped with the receiver. To wait for
/// it in a `select` or under a timeout without giving it up, await `&mut receiver`.
#[must_use = "futures do nothing unless awaited"]
pub struct Receiver<T> {
    cell: Arc<Cell<T>>,
    /// The message was taken: the sender has nothing to be told.
    ended: bool,
    /// A waker may be left in the cell.
    waited: bool,
}

impl<T> Receiver<T> {
    /// Takes the message if it is there.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty) if it may still come, [`Closed`](TryRecvError::Closed) if not.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.cell.look() {
            Found::Nothing => Err(TryRecvError::Empty),
            Found::Closed => Err(TryRecvError::Closed),
            Found::Value => self.take().map_err(|RecvError| TryRecvError::Closed),
        }
    }

    /// Takes the message on a plain thread, which it blocks until it is there.
    ///
    /// # Errors
    ///
    /// If it will not come: the sender is gone, or the channel was closed.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_recv(mut self) -> Result<T, RecvError> {
        park::block_on(|cx| self.poll_recv(cx))
    }

    /// Lets no message in any more. One that has arrived can still be taken.
    pub fn close(&mut self) {
        let _: Found = self.cell.close();
    }

    /// Whether the message has arrived.
    pub fn is_ready(&self) -> bool {
        self.cell.look() == Found::Value
    }

    /// The message that was found; it can be taken once.
    fn take(&mut self) -> Result<T, RecvError> {
        self.ended = true;
        // SAFETY: the cell's rule 1: this is the only receiver, and it has found the value.
        unsafe { self.cell.take() }.ok_or(RecvError)
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Result<T, RecvError>> {
        let found = match self.cell.look() {
            Found::Nothing => {
                self.waited = true;
                self.cell.wait_for_message(cx.waker())
            }
            found => found,
        };
        match found {
            Found::Nothing => Poll::Pending,
            Found::Closed => Poll::Ready(Err(RecvError)),
            Found::Value => Poll::Ready(self.take()),
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        budgeted(cx, |cx| self.poll_recv(cx))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if !self.ended && self.cell.close() == Found::Value {
            let message = self.take();
            contained(|| drop(message));
        }
        if self.waited {
            self.cell.forget_receiver();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("ready", &self.is_ready())
            .finish()
    }
}
