//! Tokio's multi-thread runtime, with a worker for each processor. One listener; a task may go to
//! another worker whenever that one has nothing to do.

use std::future::Future;
use std::io;

use tokio::net::TcpListener;
use tokio::runtime;

use super::{Server, Servers, tokio as service};
use crate::server::{self, Orders};

pub const SERVERS: Servers = Servers {
    echo: Some(Server::Here(|orders| serve(orders, service::echo))),
    http: Some(Server::Here(|orders| serve(orders, service::http))),
    work: Some(Server::Here(|orders| serve(orders, service::work))),
};

fn serve<S>(
    orders: &Orders,
    serve: impl FnOnce(TcpListener) -> S + Send + 'static,
) -> io::Result<()>
where
    S: Future<Output = io::Result<()>> + Send + 'static,
{
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(orders.cpus.len())
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = service::listener(orders.listen()?)?;
        server::announce(listener.local_addr()?, None)?;
        // On a worker: from this thread, which is none, each new task would take a detour.
        tokio::spawn(serve(listener)).await?
    })
}
