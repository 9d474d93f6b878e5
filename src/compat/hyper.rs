//! hyper on Ringmill: its `rt` traits for this runtime, and an HTTP/1.1 server.
//!
//! - [`TcpStream`](crate::net::TcpStream) implements `hyper::rt::{Read, Write}`, so any of hyper's
//!   connections, client or server, runs over it directly.
//! - [`LoopExecutor`] spawns on the current loop, [`LoopTimer`] sleeps on it.
//! - [`serve`] is a whole server on every loop; [`Http1::serve_connection`] is the part of it that
//!   handles one connection, for servers that accept by themselves.
//!
//! Nothing here asks for `Send`: services, bodies and the futures of handlers stay on their loop.
//! Upgrades are the exception, as hyper's `with_upgrades` wants a `Send` stream.
//!
//! ```
//! use http_body_util::Full;
//! use hyper::body::{Bytes, Incoming};
//! use hyper::service::service_fn;
//! use hyper::{Request, Response};
//! use ringmill::net::TcpStream;
//! use std::convert::Infallible;
//!
//! async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringmill::Builder::new().loops(1).build()?.block_on(async {
//!     ringmill::hyper::serve("127.0.0.1:0", service_fn(hello))
//!         .on_ready(|address| {
//!             ringmill::spawn(async move {
//!                 let mut client = TcpStream::connect(address).await.unwrap();
//!                 client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
//!                 let mut status = [0; 12];
//!                 client.read_exact(&mut status).await.unwrap();
//!                 assert_eq!(&status, b"HTTP/1.0 200");
//!                 ringmill::Handle::current().drain();
//!             });
//!         })
//!         .await
//! })?;
//! # Ok(())
//! # }
//! ```

mod draining;
mod http1;
mod lingering;
mod rt;
mod serve;

pub use http1::Http1;
pub use rt::{LoopExecutor, LoopTimer};
pub use serve::{Serve, serve, serve_with};
