//! The kinds of work that a server can be asked to do.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What travels between the generator and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// The server sends every byte back.
    Echo,
    /// The server answers `GET /` over HTTP/1.1 with a small fixed body.
    Http,
    /// An echo whose server computes for a while before it answers (`peers::work`).
    Work,
}

impl Workload {
    /// The name on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Http => "http",
            Self::Work => "work",
        }
    }
}
