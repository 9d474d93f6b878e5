//! The command line.

use std::env;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ringmill::DriverKind;
use serde::{Deserialize, Serialize};

use crate::campaign::Plan;
use crate::deny::DenyArguments;
use crate::micro;
use crate::peers::Peer;
use crate::workload::Workload;

/// More bytes than this in flight on one connection could fill a socket's send buffer, and the
/// generator counts on its sends completing at once.
const MAX_BYTES_IN_FLIGHT: usize = 64 * 1024;

/// What `--quick` sets: a smoke test, not a measurement.
const QUICK: Pace = Pace {
    rounds: 2,
    seconds: 0.4,
    warm_up: 0.15,
};

/// Measures what Ringmill and its peers spend on the same work.
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
    /// Channels between two loops, or two runtimes, within a process.
    Channel(MicroArguments),
    /// Closures that might block, to the pool and back.
    Blocking(MicroArguments),
    /// Locks, semaphores and the like, wanted by one task and by many.
    Sync(MicroArguments),
    /// Tasks: started, waited for, woken, asleep.
    Task(MicroArguments),
    /// Timers, alone and beside a million others.
    Timer(MicroArguments),
    /// A runtime made and ended.
    Start(MicroArguments),
    /// Files, read and written, from the page cache and past it.
    File(FileArguments),
    /// Runs a program where io_uring is denied, as in a hardened container.
    Deny(DenyArguments),
    /// The server's process.
    #[command(name = "__serve", hide = true)]
    Serve(ServeArguments),
    /// The load generator's process.
    #[command(name = "__load", hide = true)]
    Load(LoadArguments),
    /// The process of one measurement without a wire.
    #[command(name = "__measure", hide = true)]
    Measure(MeasureArguments),
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

/// What both workloads with a server take.
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
    /// The processor that the server is pinned to.
    #[arg(long, default_value_t = 0)]
    server_cpu: usize,
    /// The processor that the load generator is pinned to.
    #[arg(long, default_value_t = 1)]
    load_cpu: usize,
    #[command(flatten)]
    pace: PaceArguments,
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
            pace: self.pace.pace(),
            server_cpu: self.server_cpu,
            load_cpu: self.load_cpu,
            json: self.pace.json,
        }
    }
}

#[derive(Args)]
pub struct MicroArguments {
    /// Cases to measure; by default all, and a wrong one has them named.
    cases: Vec<String>,
    /// Peers to measure; by default all that a case has.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Peers that the others are compared with, round by round; measured too.
    #[arg(long, value_delimiter = ',', default_value = "tokio")]
    against: Vec<String>,
    /// The processors of the two loops or runtimes.
    #[arg(long, value_name = "CPU,CPU", value_parser = two_cpus, default_value = "0,1")]
    cpus: [usize; 2],
    #[command(flatten)]
    pace: PaceArguments,
}

impl MicroArguments {
    pub fn plan(self) -> micro::campaign::Plan {
        micro::campaign::Plan {
            cases: self.cases,
            peers: self.peers,
            against: self.against,
            pace: self.pace.pace(),
            cpus: self.cpus,
            directory: env::temp_dir(),
            json: self.pace.json,
        }
    }
}

#[derive(Args)]
pub struct FileArguments {
    /// Where the test files are made, in a directory that is removed at the end; by default where
    /// temporary files are.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    micro: MicroArguments,
}

impl FileArguments {
    pub fn plan(self) -> micro::campaign::Plan {
        micro::campaign::Plan {
            directory: self.directory.unwrap_or_else(env::temp_dir),
            ..self.micro.plan()
        }
    }
}

/// How often and how long, which every workload takes.
#[derive(Args)]
struct PaceArguments {
    /// Interleaved rounds; the order of the peers rotates from one to the next.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Seconds of load before each measurement.
    #[arg(long, default_value_t = 0.3)]
    warm_up: f64,
    /// Also write every sample, the summary and the machine to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Two short rounds: shows that everything runs, measures nothing.
    #[arg(long)]
    quick: bool,
}

impl PaceArguments {
    fn pace(&self) -> Pace {
        if self.quick {
            return QUICK;
        }
        Pace {
            rounds: self.rounds,
            seconds: self.seconds,
            warm_up: self.warm_up,
        }
    }
}

/// How often and how long everything is measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Pace {
    pub rounds: usize,
    pub seconds: f64,
    pub warm_up: f64,
}

impl Pace {
    /// # Errors
    /// When it makes no sense.
    pub fn check(&self) -> io::Result<()> {
        let refuse = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if self.rounds == 0 {
            return refuse("no rounds");
        }
        // Written so that NaN is refused too.
        let sensible = self.seconds > 0.0 && self.warm_up >= 0.0;
        if !sensible || self.seconds + self.warm_up > 3_600.0 {
            return refuse("the seconds make no sense");
        }
        Ok(())
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

fn two_cpus(text: &str) -> Result<[usize; 2], String> {
    let numbers: Vec<usize> = text
        .split(',')
        .map(|number| {
            number
                .parse()
                .map_err(|_| format!("{number:?} is no number"))
        })
        .collect::<Result<_, _>>()?;
    numbers
        .try_into()
        .map_err(|_| String::from("two numbers are needed, such as 0,1"))
}

#[derive(Args)]
pub struct MeasureArguments {
    pub suite: String,
    pub case: String,
    pub peer: String,
    #[arg(long, value_parser = two_cpus)]
    pub cpus: [usize; 2],
    /// Where the test files are; empty where a suite has none.
    #[arg(long)]
    pub directory: PathBuf,
    #[arg(long)]
    pub warm_up: f64,
    #[arg(long)]
    pub seconds: f64,
    #[arg(long)]
    pub parent: u32,
}
