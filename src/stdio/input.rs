//! [`Stdin`]: the standard input.

use super::by_loop;
use super::read_thread::ReadThread;
use crate::event_loop::{budgeted, context};
use crate::pipe::End;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::task::{Context, Poll};

static THREAD: ReadThread = ReadThread::new(0);

/// The standard input.
///
/// It belongs to the loop that made it. There may be several; each byte goes to one of them.
pub struct Stdin {
    /// Otherwise the thread reads.
    end: Option<End>,
    key: Option<usize>,
}

/// The standard input, unbuffered. [The module](super) says how it is waited for.
///
/// # Panics
///
/// Outside of a loop.
pub fn stdin() -> Stdin {
    Stdin {
        end: by_loop::open(context::driver(), 0).ok(),
        key: None,
    }
}

impl Stdin {
    /// Reads what is there into `room`, waiting for the first byte; 0 at the end. A terminal may go
    /// on after that.
    ///
    /// # Errors
    ///
    /// What read(2) says.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte.
    pub fn read(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        poll_fn(move |cx| self.poll_read(cx, room))
    }

    /// The read of [`read`](Stdin::read), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`read`](Stdin::read).
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(end) = &mut self.end {
            return end.poll_read(cx, room);
        }
        budgeted(cx, |cx| match room {
            [] => Poll::Ready(Ok(0)),
            room => THREAD.poll_read(&mut self.key, cx, room),
        })
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        THREAD.leave(self.key);
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").finish_non_exhaustive()
    }
}
