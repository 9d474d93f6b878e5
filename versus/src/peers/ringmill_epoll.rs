//! Ringmill on epoll: beside `ringmill` in one run, what io_uring is worth to it.

use ::ringmill::DriverKind;

use super::{Server, Servers, ringmill};

pub const SERVERS: Servers = Servers {
    echo: Some(Server::Here(|orders| {
        ringmill::echo(DriverKind::Epoll, orders)
    })),
    http: Some(Server::Here(|orders| {
        ringmill::http(DriverKind::Epoll, orders)
    })),
    work: Some(Server::Here(|orders| {
        ringmill::work(DriverKind::Epoll, orders)
    })),
};
