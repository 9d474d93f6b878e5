//! [`TcpListener`].

use super::address::ToSocketAddrs;
use super::listen_options::ListenOptions;
use super::tcp_stream::TcpStream;
use crate::event_loop::{budgeted, context};
use crate::op::Acceptor;
use crate::sys::{errno, socket};
use crate::time::{Instant, sleep_until};
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long accepting rests after the system ran out of descriptors or memory: the connections
/// wait in the kernel, and trying at once again would only burn the processor.
const PAUSE: Duration = Duration::from_millis(50);

/// A TCP socket that listens.
///
/// Connections are accepted by the kernel ahead of the calls (up to 256, then they wait in the
/// backlog) into a queue that the listener owns; dropping an [`accept`](TcpListener::accept) future
/// loses none.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::net::{TcpListener, TcpStream};
///
/// ringmill::block_on(async {
///     let mut listener = TcpListener::bind("127.0.0.1:0").await?;
///     let mut client = TcpStream::connect(listener.local_addr()?).await?;
///     let (mut server, _peer) = listener.accept().await?;
///     client.write_all(b"hello").await?;
///     let mut room = [0; 5];
///     server.read_exact(&mut room).await?;
///     assert_eq!(&room, b"hello");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok(())
/// # }
/// ```
pub struct TcpListener {
    acceptor: Rc<Acceptor>,
    /// Set after an error of the system's: accepting rests until then.
    paused: Option<Instant>,
}

impl TcpListener {
    /// Listens on the first of the addresses that can be bound, with the default
    /// [`ListenOptions`]. Port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// The last refusal, naming its address: it is taken, not local, or needs a privilege.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(address, ListenOptions::new()).await
    }

    /// As [`bind`](TcpListener::bind), with options.
    ///
    /// # Errors
    ///
    /// As [`bind`](TcpListener::bind).
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn bind_with(
        address: impl ToSocketAddrs,
        options: ListenOptions,
    ) -> io::Result<Self> {
        let (fd, _) = options.bind_any(&address).await?;
        Ok(Self::from_owned_fd(fd))
    }

    /// Takes over a listening socket made elsewhere.
    ///
    /// # Errors
    ///
    /// If it cannot be made blocking, which the ring wants.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(false)?;
        Ok(Self::from_owned_fd(listener.into()))
    }

    /// Takes over a blocking, listening socket.
    pub(crate) fn from_owned_fd(fd: OwnedFd) -> Self {
        TcpListener {
            acceptor: Acceptor::new(context::driver(), fd),
            paused: None,
        }
    }

    /// The next connection and its peer's address.
    ///
    /// # Errors
    ///
    /// When the system is out of descriptors (EMFILE, ENFILE) or memory: the connection stays in
    /// the backlog, and the next call rests 50 ms before it tries again, so a loop that goes on
    /// after errors neither spins nor stops for good.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost by dropping it.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            let stream = TcpStream::from_owned_fd(self.accept_fd().await?);
            match stream.peer_addr() {
                Ok(peer) => return Ok((stream, peer)),
                // Reset before it was looked at: as if it had never come.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next connection as a descriptor that no driver knows yet: another loop may have it.
    pub(crate) async fn accept_fd(&mut self) -> io::Result<OwnedFd> {
        if let Some(until) = self.paused {
            sleep_until(until).await;
            self.paused = None;
        }
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<OwnedFd>> {
        context::assert_current(self.acceptor.driver());
        let accepted = ready!(budgeted(cx, |cx| self.acceptor.poll_accept(cx)));
        if accepted.as_ref().is_err_and(is_transient_accept_error) {
            self.paused = Some(Instant::now() + PAUSE);
        }
        Poll::Ready(accepted)
    }

    /// The connections as a stream, without their peers' addresses (which cost a system call
    /// each). It never ends.
    pub fn incoming(&mut self) -> Incoming<'_> {
        Incoming {
            listener: self,
            pause: None,
        }
    }

    /// Stops listening, and gives the connections that were established already: accepted ahead,
    /// or waiting in the backlog. They would be reset by a mere drop; so are those for which the
    /// system has no descriptor or memory left.
    ///
    /// # Errors
    ///
    /// If the listener is broken.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the listener, and what waits is reset.
    pub async fn close(self) -> io::Result<Vec<TcpStream>> {
        let stop = |cx: &mut Context<'_>| {
            self.acceptor.stop();
            self.acceptor.poll_stopped(cx)
        };
        poll_fn(|cx| budgeted(cx, stop)).await;
        let mut left = Vec::new();
        loop {
            match self.acceptor.take_left() {
                Ok(Some(fd)) => left.push(TcpStream::from_owned_fd(fd)),
                Ok(None) => return Ok(left),
                // What was taken is not to be lost for what cannot be.
                Err(error) if is_transient_accept_error(&error) => return Ok(left),
                Err(error) => return Err(error),
            }
        }
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_address(self.acceptor.as_fd())
    }
}

/// Whether accepting should simply go on later.
pub(crate) fn is_transient_accept_error(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(errno::EMFILE | errno::ENFILE | errno::ENOBUFS | errno::ENOMEM)
    )
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.acceptor.as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("fd", &self.as_raw_fd())
            .field("local_addr", &self.local_addr().ok())
            .finish()
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.acceptor.release();
    }
}

/// The stream of [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a> {
    listener: &'a mut TcpListener,
    pause: Option<Pin<Box<crate::time::Sleep>>>,
}

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(until) = this.listener.paused {
            let pause = this
                .pause
                .get_or_insert_with(|| Box::pin(sleep_until(until)));
            ready!(std::future::Future::poll(pause.as_mut(), cx));
            this.pause = None;
            this.listener.paused = None;
        }
        let accepted = ready!(this.listener.poll_accept(cx));
        Poll::Ready(Some(accepted.map(TcpStream::from_owned_fd)))
    }
}
