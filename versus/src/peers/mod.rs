//! The servers that are compared. One file each, all of them plain functions.
//!
//! To add one: write `peers/NAME.rs` with a `pub const SERVERS: Servers`, declare it below, give it
//! a line in the table. A server calls [`crate::server::listen`] (or binds a loopback port by its
//! own means), then [`crate::server::announce`], then serves for ever on one thread.

mod epoll;
mod hyper_service;
mod ring;
mod ringmill;
mod ringmill_epoll;
mod tokio;
pub mod work;

use std::fmt;
use std::io;

use ::ringmill::DriverKind;
use clap::ValueEnum;
use serde::{Serialize, Serializer};

use crate::workload::Workload;

/// Serves until the process is killed; returning is an error. Told which driver to take, which only
/// Ringmill has a choice of.
pub type Serve = fn(DriverKind) -> io::Result<()>;

/// What a peer can do.
pub struct Servers {
    pub echo: Option<Serve>,
    pub http: Option<Serve>,
}

/// Makes the enum and its way to each module's `SERVERS` from one table.
macro_rules! peers {
    ($($(#[$doc:meta])* $variant:ident => $module:ident,)*) => {
        /// A server to measure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
        pub enum Peer {
            $($(#[$doc])* $variant,)*
        }

        impl Peer {
            fn servers(self) -> Servers {
                match self {
                    $(Self::$variant => self::$module::SERVERS,)*
                }
            }
        }
    };
}

peers! {
    /// Ringmill
    Ringmill => ringmill,
    /// Ringmill on epoll, whatever `--driver` says
    RingmillEpoll => ringmill_epoll,
    /// Tokio's current-thread runtime; over HTTP, hyper on it
    Tokio => tokio,
    /// A hand-written io_uring loop: what a runtime can hope for
    Ring => ring,
    /// A hand-written epoll loop: what a runtime on epoll can hope for
    Epoll => epoll,
}

impl Peer {
    /// The server for a workload, if the peer has one.
    pub fn serving(self, workload: Workload) -> Option<Serve> {
        match workload {
            Workload::Echo => self.servers().echo,
            Workload::Http => self.servers().http,
            Workload::Work => None,
        }
    }

    /// Whether it has one.
    pub fn serves(self, workload: Workload) -> bool {
        self.serving(workload).is_some()
    }

    /// Why it cannot be started here, after its name.
    pub fn missing(self) -> Option<String> {
        None
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

impl Serialize for Peer {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}
