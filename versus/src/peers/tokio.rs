//! Tokio: a current-thread runtime, a task a connection, as its users write it. What a connection
//! does is the same on Tokio's other runtimes (`tokio_multi`, `tokio_per_core`).

use std::future::Future;
use std::io;
use std::net;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};

use super::{Server, Servers, hyper_service, work};
use crate::server::{self, Orders};

pub const SERVERS: Servers = Servers {
    echo: Some(Server::Here(|orders| one_thread(orders, echo))),
    http: Some(Server::Here(|orders| one_thread(orders, http))),
    work: None,
};

/// The buffer of each connection, as in Tokio's own examples.
const BUFFER: usize = 8 * 1024;

/// What comes on a connection goes back.
pub async fn echo(listener: TcpListener) -> io::Result<()> {
    echo_after(listener, |_| {}).await
}

/// The same, after the work that every peer does.
pub async fn work(listener: TcpListener) -> io::Result<()> {
    echo_after(listener, |message| {
        work::compute(message);
    })
    .await
}

async fn echo_after(listener: TcpListener, before: fn(&[u8])) -> io::Result<()> {
    accept_each(listener, move |mut stream| async move {
        let mut buffer = vec![0; BUFFER];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    before(&buffer[..read]);
                    if stream.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await
}

/// hyper on each connection.
pub async fn http(listener: TcpListener) -> io::Result<()> {
    let builder = hyper_service::builder(TokioTimer::new());
    accept_each(listener, move |stream| {
        let connection =
            builder.serve_connection(TokioIo::new(stream), service_fn(hyper_service::hello));
        async move {
            // A connection that breaks off shows in the generator's own count of errors.
            let _ = connection.await;
        }
    })
    .await
}

/// Serves on this thread.
fn one_thread<S>(orders: &Orders, serve: impl FnOnce(TcpListener) -> S) -> io::Result<()>
where
    S: Future<Output = io::Result<()>>,
{
    current_thread()?.block_on(async {
        let listener = listener(orders.listen()?)?;
        server::announce(listener.local_addr()?, None)?;
        serve(listener).await
    })
}

/// A runtime that is one thread.
pub fn current_thread() -> io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

/// A listener of the current runtime.
pub fn listener(blocking: net::TcpListener) -> io::Result<TcpListener> {
    blocking.set_nonblocking(true)?;
    TcpListener::from_std(blocking)
}

/// Accepts for ever and spawns a task for each connection.
async fn accept_each<C>(
    listener: TcpListener,
    connection: impl Fn(TcpStream) -> C,
) -> io::Result<()>
where
    C: Future<Output = ()> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(stream));
    }
}
