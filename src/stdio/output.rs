//! [`Stdout`] and [`Stderr`]: the standard outputs.

use super::by_loop;
use super::write_thread::WriteThread;
use crate::event_loop::{context, poll_proceed, refund};
use crate::op;
use crate::pipe::End;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::RawFd;
use std::task::{Context, Poll, ready};

static STDOUT: WriteThread = WriteThread::new(1);
static STDERR: WriteThread = WriteThread::new(2);

/// One of the two.
struct Output {
    /// Otherwise the thread writes.
    end: Option<End>,
    thread: &'static WriteThread,
    key: Option<usize>,
}

impl Output {
    #[track_caller]
    fn open(number: RawFd, thread: &'static WriteThread) -> Self {
        Output {
            end: by_loop::open(context::driver(), number).ok(),
            thread,
            key: None,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(end) = &mut self.end {
            return end.poll_write(cx, bytes);
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(poll_proceed(cx));
        let polled = self.thread.poll_write(&mut self.key, cx, bytes);
        if polled.is_pending() {
            refund();
        }
        polled
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(poll_proceed(cx));
        let polled = match self.end {
            Some(_) => Poll::Ready(Ok(())),
            None => self.thread.poll_flush(&mut self.key, cx),
        };
        if polled.is_pending() {
            refund();
        }
        polled
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.thread.leave(self.key);
    }
}

/// The standard output.
///
/// It belongs to the loop that made it. There may be several.
pub struct Stdout(Output);

/// The standard error output.
///
/// It belongs to the loop that made it. There may be several.
pub struct Stderr(Output);

/// The standard output, unbuffered. [The module](super) says how it is waited for.
///
/// # Panics
///
/// Outside of a loop.
#[track_caller]
pub fn stdout() -> Stdout {
    Stdout(Output::open(1, &STDOUT))
}

/// The standard error output, unbuffered. [The module](super) says how it is waited for.
///
/// # Panics
///
/// Outside of a loop.
#[track_caller]
pub fn stderr() -> Stderr {
    Stderr(Output::open(2, &STDERR))
}

/// What both can do.
macro_rules! methods {
    ($($type:ident),*) => {$(
        impl $type {
            /// Writes some of `bytes`: as much as there is room for, waiting for some.
            ///
            /// # Errors
            ///
            /// What write(2) says; `BrokenPipe` if nobody reads any more. Where a thread writes it
            /// may be of earlier bytes.
            ///
            /// # Cancel safety
            ///
            /// Dropping it before it is ready: nothing was written.
            pub fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
                poll_fn(move |cx| self.poll_write(cx, bytes))
            }

            /// The write of `write`, for hand-written futures.
            ///
            /// # Errors
            ///
            /// As `write`.
            pub fn poll_write(
                &mut self,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_write(cx, bytes)
            }

            /// Writes all of `bytes`.
            ///
            /// # Errors
            ///
            /// As `write`.
            ///
            /// # Cancel safety
            ///
            /// Not safe: how much was written is unknown.
            pub fn write_all(
                &mut self,
                bytes: &[u8],
            ) -> impl Future<Output = io::Result<()>> {
                op::write_all(bytes, move |cx, bytes| self.poll_write(cx, bytes))
            }

            /// Waits until everything that was accepted is written: by the thread, where one
            /// writes; else there is nothing to wait for.
            ///
            /// # Errors
            ///
            /// As `write`.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost by dropping it.
            pub fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
                poll_fn(move |cx| self.poll_flush(cx))
            }

            /// The flush of `flush`, for hand-written futures.
            ///
            /// # Errors
            ///
            /// As `write`.
            pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.0.poll_flush(cx)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )*};
}

methods!(Stdout, Stderr);
