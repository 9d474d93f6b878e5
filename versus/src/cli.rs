//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ringmill::DriverKind;

use crate::campaign::Plan;
use crate::deny::DenyArguments;
use crate::peers::Peer;
use crate::workload::Workload;

/// More bytes than this in flight on one connection could fill a socket's send buffer, and the
/// generator counts on its sends completing at once.
const MAX_BYTES_IN_FLIGHT: usize = 64 * 1024;

/// The rounds and seconds that `--quick` sets: a smoke test, not a measurement.
const QUICK_ROUNDS: usize = 2;
const QUICK_SECONDS: f64 = 0.4;
const QUICK_WARM_UP: f64 = 0.15;

/// Measures the CPU time that servers spend on a request.
#[derive(Parser)]
#[command(name = "versus")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// A TCP echo: every message comes back.
    Echo(EchoArguments),
    /// HTTP/1.1 keep-alive with hyper: `GET /`, a small fixed answer.
    Http(HttpArguments),
    /// Runs a program where io_uring is denied, as in a hardened container.
    Deny(DenyArguments),
    /// The server's process.
    #[command(name = "__serve", hide = true)]
    Serve(ServeArguments),
    /// The load generator's process.
    #[command(name = "__load", hide = true)]
    Load(LoadArguments),
}

#[derive(Args)]
pub struct EchoArguments {
    /// Connections, one table row each.
    #[arg(long, value_delimiter = ',', default_value = "64,1000")]
    connections: Vec<usize>,
    /// Bytes in a message.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=65536))]
    size: u32,
    /// Messages outstanding on each connection.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    depth: Vec<usize>,
    #[command(flatten)]
    rounds: RoundArguments,
}

impl EchoArguments {
    pub fn plan(self) -> Plan {
        self.rounds
            .plan(Workload::Echo, self.connections, self.depth, self.size)
    }
}

#[derive(Args)]
pub struct HttpArguments {
    /// Connections, one table row each.
    #[arg(long, value_delimiter = ',', default_value = "64")]
    connections: Vec<usize>,
    /// Requests outstanding on each connection.
    #[arg(long, value_delimiter = ',', default_value = "1,16")]
    pipeline: Vec<usize>,
    #[command(flatten)]
    rounds: RoundArguments,
}

impl HttpArguments {
    pub fn plan(self) -> Plan {
        self.rounds
            .plan(Workload::Http, self.connections, self.pipeline, 0)
    }
}

/// What both workloads take.
#[derive(Args)]
struct RoundArguments {
    /// Peers to measure; by default those that serve the workload and count as usual.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// Peers that the others are compared with, round by round; measured too.
    #[arg(long, value_delimiter = ',', default_value = "tokio")]
    against: Vec<Peer>,
    /// How the peer `ringmill` speaks to the kernel: auto, uring or epoll.
    #[arg(long, default_value_t = DriverKind::Auto)]
    driver: DriverKind,
    /// Interleaved rounds; the order of the peers rotates from one to the next.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Seconds of load before each measurement.
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
    /// The processor that the server is pinned to.
    #[arg(long, default_value_t = 0)]
    server_cpu: usize,
    /// The processor that the load generator is pinned to.
    #[arg(long, default_value_t = 1)]
    load_cpu: usize,
    /// Also write every sample, the summary and the machine to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Two short rounds: shows that everything runs, measures nothing.
    #[arg(long)]
    quick: bool,
}

impl RoundArguments {
    fn plan(
        self,
        workload: Workload,
        connections: Vec<usize>,
        depths: Vec<usize>,
        size: u32,
    ) -> Plan {
        Plan {
            workload,
            connections,
            depths,
            size: size as usize,
            peers: self.peers,
            against: self.against,
            driver: self.driver,
            rounds: if self.quick {
                QUICK_ROUNDS
            } else {
                self.rounds
            },
            seconds: if self.quick {
                QUICK_SECONDS
            } else {
                self.seconds
            },
            warm_up: if self.quick {
                QUICK_WARM_UP
            } else {
                self.warm_up
            },
            server_cpu: self.server_cpu,
            load_cpu: self.load_cpu,
            json: self.json,
        }
    }
}

/// The largest depth that a message size allows; see [`MAX_BYTES_IN_FLIGHT`].
pub fn deepest(message: usize) -> usize {
    (MAX_BYTES_IN_FLIGHT / message.max(1)).max(1)
}

#[derive(Args)]
pub struct ServeArguments {
    pub peer: Peer,
    pub workload: Workload,
    #[arg(long)]
    pub driver: DriverKind,
    #[arg(long)]
    pub cpu: usize,
    #[arg(long)]
    pub parent: u32,
}

#[derive(Args)]
pub struct LoadArguments {
    pub workload: Workload,
    #[arg(long)]
    pub port: u16,
    /// The process whose CPU clock is read at both ends of the window.
    #[arg(long)]
    pub server_pid: libc::pid_t,
    #[arg(long)]
    pub connections: usize,
    #[arg(long)]
    pub depth: usize,
    #[arg(long)]
    pub size: usize,
    #[arg(long)]
    pub warm_up: f64,
    #[arg(long)]
    pub seconds: f64,
    #[arg(long)]
    pub cpu: usize,
    #[arg(long)]
    pub parent: u32,
}

impl LoadArguments {
    /// The time before the window, the window's own length.
    pub fn phases(&self) -> (Duration, Duration) {
        (
            Duration::from_secs_f64(self.warm_up),
            Duration::from_secs_f64(self.seconds),
        )
    }
}
