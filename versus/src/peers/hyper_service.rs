//! The HTTP service and hyper's settings: the same for every peer that runs hyper, so that only
//! the runtime beneath differs.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::rt::Timer;
use hyper::server::conn::http1;
use hyper::{Method, Request, Response, StatusCode};

/// hyper's own default; it takes effect only with a timer, which a real server has.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

const BODY: Bytes = Bytes::from_static(b"Hello, World!");

/// The connection builder of every peer; only the timer is the runtime's own.
pub fn builder(timer: impl Timer + Send + Sync + 'static) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(timer)
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .keep_alive(true)
        .pipeline_flush(true);
    builder
}

/// `GET /` is answered with a fixed text, anything else with 404; hyper adds the length and the date.
pub async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let known = request.method() == Method::GET && request.uri().path() == "/";
    let mut response = Response::new(Full::new(if known { BODY } else { Bytes::new() }));
    if !known {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}
