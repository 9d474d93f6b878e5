//! Ringmill and its peers, measured in CPU time.
//!
//! `versus echo` and `versus http` start a server on one processor and a load generator on
//! another, peer after peer, round after round, and report what a request costs the server:
//! the CPU time of its whole process between two readings of its clock, divided by the requests
//! answered in between. Throughput depends on the machine's mood; this figure much less, and its
//! ratio to a peer measured seconds earlier less still.
//!
//! The program runs itself again as its own children, under two hidden subcommands:
//!
//! ```text
//!  versus echo ─┬─ versus __serve tokio echo      pinned to --server-cpu, prints its port
//!               └─ versus __load --port …         pinned to --load-cpu, prints one JSON object
//! ```
//!
//! - `cli`: what can be asked for
//! - `campaign`: which peer is measured when, in the parent
//! - `child`: starting, timing out and ending the two children
//! - `server`, `peers`: the server's process
//! - `load`: the generator's process
//! - `ring`: the io_uring set-up that the generator and the hand-written peer share
//! - `report`, `statistics`, `machine`: what comes out
//!
//! `versus channel`, `blocking`, `sync`, `file`, `task`, `timer` and `start` need neither server nor
//! generator: they measure within a process, one child for each measurement (`micro`).
//!
//! Apart from that, `versus deny` runs any program where io_uring is denied (`deny`).

mod campaign;
mod child;
mod cli;
mod confine;
mod cpu_clock;
mod deny;
mod during;
mod load;
mod machine;
pub mod micro;
mod peers;
mod report;
mod results;
mod ring;
mod server;
mod statistics;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// What the program `versus` does.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Echo(arguments) => campaign::run(arguments.plan()),
        Command::Http(arguments) => campaign::run(arguments.plan()),
        Command::Channel(arguments) => micro::campaign::channel(&arguments.plan()),
        Command::Sync(arguments) => micro::campaign::sync(&arguments.plan()),
        Command::Blocking(arguments) => micro::campaign::blocking(&arguments.plan()),
        Command::Task(arguments) => micro::campaign::task(&arguments.plan()),
        Command::Timer(arguments) => micro::campaign::timer(&arguments.plan()),
        Command::Start(arguments) => micro::campaign::start(&arguments.plan()),
        Command::File(arguments) => micro::campaign::file(arguments.plan()),
        Command::Deny(arguments) => deny::run(&arguments),
        Command::Serve(arguments) => server::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Measure(arguments) => micro::measure::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versus: {error}");
            ExitCode::FAILURE
        }
    }
}
