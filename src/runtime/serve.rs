//! [`serve`]: accept on every loop, run a handler for each connection, finish gracefully.

use super::connections::Connections;
use super::drain::{Drain, DrainSignal};
use super::handle::Handle;
use super::placement::{Balance, Placed, Placement, Post};
use crate::net::{ListenOptions, TcpListener, TcpStream, ToSocketAddrs};
use crate::task::JoinError;
use crate::{signal, time};
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// How long connections may take to finish once the server drains.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

type Ready = Box<dyn FnOnce(SocketAddr)>;
type Stop = Pin<Box<dyn Future<Output = ()>>>;

/// Serves TCP connections on every loop of the current runtime.
///
/// Each loop has a listener of its own on the same address (SO_REUSEPORT); the kernel spreads the
/// connections, and a loop that got more than its share hands fresh ones to the least loaded (see
/// [`Serve::balance`]). Each loop gets a clone of the handler, calls it for each of its connections, and
/// spawns the future that it returns; a panic in it ends that connection only.
///
/// Awaiting the [`Serve`] runs the server until SIGINT (ctrl-c), SIGTERM, [`Handle::drain`], or the
/// future given to [`Serve::until`]. Then it drains: the listeners take what has already
/// connected and close, handlers see their [`Drain`] start, and connections that have not ended
/// after [`Serve::drain_timeout`] are cancelled. A second signal cancels them at once.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::net::TcpStream;
///
/// async fn echo(mut stream: TcpStream, _drain: ringmill::Drain) {
///     while let Ok(Some(bytes)) = stream.recv().await {
///         if stream.send(bytes).await.0.is_err() {
///             break;
///         }
///     }
/// }
///
/// ringmill::Runtime::new()?.block_on(async { ringmill::serve("127.0.0.1:7000", echo).await })?;
/// # Ok(())
/// # }
/// ```
pub fn serve<A, H, F>(
    address: A,
    handler: H,
) -> Serve<A, impl FnOnce() -> H + Clone + Send + 'static>
where
    A: ToSocketAddrs,
    H: Fn(TcpStream, Drain) -> F + Clone + Send + 'static,
    F: Future + 'static,
{
    serve_with(address, move || handler)
}

/// As [`serve`], with a handler that is made on each loop.
///
/// `make` travels to the loop and is called there once, so the handler may hold what the loop's
/// connections share without locks: it need not be `Send`.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::net::TcpStream;
/// use std::{cell::Cell, rc::Rc};
///
/// let make = || {
///     let served = Rc::new(Cell::new(0));
///     move |mut stream: TcpStream, _drain| {
///         served.set(served.get() + 1);
///         let greeting = format!("you are number {} on this loop\n", served.get());
///         async move { stream.write_all(greeting.as_bytes()).await }
///     }
/// };
/// ringmill::Runtime::new()?.block_on(async { ringmill::serve_with("127.0.0.1:7000", make).await })?;
/// # Ok(())
/// # }
/// ```
pub fn serve_with<A, M, H, F>(address: A, make: M) -> Serve<A, M>
where
    A: ToSocketAddrs,
    M: FnOnce() -> H + Clone + Send + 'static,
    H: Fn(TcpStream, Drain) -> F + 'static,
    F: Future + 'static,
{
    Serve::new(address, make)
}

/// A server to be; see [`serve`].
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<A, M> {
    address: A,
    /// Makes each loop's handler.
    make: M,
    options: ListenOptions,
    balance: Balance,
    drain_timeout: Duration,
    ready: Option<Ready>,
    until: Option<Stop>,
    signals: bool,
}

impl<A, M> Serve<A, M> {
    /// A server with the default settings. `make` need not make a handler yet: see
    /// [`map_make`](Serve::map_make).
    pub(crate) fn new(address: A, make: M) -> Self {
        Serve {
            address,
            make,
            options: ListenOptions::new(),
            balance: Balance::default(),
            drain_timeout: DRAIN_TIMEOUT,
            ready: None,
            until: None,
            signals: true,
        }
    }

