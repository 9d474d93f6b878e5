//! [`Http1`]: the settings of HTTP/1.1 connections, and serving one.

use super::draining::DrainingService;
use super::lingering::LingeringStream;
use super::rt::LoopTimer;
use crate::net::TcpStream;
use crate::{Drain, time};
use ::hyper::body::{Body, Incoming};
use ::hyper::server::conn::http1;
use ::hyper::service::Service;
use ::hyper::{Request, Response};
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

/// How long a client may take from one request's end to the end of the next one's head; hyper's own
/// default, which without a timer is silently off.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection without a request stays open once its server drains: a request that is on
/// its way by then arrives within a round trip, and gets its answer.
const LAST_CALL: Duration = Duration::from_millis(100);

/// Settings of HTTP/1.1 connections that are served.
///
/// Each connection is kept alive between requests, closed if the head of a request takes longer
/// than the timeout, and answered to the end if the client shuts its sending side down after a
/// request. The loop's timer is always set.
#[derive(Clone, Debug)]
pub struct Http1 {
    builder: http1::Builder,
}

impl Http1 {
    /// The default settings.
    pub fn new() -> Self {
        // Without `pipeline_flush`: it holds answers back while there are unparsed bytes, for good
        // if these are a malformed request or the connection closes. The stream gathers anyway.
        let mut builder = http1::Builder::new();
        builder
            .timer(LoopTimer)
            .header_read_timeout(HEADER_READ_TIMEOUT)
            .half_close(true);
        Http1 { builder }
    }

    /// How long a client may take from one request's end (or from connecting) to the end of the
    /// next one's head, before the connection is closed. Default 30 s.
    pub fn header_read_timeout(mut self, limit: Duration) -> Self {
        self.builder.header_read_timeout(limit);
        self
    }

    /// Whether a connection serves several requests. Default yes.
    pub fn keep_alive(mut self, keep_alive: bool) -> Self {
        self.builder.keep_alive(keep_alive);
        self
    }

    /// Whether a client that ends its sending side still gets its answer. Default yes. With no, the
    /// end of its stream cancels the handler, which also ends the work for clients that are gone.
    pub fn half_close(mut self, half_close: bool) -> Self {
        self.builder.half_close(half_close);
        self
    }

    /// Changes any other setting of hyper's builder.
    ///
    /// ```
    /// # use ringmill::hyper::Http1;
    /// let http = Http1::new().configure(|builder| {
    ///     builder.max_headers(32).max_buf_size(64 * 1024);
    /// });
    /// ```
    pub fn configure(mut self, change: impl FnOnce(&mut http1::Builder)) -> Self {
        change(&mut self.builder);
        self
    }

    /// Serves one connection, to its end.
    ///
    /// Once `drain` starts, answers carry `Connection: close`, and after 100 ms without a request
    /// the connection is closed; a request in flight is finished. [`Drain::default`] gives one to
    /// [start](Drain::start) yourself, or never. A connection is closed in stages: the sending side, then, when the client has
    /// closed too or after 1 s, the rest.
    ///
    /// # Errors
    ///
    /// What ended the connection other than its orderly end: a malformed request, the header
    /// timeout, a reset, an error of the service or of a body.
    ///
    /// # Panics
    ///
    /// Its polls panic outside of the stream's loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the connection, with the handler of a request in flight. What has been
    /// written is sent.
    pub fn serve_connection<S, B>(
        &self,
        stream: TcpStream,
        service: S,
        drain: Drain,
    ) -> impl Future<Output = ::hyper::Result<()>> + use<S, B>
    where
        S: Service<Request<Incoming>, Response = Response<B>>,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let service = DrainingService {
            service,
            drain: drain.clone(),
        };
        let connection = self
            .builder
            .serve_connection(LingeringStream::new(stream), service);
        async move {
            let mut connection = pin!(connection);
            let mut last_call = pin!(async {
                drain.started().await;
                time::sleep(LAST_CALL).await;
            });
            let mut is_open = true;
            poll_fn(|cx| {
                let served = connection.as_mut().poll(cx);
                if served.is_pending() && is_open && last_call.as_mut().poll(cx).is_ready() {
                    is_open = false;
                    connection.as_mut().graceful_shutdown();
                    return connection.as_mut().poll(cx);
                }
                served
            })
            .await
        }
    }
}

impl Default for Http1 {
    fn default() -> Self {
        Http1::new()
    }
}
