//! Tokio: a current-thread runtime, a task a connection, as its users write it.

use std::future::Future;
use std::io;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ringmill::DriverKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

use super::{Servers, hyper_service};
use crate::server;

pub const SERVERS: Servers = Servers {
    echo: Some(echo),
    http: Some(http),
};

/// The buffer of each connection, as in Tokio's own examples.
const BUFFER: usize = 8 * 1024;

fn echo(_: DriverKind) -> io::Result<()> {
    accept_each(|mut stream| async move {
        let mut buffer = vec![0; BUFFER];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    if stream.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
}

fn http(_: DriverKind) -> io::Result<()> {
    let builder = hyper_service::builder(TokioTimer::new());
    accept_each(move |stream| {
        let connection =
            builder.serve_connection(TokioIo::new(stream), service_fn(hyper_service::hello));
        async move {
            // A connection that breaks off shows in the generator's own count of errors.
            let _ = connection.await;
        }
    })
}

/// Accepts for ever and spawns a task for each connection.
fn accept_each<C>(connection: impl Fn(TcpStream) -> C) -> io::Result<()>
where
    C: Future<Output = ()> + Send + 'static,
{
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = server::listen()?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        server::announce(listener.local_addr()?, None)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream));
        }
    })
}
