//! Ringmill: one loop, a task a connection, as its users write it.

use std::future::Future;
use std::io;

use hyper::service::service_fn;
use ringmill::DriverKind;
use ringmill::hyper::LoopTimer;
use ringmill::net::{TcpListener, TcpStream};

use super::{Servers, hyper_service};
use crate::server;

pub const SERVERS: Servers = Servers {
    echo: Some(echo),
    http: Some(http),
};

/// By leased buffers, the way that the documentation shows first: a connection at rest then holds
/// none, as in the hand-written loop.
pub fn echo(driver: DriverKind) -> io::Result<()> {
    accept_each(driver, |mut stream| async move {
        while let Ok(Some(bytes)) = stream.recv().await {
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    })
}

pub fn http(driver: DriverKind) -> io::Result<()> {
    let builder = hyper_service::builder(LoopTimer);
    accept_each(driver, move |stream| {
        let connection = builder.serve_connection(stream, service_fn(hyper_service::hello));
        async move {
            // A connection that breaks off shows in the generator's own count of errors.
            let _ = connection.await;
        }
    })
}

/// Accepts for ever and spawns a task for each connection.
fn accept_each<C>(driver: DriverKind, connection: impl Fn(TcpStream) -> C) -> io::Result<()>
where
    C: Future<Output = ()> + 'static,
{
    let runtime = ringmill::Builder::new().loops(1).driver(driver).build()?;
    let driver = runtime.handle().driver();
    runtime.block_on(async {
        let mut listener = TcpListener::from_std(server::listen()?)?;
        server::announce(listener.local_addr()?, Some(driver))?;
        loop {
            let (stream, _) = listener.accept().await?;
            drop(ringmill::spawn(connection(stream)));
        }
    })
}
