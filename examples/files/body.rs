//! [`FileBody`]: a part of a file, on its way to a client.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use ringmill::fs::File;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes that are read at a time: all that a connection has of a file at once, but for what waits in
/// its socket. More costs memory for each slow client, and gains little.
const CHUNK: usize = 64 * 1024;

type Read = Pin<Box<dyn Future<Output = (File, io::Result<usize>, Vec<u8>)>>>;

/// Reads as the client takes it; who goes away ends it, by dropping it.
pub struct FileBody {
    state: State,
    left: Range<u64>,
}

enum State {
    Idle(File),
    Reading(Read),
    Over,
}

impl FileBody {
    pub fn new(file: File, part: Range<u64>) -> Self {
        FileBody {
            state: State::Idle(file),
            left: part,
        }
    }
}

fn start(file: File, left: &Range<u64>) -> Read {
    let len = (left.end - left.start).min(CHUNK as u64);
    let at = left.start;
    Box::pin(async move {
        let room = Vec::with_capacity(len as usize);
        let (read, bytes) = file.read_at(room, at).await;
        (file, read, bytes)
    })
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.left.is_empty() {
            this.state = State::Over;
        }
        let mut read = match std::mem::replace(&mut this.state, State::Over) {
            State::Idle(file) => start(file, &this.left),
            State::Reading(read) => read,
            State::Over => return Poll::Ready(None),
        };
        let Poll::Ready((file, count, mut bytes)) = read.as_mut().poll(cx) else {
            this.state = State::Reading(read);
            return Poll::Pending;
        };
        // A vector may have more room than it asked for, and the file more bytes than are wanted.
        let missing = this.left.end - this.left.start;
        let count = missing.min(count? as u64);
        if count == 0 {
            // Its length is in the head already, so the connection can only be closed.
            let message = "the file became shorter while it was sent";
            return Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                message,
            ))));
        }
        bytes.truncate(count as usize);
        this.left.start += count;
        this.state = State::Idle(file);
        Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end - self.left.start)
    }
}
