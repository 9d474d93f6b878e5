//! The command line.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ringmill::DriverKind;
use serde::{Deserialize, Serialize};

use crate::campaign::{self, Plan};
use crate::catalogue::{self, Workload};
use crate::deny::DenyArguments;
use crate::peers::Peer;
use crate::workload::Workload as Protocol;

/// The largest message of an echo.
const MAX_SIZE: usize = 1024 * 1024;

/// What `--quick` sets: a smoke test, not a measurement.
const QUICK: Pace = Pace {
    rounds: 1,
    seconds: 0.25,
    warm_up: 0.1,
};

/// Measures what Ringmill and its peers spend on the same work.
#[derive(Parser)]
#[command(
    name = "versus",
    after_help = "Every other workload of `versus list` is a command too."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// What there is to measure, and whom.
    List,
    /// Measures workloads one after another; by default all.
    Run(RunArguments),
    /// A TCP echo: every message comes back.
    Echo(EchoArguments),
    /// HTTP/1.1 with hyper: `GET /`, a small fixed answer.
    Http(HttpArguments),
    /// Makes the report of a run that was saved as JSON.
    Report(ReportArguments),
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
    /// Any other workload of `versus list`: its cases, by default all.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// What an external subcommand is parsed as, once it is known to be a workload.
#[derive(Parser)]
struct OtherArguments {
    /// Cases to measure; by default all.
    cases: Vec<String>,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Args)]
pub struct RunArguments {
    /// Those of `versus list`.
    workloads: Vec<String>,
    #[command(flatten)]
    common: CommonArguments,
}

impl RunArguments {
    /// # Errors
    /// When there is no such workload.
    pub fn run(self) -> io::Result<()> {
        let mut workloads = catalogue::all();
        for name in &self.workloads {
            known(&workloads, name)?;
        }
        if !self.workloads.is_empty() {
            workloads.retain(|workload| self.workloads.iter().any(|name| name == workload.name));
        }
        campaign::run(&workloads, self.common.plan())
    }
}

/// Measures the workload that the first word names.
///
/// # Errors
/// When there is none of that name, or no such case in it.
pub fn run_other(words: Vec<OsString>) -> io::Result<()> {
    let name = words[0].to_string_lossy().into_owned();
    let workloads = catalogue::all();
    known(&workloads, &name)?;
    let arguments = OtherArguments::parse_from(words);
    let mut chosen: Vec<Workload> = workloads
        .into_iter()
        .filter(|workload| workload.name == name)
        .collect();
    for workload in &mut chosen {
        let cases: Vec<String> = workload.cases.iter().map(|one| one.name.clone()).collect();
        for case in &arguments.cases {
            if !cases.contains(case) {
                let what = format!("case in {name}");
                return Err(campaign::unknown(
                    &what,
                    case,
                    cases.iter().map(String::as_str),
                ));
            }
        }
        if !arguments.cases.is_empty() {
            workload
                .cases
                .retain(|case| arguments.cases.contains(&case.name));
        }
    }
    campaign::run(&chosen, arguments.common.plan())
}

fn known(workloads: &[Workload], name: &str) -> io::Result<()> {
    let mut names = workloads.iter().map(|workload| workload.name);
    if names.clone().any(|one| one == name) {
        return Ok(());
    }
    Err(campaign::unknown("workload", name, names.by_ref()))
}

#[derive(Args)]
pub struct EchoArguments {
    /// Connections, a table each. Without this, --size and --depth: the cases of `versus run`.
    #[arg(long, value_delimiter = ',')]
    connections: Vec<usize>,
    /// Bytes in a message.
    #[arg(long, value_delimiter = ',', value_parser = size)]
    size: Vec<usize>,
    /// Messages outstanding on each connection.
    #[arg(long, value_delimiter = ',')]
    depth: Vec<usize>,
    #[command(flatten)]
    common: CommonArguments,
}

impl EchoArguments {
    /// # Errors
    /// See [`campaign::run`].
    pub fn run(self) -> io::Result<()> {
        let workload = catalogue::echo(&self.connections, &self.depth, &self.size);
        campaign::run(&[workload], self.common.plan())
    }
}

