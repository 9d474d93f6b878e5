//! Ringmill: a loop for each processor, a task a connection, as its users write it.

use std::future::Future;
use std::io;

use hyper::service::service_fn;
use ringmill::DriverKind;
use ringmill::hyper::LoopTimer;
use ringmill::net::TcpStream;

use super::{Server, Servers, hyper_service, work};
use crate::server::{self, Orders};

pub const SERVERS: Servers = Servers {
    echo: Some(Server::Here(|orders| echo(orders.driver, orders))),
    http: Some(Server::Here(|orders| http(orders.driver, orders))),
    work: Some(Server::Here(|orders| work(orders.driver, orders))),
};

/// By leased buffers, the way that the documentation shows first: a connection at rest then holds
/// none, as in the hand-written loop.
pub fn echo(driver: DriverKind, orders: &Orders) -> io::Result<()> {
    serve(driver, orders, |mut stream| async move {
        while let Ok(Some(bytes)) = stream.recv().await {
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    })
}

/// An echo after the work that every peer does.
pub fn work(driver: DriverKind, orders: &Orders) -> io::Result<()> {
    serve(driver, orders, |mut stream| async move {
        while let Ok(Some(bytes)) = stream.recv().await {
            work::compute(&bytes);
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    })
}

/// With hyper's settings of all peers, and so without `ringmill::hyper::serve`, which has its own.
pub fn http(driver: DriverKind, orders: &Orders) -> io::Result<()> {
    let builder = hyper_service::builder(LoopTimer);
    serve(driver, orders, move |stream| {
        let connection = builder.serve_connection(stream, service_fn(hyper_service::hello));
        async move {
            // A connection that breaks off shows in the generator's own count of errors.
            let _ = connection.await;
        }
    })
}

/// Accepts for ever on every loop, as many as there are processors, and runs a task for each
/// connection.
fn serve<C>(
    driver: DriverKind,
    orders: &Orders,
    connection: impl Fn(TcpStream) -> C + Clone + Send + 'static,
) -> io::Result<()>
where
    C: Future<Output = ()> + 'static,
{
    let runtime = ringmill::Builder::new()
        .loops(orders.cpus.len())
        .driver(driver)
        .build()?;
    let driver = runtime.handle().driver();
    let address = ("127.0.0.1", orders.port);
    runtime.block_on(async {
        ringmill::serve(address, move |stream, _| connection(stream))
            .on_ready(move |address| {
                // A parent that hears nothing ends this process.
                let _ = server::announce(address, Some(driver));
            })
            .await
    })
}
