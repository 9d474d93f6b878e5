//! Tokio without its work stealing: a current-thread runtime on each processor, each with a listener
//! of its own on the same port. What a user of Tokio writes who wants a thread per core.

use std::future::Future;
use std::io;

use tokio::net::TcpListener;

use super::{Server, Servers, tokio as service};
use crate::server::Orders;

pub const SERVERS: Servers = Servers {
    echo: Some(Server::Here(|orders| serve(orders, service::echo))),
    http: Some(Server::Here(|orders| serve(orders, service::http))),
    work: Some(Server::Here(|orders| serve(orders, service::work))),
};

fn serve<S>(
    orders: &Orders,
    serve: impl FnOnce(TcpListener) -> S + Clone + Send + 'static,
) -> io::Result<()>
where
    S: Future<Output = io::Result<()>>,
{
    orders.each_processor(move |share| {
        let serve = serve.clone();
        service::current_thread()?.block_on(async move {
            share.ready()?;
            serve(service::listener(share.listener)?).await
        })
    })
}
