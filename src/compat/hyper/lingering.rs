//! [`LingeringStream`]: a server's connection that is closed in stages.

use crate::net::TcpStream;
use crate::time::{self, Sleep};
use ::hyper::rt::{Read, ReadBufCursor, Write};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long the client may take to answer the end of our sending with the end of its own. A round
/// trip would do; clients that never answer must not hold up a server that drains.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes thrown away in one read.
const DISCARD: usize = 4096;

/// A stream whose shutdown waits until the client, too, has ended, throwing away what still comes.
///
/// A socket that is closed with bytes unread, or that gets some afterwards, answers with a reset,
/// and a reset may take the last response out of the client's hands before it has read it
/// (RFC 9112, section 9.6).
pub(super) struct LingeringStream {
    stream: TcpStream,
    has_ended: bool,
    limit: Option<Pin<Box<Sleep>>>,
}

impl LingeringStream {
    pub(super) fn new(stream: TcpStream) -> Self {
        LingeringStream {
            stream,
            has_ended: false,
            limit: None,
        }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Read for LingeringStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Read::poll_read(self.stream(), cx, buffer)
    }
}

impl Write for LingeringStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Write::poll_write(self.stream(), cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Write::poll_write_vectored(self.stream(), cx, pieces)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Write::poll_flush(self.stream(), cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.has_ended {
            ready!(Write::poll_shutdown(Pin::new(&mut this.stream), cx))?;
            this.has_ended = true;
        }
        let mut nowhere = [0; DISCARD];
        loop {
            match this.stream.poll_read(cx, &mut nowhere) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => break,
            }
        }
        let limit = this
            .limit
            .get_or_insert_with(|| Box::pin(time::sleep(LINGER)));
        limit.as_mut().poll(cx).map(Ok)
    }
}
