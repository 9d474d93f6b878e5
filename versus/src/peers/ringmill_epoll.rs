//! Ringmill on epoll: beside `ringmill` in one run, what io_uring is worth to it.

use ::ringmill::DriverKind;

use super::{Servers, ringmill};

pub const SERVERS: Servers = Servers {
    echo: Some(|_| ringmill::echo(DriverKind::Epoll)),
    http: Some(|_| ringmill::http(DriverKind::Epoll)),
};