    /// The same server with another `make`.
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "for adapters"))]
    pub(crate) fn map_make<N>(self, map: impl FnOnce(M) -> N) -> Serve<A, N> {
        Serve {
            address: self.address,
            make: map(self.make),
            options: self.options,
            balance: self.balance,
            drain_timeout: self.drain_timeout,
            ready: self.ready,
            until: self.until,
            signals: self.signals,
        }
    }

    /// How long connections may take to finish once the server drains. Default 10 s.
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.drain_timeout = limit;
        self
    }

    /// Which loop serves a connection. Default [`Balance::LeastLoaded`].
    ///
    /// A connection that changes loops does so once, before anything was read from it. Where its new
    /// loop sleeps, that costs a wake-up; on a balanced server none changes.
    /// [`LoopStats::handed_over`](crate::LoopStats::handed_over) counts them.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # async fn echo(_: ringmill::net::TcpStream, _: ringmill::Drain) {}
    /// use ringmill::Balance;
    ///
    /// let runtime = ringmill::Runtime::new()?;
    /// runtime.block_on(async {
    ///     ringmill::serve("127.0.0.1:7000", echo).balance(Balance::RoundRobin).await
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn balance(mut self, balance: Balance) -> Self {
        self.balance = balance;
        self
    }

    /// The options of the listeners.
    pub fn listen_options(mut self, options: ListenOptions) -> Self {
        self.options = options;
        self
    }

    /// Calls `ready` with the bound address once every loop listens: the way to learn the port
    /// after asking for port 0.
    pub fn on_ready(mut self, ready: impl FnOnce(SocketAddr) + 'static) -> Self {
        self.ready = Some(Box::new(ready));
        self
    }

    /// Drains when this future ends, too.
    pub fn until(mut self, stop: impl Future<Output = ()> + 'static) -> Self {
        self.until = Some(Box::pin(stop));
        self
    }

    /// Whether SIGINT and SIGTERM drain the server. Default yes; once it has ended they end the
    /// process again, unless somebody else listens for them. With no, they are left alone.
    pub fn signals(mut self, heed: bool) -> Self {
        self.signals = heed;
        self
    }
}

impl<A, M> fmt::Debug for Serve<A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("balance", &self.balance)
            .field("drain_timeout", &self.drain_timeout)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<A, M, H, F> IntoFuture for Serve<A, M>
where
    A: ToSocketAddrs + 'static,
    M: FnOnce() -> H + Clone + Send + 'static,
    H: Fn(TcpStream, Drain) -> F + 'static,
    F: Future + 'static,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<A, M> Serve<A, M>