#[derive(Args)]
pub struct HttpArguments {
    /// Connections, a table each. Without this and --pipeline: the cases of `versus run`.
    #[arg(long, value_delimiter = ',')]
    connections: Vec<usize>,
    /// Requests outstanding on each connection.
    #[arg(long, value_delimiter = ',')]
    pipeline: Vec<usize>,
    #[command(flatten)]
    common: CommonArguments,
}

impl HttpArguments {
    /// # Errors
    /// See [`campaign::run`].
    pub fn run(self) -> io::Result<()> {
        let workload = catalogue::http(&self.connections, &self.pipeline);
        campaign::run(&[workload], self.common.plan())
    }
}

/// What every workload takes.
#[derive(Args)]
struct CommonArguments {
    /// Peers to measure; by default all that a case has.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Peers that the tables compare the others with, round by round; measured too.
    #[arg(long, value_delimiter = ',', default_value = "tokio")]
    against: Vec<String>,
    /// How the peer `ringmill` speaks to the kernel as a server: auto, uring or epoll.
    #[arg(long, default_value_t = DriverKind::Auto)]
    driver: DriverKind,
    /// The processors: the server's and the generator's, or those of two loops.
    #[arg(long, value_name = "CPU,CPU", value_parser = two_cpus, default_value = "0,1")]
    cpus: [usize; 2],
    /// Where test files are made, in a directory that is removed at the end; by default where
    /// temporary files are.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// Interleaved rounds; the order of the peers rotates from one to the next.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Seconds of load before each measurement.
    #[arg(long, default_value_t = 0.2)]
    warm_up: f64,
    /// Also write every sample, the rows and the machine to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write a page with plots, a Markdown page and the JSON file to this directory.
    #[arg(long, value_name = "DIRECTORY")]
    report: Option<PathBuf>,
    /// One short round: shows that everything runs, measures nothing.
    #[arg(long)]
    quick: bool,
}

impl CommonArguments {
    fn plan(self) -> Plan {
        Plan {
            peers: self.peers,
            against: self.against,
            driver: self.driver,
            pace: if self.quick {
                QUICK
            } else {
                Pace {
                    rounds: self.rounds,
                    seconds: self.seconds,
                    warm_up: self.warm_up,
                }
            },
            quick: self.quick,
            cpus: self.cpus,
            directory: self.directory.unwrap_or_else(env::temp_dir),
            json: self.json,
            report: self.report,
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

#[derive(Args)]
pub struct ReportArguments {
    /// What a run has saved.
    pub file: PathBuf,
    /// Where the page, the plots and the numbers go; made if need be.
    pub directory: PathBuf,
}

#[derive(Args)]
pub struct ServeArguments {
    pub peer: Peer,
    pub workload: Protocol,
    #[arg(long)]
    pub driver: DriverKind,
    /// The processors that the process is confined to; peers have a loop or a thread for each.
    #[arg(long, value_delimiter = ',', required = true)]
    pub cpus: Vec<usize>,
    /// On loopback; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    #[arg(long)]
    pub parent: u32,
}

#[derive(Args)]
pub struct LoadArguments {
    pub workload: Protocol,
    #[arg(long)]
    pub port: u16,
    /// The process whose CPU clock is read at both ends of the window.
    #[arg(long)]
    pub server_pid: libc::pid_t,
    #[arg(long)]
    pub connections: usize,
    /// Requests outstanding on each connection; of an open loop, at most.
    #[arg(long)]
    pub depth: usize,
    /// Bytes in a message; of no meaning to HTTP.
    #[arg(long)]
    pub size: usize,
    /// An open loop: requests a second, over all connections, whatever becomes of them.
    #[arg(long, conflicts_with = "churn")]
    pub rate: Option<f64>,
    /// A connection for each request.
    #[arg(long)]
    pub churn: bool,
    /// More connections, which are left at rest.
    #[arg(long, default_value_t = 0)]
    pub idle: usize,
    /// Where the connections come from; those that `probe` finds are skewed.
    #[arg(long, value_delimiter = ',', conflicts_with = "churn")]
    pub source_ports: Vec<u16>,
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

fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 1..=MAX_SIZE) => Ok(size),
        _ => Err(format!("a message has 1 to {MAX_SIZE} bytes")),
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
