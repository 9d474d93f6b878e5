//! HTTP servers: composed of what is looked at elsewhere, and of users' futures.

use crate::kit::tcp::pair_with_std;
use crate::table::Table;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use ringmill::Drain;
use ringmill::hyper::{Http1, serve};
use std::convert::Infallible;
use std::future::{IntoFuture, pending};
use std::io::Write;

async fn answer(_: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    Ok(Response::new(Empty::new()))
}

pub async fn look_at(table: &Table) {
    let server = || {
        let server = serve("127.0.0.1:0", service_fn(answer));
        server.signals(false).until(pending()).into_future()
    };
    table
        .waiting_row("compat::hyper::serve::Serve", server, || ())
        .await;

    let name = "compat::hyper::http1::serve_connection";
    let (stream, _other) = pair_with_std().await;
    let http = Http1::new();
    let serve = |stream| http.serve_connection(stream, service_fn(answer), Drain::default());
    table.refuses(name, serve(stream)).await;
    let (stream, mut other) = pair_with_std().await;
    let ask = || {
        other
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .unwrap()
    };
    table.waits(name, serve(stream), ask).await;
}