where
    A: ToSocketAddrs,
{
    async fn run<H, F>(mut self) -> io::Result<()>
    where
        M: FnOnce() -> H + Clone + Send + 'static,
        H: Fn(TcpStream, Drain) -> F + 'static,
        F: Future + 'static,
    {
        let runtime = Handle::current();
        let loops = runtime.loops();
        // Bound here, so that a refusal is an error of this call, and port 0 is chosen once.
        let first = if loops.len() > 1 {
            self.options.first_of_several()
        } else {
            self.options
        };
        let (first, address) = first.bind_any(&self.address).await?;
        let mut listeners = vec![first];
        for _ in 1..loops.len() {
            listeners.push(self.options.reuse_port(true).bind_std(address)?);
        }
        let mut signals = if self.signals {
            Some(signal::Shutdown::new()?)
        } else {
            None
        };
        // This server's own: that it ends is no reason for others of the runtime to do so.
        let finish = Arc::new(DrainSignal::default());
        let mut runtime_drains = Waiting::new(runtime.drain_signal());
        let (placement, posts) = Placement::new(self.balance, loops);
        let mut servers = Vec::with_capacity(loops.len());
        for ((target, listener), post) in loops.iter().zip(listeners).zip(posts) {
            let make = self.make.clone();
            let limit = self.drain_timeout;
            let finish = finish.clone();
            let server = target.spawn(move || accept(listener, post, make(), finish, limit));
            servers.push(server.abort_on_drop());
        }
        if let Some(ready) = self.ready.take() {
            ready(address);
        }

        let mut until = self.until.take();
        let mut signalled = 0;
        let mut ended = Ok(());
        poll_fn(|cx| {
            if runtime_drains.poll_started(cx).is_ready() {
                finish.start();
            }
            if let Some(signals) = &mut signals {
                while signals.poll_next(cx).is_ready() {
                    signalled += 1;
                    finish.start();
                    if signalled > 1 {
                        // Dropped handles abort the servers, and with them their connections.
                        return Poll::Ready(());
                    }
                }
            }
            if let Some(stop) = &mut until
                && stop.as_mut().poll(cx).is_ready()
            {
                until = None;
                finish.start();
            }
            servers.retain_mut(|server| match Pin::new(server).poll(cx) {
                Poll::Pending => true,
                Poll::Ready(result) => {
                    if let Err(error) = result.unwrap_or_else(|lost| Err(lost_part(lost))) {
                        // Also of a loop that is gone, which could not say so itself.
                        finish.start();
                        ended = Err(error);
                    }
                    false
                }
            });
            if servers.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        // Those that end by themselves leave nothing behind; what is cancelled is still to go.
        debug_assert!(ended.is_err() || !servers.is_empty() || placement.is_empty());
        ended
    }
}

/// A part of the server ended without saying how.
fn lost_part(error: JoinError) -> io::Error {
    if error.is_cancelled() {
        io::Error::other("a loop of the server has died, or its runtime has ended")
    } else {
        error.into()
    }
}

/// What a loop's part of a server goes on with.
enum Next {
    /// The server drains.
    Finish,
    /// The listener's next.
    Accepted(io::Result<OwnedFd>),
    /// Handed over by another loop.
    Arrived(OwnedFd),
}

/// One loop's part of a server.
async fn accept<H, F>(
    listener: OwnedFd,
    mut post: Post,
    handler: H,
    finish: Arc<DrainSignal>,
    limit: Duration,
) -> io::Result<()>
where
    H: Fn(TcpStream, Drain) -> F + 'static,
    F: Future + 'static,
{
    let mut listener = TcpListener::from_owned_fd(listener);
    let seats = post.seats();
    let connections = Rc::new(Connections::new(seats.clone()));
    let _abort = AbortConnections(connections.clone());
    let drain = Drain::default();
    let handler = Rc::new(handler);
    // Of a connection that is counted.
    let start = |stream: TcpStream| {
        let (handler, drain) = (handler.clone(), drain.clone());
        // Called in the connection's own task: a panic of the handler itself ends that one too.
        connections.spawn(async move {
            handler(stream, drain).await;
        });
    };

    let mut signal = Waiting::new(&finish);
    let mut failed = None;
    let mut arrivals_first = false;
    loop {
        let next = {
            let mut accepting = pin!(listener.accept_fd());
            // By turns, so that neither source waits for the other to run dry.
            arrivals_first = !arrivals_first;
            poll_fn(|cx| {
                if signal.poll_started(cx).is_ready() {
                    return Poll::Ready(Next::Finish);
                }
                if arrivals_first && let Poll::Ready(fd) = post.poll_arrived(cx) {
                    return Poll::Ready(Next::Arrived(fd));
                }
                match accepting.as_mut().poll(cx) {
                    Poll::Ready(accepted) => Poll::Ready(Next::Accepted(accepted)),
                    Poll::Pending if arrivals_first => Poll::Pending,
                    Poll::Pending => post.poll_arrived(cx).map(Next::Arrived),
                }
            })
            .await
        };
        match next {
            Next::Finish => break,
            Next::Arrived(fd) => start(TcpStream::from_owned_fd(fd)),
            Next::Accepted(Ok(fd)) => match post.place(fd) {
                Placed::Here(fd) => start(TcpStream::from_owned_fd(fd)),
                Placed::HandedOver => {}
            },
            // The listener paces itself; connections wait in the kernel's backlog.
            Next::Accepted(Err(error)) if crate::net::is_transient_accept_error(&error) => {}
            Next::Accepted(Err(error)) => {
                // One loop that cannot accept any more ends the server: half a server looks alive
                // and is not. Those that are connected are served to their end all the same.
                failed = Some(error);
                finish.start();
                break;
            }
        }
    }

    // With SO_REUSEPORT closing a listener resets what waits in its backlog: take it first.
    match listener.close().await {
        Ok(left) => {
            for stream in left {
                seats.take();
                start(stream);
            }
        }
        Err(error) => {
            failed.get_or_insert(error);
        }
    }
    // From here on the other loops keep what they accept. What they sent before is served here, and
    // is among the connections that are waited for: no connection is between loops.
    post.close().map(TcpStream::from_owned_fd).for_each(&start);
    drain.start();
    if time::timeout(limit, connections.ended()).await.is_err() {
        connections.abort();
        connections.ended().await;
    }
    failed.map_or(Ok(()), Err)
}

/// A server task that is cancelled takes its connections with it.
struct AbortConnections(Rc<Connections>);

impl Drop for AbortConnections {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// This task's place among those that wait for a signal.
struct Waiting<'a> {
    signal: &'a DrainSignal,
    key: Option<usize>,
}

impl<'a> Waiting<'a> {
    fn new(signal: &'a DrainSignal) -> Self {
        Waiting { signal, key: None }
    }

    fn poll_started(&mut self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        self.signal.poll_started(&mut self.key, cx)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.signal.leave(self.key);
    }
}
