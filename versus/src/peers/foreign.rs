//! The peers that are programs of their own, under `versus/peers`: what they serve.

use super::{Server, Servers};

const BOTH: Servers = Servers {
    echo: Some(Server::Foreign),
    http: Some(Server::Foreign),
    work: None,
};

pub const MONOIO: Servers = BOTH;
pub const GLOMMIO: Servers = BOTH;
pub const COMPIO: Servers = BOTH;
