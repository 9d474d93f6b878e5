//! [`TcpStream`]: a connection.

use super::address::{self, ToSocketAddrs};
use super::halves::{ReadHalf, ReuniteError, WriteHalf};
use super::happy_eyeballs;
use crate::buf::{IoBuf, RecvBuf};
use crate::driver::{Closing, Descriptor};
use crate::event_loop::{context, proceed};
use crate::fs::File;
use crate::op::StreamSocket;
use crate::sys::socket;
use crate::time;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes of a file that are read and sent at a time. From 64 KiB on the system calls are a small part.
const FILE_CHUNK: usize = 256 * 1024;

/// A TCP connection.
///
/// It belongs to the loop that made it. Received bytes wait in its own queue (64 KiB at most, then
/// the peer is made to wait), so dropping a read loses nothing. Written bytes are accepted into its
/// own buffer (64 KiB at most, then the writer waits) and sent with the loop's next submission,
/// even if the stream is dropped at once; an error of theirs surfaces at the next write, at
/// [`flush`](TcpStream::flush) or at [`shutdown`](TcpStream::shutdown).
///
/// Dropping it closes the connection once what was written has gone out, or after 30 s without any
/// progress of the peer's. The loop does that: between two calls of `Runtime::block_on` nothing of
/// it happens.
pub struct TcpStream {
    // The order matters: the read half goes first, so that the drop of the other one is the end
    // of the connection and not of its sending side alone.
    pub(super) reader: ReadHalf,
    pub(super) writer: WriteHalf,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers: families take turns, and one that has
    /// not answered for 250 ms has the next tried beside it (RFC 8305).
    ///
    /// A name is resolved beside the loops, for 30 s at most.
    ///
    /// # Errors
    ///
    /// The last failure, naming its address; or that of the name's resolution.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the attempt up; nothing stays open.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        happy_eyeballs::connect(address::resolve(&address).await?).await
    }

    /// As [`connect`](TcpStream::connect), giving up after `limit` for all addresses together.
    ///
    /// # Errors
    ///
    /// As [`connect`](TcpStream::connect), and `TimedOut`.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the attempt up; nothing stays open.
    pub async fn connect_timeout(address: impl ToSocketAddrs, limit: Duration) -> io::Result<Self> {
        match time::timeout(limit, Self::connect(&address)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!(
                    "cannot connect to {}: no answer within {limit:?}",
                    address.describe()
                ),
            )),
        }
    }

    /// Takes over a connection made elsewhere.
    ///
    /// # Errors
    ///
    /// If it cannot be made blocking, which the ring wants.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self::from_owned_fd(stream.into()))
    }

    /// Takes over a blocking, connected socket.
    #[track_caller]
    pub(crate) fn from_owned_fd(fd: OwnedFd) -> Self {
        let driver = context::driver();
        Self::from_descriptor(Descriptor::new(driver, fd, Closing::WithNextTurn))
    }

    /// Takes over a socket of this loop's.
    pub(super) fn from_descriptor(descriptor: Descriptor) -> Self {
        let stream = StreamSocket::new(descriptor);
        TcpStream {
            reader: ReadHalf::new(stream.clone()),
            writer: WriteHalf::new(stream),
        }
    }

    /// Reads what is there into `room`, waiting for the first byte; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// What ended the connection, once, after all bytes that came before it.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte.
    pub fn read(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.reader.read(room)
    }

    /// Reads into several slices, as [`read`](TcpStream::read) into one.
    ///
    /// # Errors
    ///
    /// As [`read`](TcpStream::read).
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte.
    pub async fn read_vectored(&mut self, rooms: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
        self.reader.read_vectored(rooms).await
    }

    /// Fills `room` whole.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends before, and as [`read`](TcpStream::read).
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was read into `room` is not read again.
    pub async fn read_exact(&mut self, room: &mut [u8]) -> io::Result<()> {
        self.reader.read_exact(room).await
    }

    /// Takes the next received bytes without a copy; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// As [`read`](TcpStream::read).
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte.
    pub async fn recv(&mut self) -> io::Result<Option<RecvBuf>> {
        self.reader.recv().await
    }

    /// The read of [`read`](TcpStream::read), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`read`](TcpStream::read).
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.reader.poll_read(cx, room)
    }

    /// Writes some of `bytes`: at most as much as there is room for.
    ///
    /// # Errors
    ///
    /// What ended the connection; of earlier bytes, too.
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it is ready: nothing was written.
    pub fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.writer.write(bytes)
    }

    /// Writes some of several slices, as [`write`](TcpStream::write) of one.
    ///
    /// # Errors
    ///
    /// As [`write`](TcpStream::write).
    ///
    /// # Cancel safety
    ///
    /// As [`write`](TcpStream::write).
    pub async fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.writer.write_vectored(pieces).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`write`](TcpStream::write).
    ///
    /// # Cancel safety
    ///
    /// Not safe: how much was written is unknown.
    pub fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        self.writer.write_all(bytes)
    }

    /// Sends all of a buffer without a copy, and hands it back.
    ///
    /// # Errors
    ///
    /// As [`write`](TcpStream::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping it before earlier writes have gone out: nothing of the buffer is sent. After
    /// that: all of it is sent. In both cases the buffer is dropped.
    pub async fn send<B: IoBuf>(&mut self, buffer: B) -> (io::Result<()>, B) {
        self.writer.send(buffer).await
    }

    /// The write of [`write`](TcpStream::write), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`write`](TcpStream::write).
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writer.poll_write(cx, bytes)
    }

    /// Waits until the socket has taken everything that was written.
    ///
    /// # Errors
    ///
    /// As [`write`](TcpStream::write).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().await
    }

    /// The flush of [`flush`](TcpStream::flush), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`write`](TcpStream::write).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.poll_flush(cx)
    }

    /// Ends sending, receiving or both. Sending ends after everything that was written.
    ///
    /// # Errors
    ///
    /// As [`flush`](TcpStream::flush), and if the connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it is ready: nothing was shut down.
    pub async fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        match how {
            Shutdown::Read => proceed().await,
            Shutdown::Write | Shutdown::Both => self.flush().await?,
        }
        socket::shutdown(self.as_fd(), how)
    }

    /// Lends the two directions to be used at the same time.
    pub fn split(&mut self) -> (&mut ReadHalf, &mut WriteHalf) {
        (&mut self.reader, &mut self.writer)
    }

    /// Takes the two directions apart, for two tasks of this loop. Dropping the write half ends
    /// sending (after everything that was written), dropping both closes the connection.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        (self.reader, self.writer)
    }

    /// Sends `len` bytes of a file, from `offset` on, or up to its end; how many. They go through a
    /// buffer of 256 KiB: read by the ring or in the pool, sent from where they were read to.
    ///
    /// # Errors
    ///
    /// What reading the file or sending says.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// How much was sent is not told; what was handed over for sending is sent.
    pub async fn send_file(&mut self, file: &File, offset: u64, len: u64) -> io::Result<u64> {
        proceed().await;
        let mut buffer = Vec::new();
        let mut sent = 0;
        while sent < len {
            // As much room as there is left to send, so that no more is read.
            let room = (len - sent).min(FILE_CHUNK as u64) as usize;
            if buffer.capacity() != room {
                buffer = Vec::with_capacity(room);
            }
            let read;
            (read, buffer) = file.read_at(buffer, offset + sent).await;
            match read? {
                0 => break,
                read => sent += read.min(room) as u64,
            }
            // An allocator may give more room than was asked for.
            buffer.truncate(room);
            let done;
            (done, buffer) = self.send(buffer).await;
            done?;
        }
        Ok(sent)
    }

    /// Puts together what [`into_split`](TcpStream::into_split) took apart.
    ///
    /// # Errors
    ///
    /// If the halves are of different connections; both come back.
    pub fn reunite(reader: ReadHalf, writer: WriteHalf) -> Result<Self, ReuniteError> {
        if reader.is_of(&writer) {
            Ok(TcpStream { reader, writer })
        } else {
            Err(ReuniteError(reader, writer))
        }
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        socket::peer_address(self.as_fd())
    }

    /// The local address.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_address(self.as_fd())
    }

    /// Whether small segments are sent without delay (TCP_NODELAY).
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn nodelay(&self) -> io::Result<bool> {
        socket::options(&self.as_fd()).tcp_nodelay()
    }

    /// Sets TCP_NODELAY. Accepted connections have it by default, connected ones too.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        socket::options(&self.as_fd()).set_tcp_nodelay(nodelay)
    }

    /// How long the system's close may take for unsent bytes (SO_LINGER).
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        socket::options(&self.as_fd()).linger()
    }

    /// Sets SO_LINGER; zero makes the close a reset.
    ///
    /// With a time above zero the close waits for the peer, in a thread of the kernel's. It is
    /// rarely needed, as dropping the stream sends what was written.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        socket::options(&self.as_fd()).set_linger(linger)?;
        let blocks = linger.is_some_and(|time| !time.is_zero());
        self.reader.socket().set_lingers(blocks);
        Ok(())
    }

    /// The pending error of the socket, which asking clears (SO_ERROR).
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        socket::options(&self.as_fd()).take_error()
    }

    /// The hop limit of sent packets (IP_TTL, IPV6_UNICAST_HOPS).
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn ttl(&self) -> io::Result<u32> {
        socket::hop_limit(self.as_fd())
    }

    /// Sets the hop limit of sent packets.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        socket::set_hop_limit(self.as_fd(), ttl)
    }

    /// Whether an idle connection is probed (SO_KEEPALIVE).
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn keepalive(&self) -> io::Result<bool> {
        socket::options(&self.as_fd()).keepalive()
    }

    /// Probes the connection after it was idle for `idle`; `None` switches probing off.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        socket::set_keepalive(self.as_fd(), idle)
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.socket().as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("fd", &self.as_raw_fd())
            .field("peer_addr", &self.peer_addr().ok())
            .finish()
    }
}
