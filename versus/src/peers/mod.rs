//! The servers that are compared. One file each, all of them plain functions.
//!
//! To add one: write `peers/NAME.rs` with a `pub const SERVERS: Servers`, declare it below, give it
//! a line in the table. A server listens by [`Orders::listen`] (or binds the port by its own means),
//! calls [`crate::server::announce`], and serves for ever on the processors that it is given, or on
//! one thread if it knows no better; [`Orders::each_processor`] does all of that for a runtime that
//! is one thread.
//!
//! Peers whose libraries may fail to build are programs of their own (`foreign`).

pub mod hyper_service;

mod epoll;
mod foreign;
mod ring;
mod ringmill;
mod ringmill_epoll;
mod tokio;
mod tokio_multi;
mod tokio_per_core;
mod work;

use std::fmt;
use std::io;

use clap::ValueEnum;

use crate::server::Orders;
use crate::workload::Workload;

/// Tokio and its other modes, in whatever workload: of those that take part the best is compared with.
/// (`tokio-types` are its types on loops of Ringmill's.)
pub const TOKIO: [&str; 5] = [
    "tokio",
    "tokio-multi",
    "tokio-per-core",
    "tokio-local",
    "tokio-local-runtime",
];

/// Serves until the process is killed; returning is an error.
pub type Serve = fn(&Orders) -> io::Result<()>;

/// Where a peer's server is.
#[derive(Clone, Copy, Debug)]
pub enum Server {
    /// In this program.
    Here(Serve),
    /// In a program of its own; see [`crate::foreign`].
    Foreign,
}

/// What a peer can do.
pub struct Servers {
    pub echo: Option<Server>,
    pub http: Option<Server>,
    /// An echo after some work (`work`).
    pub work: Option<Server>,
}

/// Makes the enum and its way to each module's `SERVERS` from one table.
macro_rules! peers {
    ($($(#[$doc:meta])* $variant:ident => $servers:path,)*) => {
        /// A server to measure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
        pub enum Peer {
            $($(#[$doc])* $variant,)*
        }

        impl Peer {
            fn servers(self) -> Servers {
                match self {
                    $(Self::$variant => $servers,)*
                }
            }
        }
    };
}

peers! {
    /// Ringmill
    Ringmill => self::ringmill::SERVERS,
    /// Ringmill on epoll, whatever `--driver` says
    RingmillEpoll => self::ringmill_epoll::SERVERS,
    /// Tokio's current-thread runtime; over HTTP, hyper on it
    Tokio => self::tokio::SERVERS,
    /// Tokio's multi-thread runtime, a worker for each processor
    TokioMulti => self::tokio_multi::SERVERS,
    /// A current-thread runtime of Tokio's on each processor, with a listener of its own
    TokioPerCore => self::tokio_per_core::SERVERS,
    /// monoio, an executor on each processor
    Monoio => self::foreign::MONOIO,
    /// glommio, an executor on each processor
    Glommio => self::foreign::GLOMMIO,
    /// compio, a runtime on each processor
    Compio => self::foreign::COMPIO,
    /// A hand-written io_uring loop: what a runtime can hope for
    Ring => self::ring::SERVERS,
    /// A hand-written epoll loop: what a runtime on epoll can hope for
    Epoll => self::epoll::SERVERS,
}

impl Peer {
    /// The server for a workload, if the peer has one.
    pub fn serving(self, workload: Workload) -> Option<Server> {
        match workload {
            Workload::Echo => self.servers().echo,
            Workload::Http => self.servers().http,
            Workload::Work => self.servers().work,
        }
    }
}

/// The name on the command line.
impl fmt::Display for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_possible_value() {
            Some(value) => out.write_str(value.get_name()),
            None => fmt::Debug::fmt(self, out),
        }
    }
}
