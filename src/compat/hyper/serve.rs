//! [`serve`]: an HTTP/1.1 server on every loop.

use super::http1::Http1;
use crate::Balance;
use crate::net::{ListenOptions, ToSocketAddrs};
use ::hyper::body::{Body, Incoming};
use ::hyper::service::Service;
use ::hyper::{Request, Response};
use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// Serves HTTP/1.1 on every loop of the current runtime.
///
/// Each loop gets a clone of the service. Listening, signals and draining are those of
/// [`ringmill::serve`](crate::serve); how a connection is served and drained, that of
/// [`Http1::serve_connection`]. What goes wrong on a connection ends that connection only.
///
/// ```no_run
/// use http_body_util::Full;
/// use hyper::body::{Bytes, Incoming};
/// use hyper::service::service_fn;
/// use hyper::{Request, Response};
/// use std::convert::Infallible;
///
/// async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
///     Ok(Response::new(Full::from(format!("you asked for {}", request.uri()))))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = ringmill::Runtime::new()?;
/// runtime.block_on(async { ringmill::hyper::serve("127.0.0.1:8080", service_fn(hello)).await })?;
/// # Ok(())
/// # }
/// ```
pub fn serve<A, S>(address: A, service: S) -> Serve<A, impl FnOnce() -> S + Clone + Send + 'static>
where
    A: ToSocketAddrs,
    S: Service<Request<Incoming>> + Clone + Send + 'static,
{
    serve_with(address, move || service)
}

/// As [`serve`], with a service that is made on each loop.
///
/// `make` travels to the loop and is called there once; all connections of the loop share what it
/// makes, which need be neither `Send` nor `Clone`.
///
/// ```no_run
/// use http_body_util::Full;
/// use hyper::Response;
/// use hyper::body::Bytes;
/// use hyper::service::service_fn;
/// use std::{cell::Cell, convert::Infallible, rc::Rc};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let make = || {
///     let visits = Rc::new(Cell::new(0));
///     service_fn(move |_request| {
///         visits.set(visits.get() + 1);
///         let text = Bytes::from(format!("visit {} on this loop\n", visits.get()));
///         async { Ok::<_, Infallible>(Response::new(Full::new(text))) }
///     })
/// };
/// let runtime = ringmill::Runtime::new()?;
/// runtime.block_on(async { ringmill::hyper::serve_with("127.0.0.1:8080", make).await })?;
/// # Ok(())
/// # }
/// ```
pub fn serve_with<A, M, S>(address: A, make: M) -> Serve<A, M>
where
    A: ToSocketAddrs,
    M: FnOnce() -> S + Clone + Send + 'static,
    S: Service<Request<Incoming>> + 'static,
{
    Serve {
        server: crate::Serve::new(address, make),
        http: Http1::new(),
    }
}

/// An HTTP server to be; see [`serve`].
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<A, M> {
    server: crate::Serve<A, M>,
    http: Http1,
}

impl<A, M> Serve<A, M> {
    /// The settings of each connection.
    pub fn http1(mut self, http: Http1) -> Self {
        self.http = http;
        self
    }

    /// As [`Serve::drain_timeout`](crate::Serve::drain_timeout). Default 10 s.
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.server = self.server.drain_timeout(limit);
        self
    }

    /// As [`Serve::balance`](crate::Serve::balance). Default [`Balance::LeastLoaded`].
    pub fn balance(mut self, balance: Balance) -> Self {
        self.server = self.server.balance(balance);
        self
    }

    /// As [`Serve::listen_options`](crate::Serve::listen_options).
    pub fn listen_options(mut self, options: ListenOptions) -> Self {
        self.server = self.server.listen_options(options);
        self
    }

    /// As [`Serve::on_ready`](crate::Serve::on_ready).
    pub fn on_ready(mut self, ready: impl FnOnce(SocketAddr) + 'static) -> Self {
        self.server = self.server.on_ready(ready);
        self
    }

    /// As [`Serve::until`](crate::Serve::until).
    pub fn until(mut self, stop: impl Future<Output = ()> + 'static) -> Self {
        self.server = self.server.until(stop);
        self
    }

    /// As [`Serve::signals`](crate::Serve::signals). Default yes.
    pub fn signals(mut self, heed: bool) -> Self {
        self.server = self.server.signals(heed);
        self
    }
}

impl<A, M, S, B> IntoFuture for Serve<A, M>
where
    A: ToSocketAddrs + 'static,
    M: FnOnce() -> S + Clone + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>>>>;

    fn into_future(self) -> Self::IntoFuture {
        let Serve { server, http } = self;
        let server = server.map_make(|make| {
            move || {
                let service = Rc::new(make());
                // Errors of a connection have been told to its client where there was a way; there
                // is nobody else to tell.
                move |stream, drain| http.serve_connection(stream, service.clone(), drain)
            }
        });
        server.into_future()
    }
}

impl<A, M> fmt::Debug for Serve<A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("server", &self.server)
            .field("http", &self.http)
            .finish()
    }
}
