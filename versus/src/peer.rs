//! For the peers that are programs of their own: what such a program is made of.
//!
//! ```text
//!  versus echo ─── versus-NAME __serve NAME echo      what the program itself is for its own peers
//! ```
//!
//! A program is a `main` that calls [`main`], and the functions that it names there. They are told
//! what to do by [`Orders`] or [`Work`], as those of `versus` itself.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use crate::confine::pin;
pub use crate::micro::channel::CAPACITY;
pub use crate::micro::{Lap, Measure, Stopwatch, Tally, Work};
pub use crate::peers::Serve;
pub use crate::peers::hyper_service::{builder as http_builder, hello};
pub use crate::server::{Orders, Share, announce};

use crate::cli::{MeasureArguments, ServeArguments};
use crate::micro::measure;
use crate::server;
use crate::workload::Workload;

/// The servers of such a program. What it leaves out, `versus` must not say that it has
/// (`peers/foreign.rs`).
pub struct Servers {
    /// Sends every byte back.
    pub echo: Option<Serve>,
    /// hyper with [`http_builder`] and [`hello`].
    pub http: Option<Serve>,
}

/// A contender in one of the workloads without a wire; the row of that name is in the suite's table.
pub struct Measured {
    /// Such as `channel`.
    pub suite: &'static str,
    /// Such as `one-way`.
    pub case: &'static str,
    /// The name in the table: the peer's, perhaps with something after a hyphen.
    pub contender: &'static str,
    /// What it does.
    pub measure: Measure,
}

/// What such a program can be asked for, by `versus` alone.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(name = "__serve")]
    Serve(ServeArguments),
    #[command(name = "__measure")]
    Measure(MeasureArguments),
}

/// The contender `name` in workloads that are written once for all runtimes: the suite, the case and
/// what it does there, as of [`crate::micro::task::measures`].
pub fn measured(
    name: &'static str,
    measures: &[&[(&'static str, &'static str, Measure)]],
) -> Vec<Measured> {
    let of_all = measures.iter().copied().flatten();
    of_all
        .map(|&(suite, case, measure)| Measured {
            suite,
            case,
            contender: name,
            measure,
        })
        .collect()
}

/// What the program of the peer `name` does.
pub fn main(name: &str, servers: &Servers, measures: &[Measured]) -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(arguments) => serve(name, servers, &arguments),
        Command::Measure(arguments) => measure(measures, &arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versus-{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(name: &str, servers: &Servers, arguments: &ServeArguments) -> io::Result<()> {
    if arguments.peer.to_string() != name {
        return Err(io::Error::other(format!("{} is not here", arguments.peer)));
    }
    let serve = match arguments.workload {
        Workload::Echo => servers.echo,
        Workload::Http => servers.http,
        Workload::Work => None,
    };
    let serve = serve.ok_or_else(|| server::unserved(arguments))?;
    server::run_one(arguments, serve)
}

fn measure(measures: &[Measured], arguments: &MeasureArguments) -> io::Result<()> {
    let asked = (
        &arguments.suite[..],
        &arguments.case[..],
        &arguments.peer[..],
    );
    let measured = measures
        .iter()
        .find(|one| (one.suite, one.case, one.contender) == asked)
        .ok_or_else(|| io::Error::other(format!("{} is not here", arguments.peer)))?;
    measure::run_one(arguments, measured.measure)
}
