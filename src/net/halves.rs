//! [`ReadHalf`] and [`WriteHalf`]: the two directions of a connection.

use crate::buf::{IoBuf, RecvBuf};
use crate::event_loop::{context, poll_proceed, refund, uncancelled};
use crate::op::{self, StreamSocket};
use crate::sys::socket;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The receiving direction of a [`TcpStream`](super::TcpStream).
pub struct ReadHalf {
    stream: Rc<StreamSocket>,
}

/// The sending direction of a [`TcpStream`](super::TcpStream).
///
/// Dropping it while the other half lives ends sending, after everything that was written.
pub struct WriteHalf {
    stream: Rc<StreamSocket>,
}

/// Whoever waits does so on the loop that drives the stream, or would wait for ever.
#[track_caller]
fn on_own_loop<T>(stream: &StreamSocket, polled: Poll<T>) -> Poll<T> {
    if polled.is_pending() {
        context::assert_current(stream.driver());
    }
    polled
}

/// As [`on_own_loop`], for what took a unit of the task's budget: waiting costs none.
#[track_caller]
fn charged<T>(stream: &StreamSocket, polled: Poll<T>) -> Poll<T> {
    if polled.is_pending() {
        refund();
    }
    on_own_loop(stream, polled)
}

impl ReadHalf {
    pub(super) fn new(stream: Rc<StreamSocket>) -> Self {
        ReadHalf { stream }
    }

    pub(super) fn socket(&self) -> &StreamSocket {
        &self.stream
    }

    pub(super) fn is_of(&self, writer: &WriteHalf) -> bool {
        Rc::ptr_eq(&self.stream, &writer.stream)
    }

    /// As [`TcpStream::read`](super::TcpStream::read).
    ///
    /// # Errors
    ///
    /// What ended the connection, once, after all bytes that came before it.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte.
    pub fn read(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        poll_fn(move |cx| self.poll_read(cx, room))
    }

    /// As [`TcpStream::poll_read`](super::TcpStream::poll_read).
    ///
    /// # Errors
    ///
    /// As [`read`](ReadHalf::read).
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(poll_proceed(cx));
        charged(&self.stream, self.stream.poll_read(cx, room))
    }

    /// As [`TcpStream::read_vectored`](super::TcpStream::read_vectored).
    ///
    /// # Errors
    ///
    /// As [`read`](ReadHalf::read).
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte.
    pub async fn read_vectored(&mut self, rooms: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read_vectored(cx, rooms)).await
    }

    pub(crate) fn poll_read_vectored(
        &mut self,
        cx: &mut Context<'_>,
        rooms: &mut [io::IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(poll_proceed(cx));
        let mut total = 0;
        for room in rooms {
            if room.is_empty() {
                continue;
            }
            // After the first slice only what is there already, without waiting: what the slices
            // before have taken must be told of now.
            if total > 0 && self.stream.unread() == 0 {
                break;
            }
            let read = ready!(charged(&self.stream, self.stream.poll_read(cx, room)))?;
            total += read;
            if read < room.len() {
                break;
            }
        }
        Poll::Ready(Ok(total))
    }

    /// As [`TcpStream::read_exact`](super::TcpStream::read_exact).
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends before, and as [`read`](ReadHalf::read).
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was read into `room` is not read again.
    pub async fn read_exact(&mut self, room: &mut [u8]) -> io::Result<()> {
        op::read_exact("stream", room, |cx, room| self.poll_read(cx, room)).await
    }

    /// As [`TcpStream::recv`](super::TcpStream::recv).
    ///
    /// # Errors
    ///
    /// As [`read`](ReadHalf::read).
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte.
    pub async fn recv(&mut self) -> io::Result<Option<RecvBuf>> {
        poll_fn(|cx| {
            ready!(poll_proceed(cx));
            charged(&self.stream, self.stream.poll_recv(cx))
        })
        .await
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        socket::peer_address(self.stream.as_fd())
    }

    /// The local address.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_address(self.stream.as_fd())
    }
}

impl WriteHalf {
    pub(super) fn new(stream: Rc<StreamSocket>) -> Self {
        WriteHalf { stream }
    }

    /// As [`TcpStream::write`](super::TcpStream::write).
    ///
    /// # Errors
    ///
    /// What ended the connection; of earlier bytes, too.
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it is ready: nothing was written.
    pub fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        poll_fn(move |cx| self.poll_write(cx, bytes))
    }

    /// As [`TcpStream::poll_write`](super::TcpStream::poll_write).
    ///
    /// # Errors
    ///
    /// As [`write`](WriteHalf::write).
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(poll_proceed(cx));
        charged(&self.stream, self.stream.poll_write_one(cx, bytes))
    }

    /// As [`TcpStream::write_vectored`](super::TcpStream::write_vectored).
    ///
    /// # Errors
    ///
    /// As [`write`](WriteHalf::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it is ready: nothing was written.
    pub async fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write_vectored(cx, pieces)).await
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(poll_proceed(cx));
        charged(&self.stream, self.stream.poll_write(cx, pieces))
    }

    /// As [`TcpStream::write_all`](super::TcpStream::write_all).
    ///
    /// # Errors
    ///
    /// As [`write`](WriteHalf::write).
    ///
    /// # Cancel safety
    ///
    /// Not safe: how much was written is unknown.
    pub fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        op::write_all(bytes, move |cx, bytes| self.poll_write(cx, bytes))
    }

    /// As [`TcpStream::send`](super::TcpStream::send).
    ///
    /// # Errors
    ///
    /// As [`write`](WriteHalf::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping it before earlier writes have gone out: nothing of the buffer is sent. After
    /// that: all of it is sent. In both cases the buffer is dropped.
    pub async fn send<B: IoBuf>(&mut self, buffer: B) -> (io::Result<()>, B) {
        // With the checkpoint at which this begins.
        if let Err(error) = self.flush().await {
            return (Err(error), buffer);
        }
        if buffer.as_slice().is_empty() {
            return (Ok(()), buffer);
        }
        context::assert_current(self.stream.driver());
        uncancelled(op::send_owned(&self.stream, buffer)).await
    }

    /// As [`TcpStream::flush`](super::TcpStream::flush).
    ///
    /// # Errors
    ///
    /// As [`write`](WriteHalf::write).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// As [`TcpStream::poll_flush`](super::TcpStream::poll_flush).
    ///
    /// # Errors
    ///
    /// As [`write`](WriteHalf::write).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(poll_proceed(cx));
        charged(&self.stream, self.stream.poll_flush(cx))
    }

    /// Ends sending, after everything that was written.
    ///
    /// # Errors
    ///
    /// As [`flush`](WriteHalf::flush), and if the connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it is ready: nothing was shut down.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_shutdown(cx)).await
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        Poll::Ready(self.stream.shutdown_write())
    }

    /// The error that ended sending, if one did.
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "for adapters"))]
    pub(crate) fn error(&self) -> io::Result<()> {
        self.stream.send_error()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        socket::peer_address(self.stream.as_fd())
    }

    /// The local address.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_address(self.stream.as_fd())
    }
}

impl Drop for ReadHalf {
    fn drop(&mut self) {
        self.stream.release_reader();
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        self.stream.release_writer();
    }
}

impl fmt::Debug for ReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf")
            .field("unread", &self.stream.unread())
            .finish()
    }
}

impl fmt::Debug for WriteHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").finish_non_exhaustive()
    }
}

/// Two halves that are not of the same connection.
#[derive(Debug)]
pub struct ReuniteError(pub ReadHalf, pub WriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of different connections")
    }
}

impl Error for ReuniteError {}
