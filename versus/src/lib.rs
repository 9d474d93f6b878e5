//! Ringmill and its peers, measured in CPU time.
//!
//! `versus list` says what there is to measure, `versus run` measures it, and every workload is a
//! command by its own name. It is the project's own judge, and its users' tool.
//!
//! # Method
//!
//! People choose a runtime by its figures and are misled by most of them. So:
//!
//! - **What a request costs the server decides**: the CPU time of its whole process, all threads,
//!   kernel time included, between two readings of its clock, divided by the requests answered in
//!   between. Throughput depends on the machine's mood; this figure much less.
//! - **Rounds, interleaved**: every round measures all peers one after another, each in a new process,
//!   and begins with another one each time. Five rounds at least, after a warm-up each.
//! - **Ratios within a round**: a peer by the baseline that ran seconds before or after it, then the
//!   median over the rounds. Tables show how far the rounds are apart; where their middle half is
//!   wider than a tenth the row is called noisy.
//! - **The generator is not the bottleneck, or the row says so**: server and generator have a processor
//!   each, the generator's own CPU time is measured beside, and it must be the cheaper one.
//! - **Latency without coordinated omission**: at fixed rates, the same for all, from the time at which
//!   a request should have gone out.
//! - **Answers are checked.** A wrong or a lost one is an error in the row.
//! - **Peers as their users write them**, at stable versions, with the same allocator and the same
//!   optimisation; Tokio in each of its modes. Every row says what Ringmill ran on.
//! - System calls are counted by strace over a stretch of load of its own, after the measured one.
//!
//! # How it works
//!
//! The program runs itself again as its own children, under hidden subcommands:
//!
//! ```text
//!  versus run ─┬─ versus __serve tokio echo      pinned to the first CPU, prints its port
//!              ├─ versus __load echo --port …    pinned to the second, prints one JSON object
//!              └─ versus __measure sync mutex …  what needs neither
//! ```
//!
//! - `cli`, `list`: what can be asked for
//! - `catalogue`: the workloads, their cases, and how each is measured
//! - `campaign`, `progress`: which contender is measured when, in the parent
//! - `child`: starting, timing out and ending the children
//! - `server`, `peers`: the server's process
//! - `foreign`, `peer`: peers that are programs of their own, as they may not build here
//! - `load`: the generator's process
//! - `micro`: what a runtime does within a process
//! - `syscalls`: counting the server's system calls
//! - `ring`: the io_uring set-up that the generator and the hand-written peer share
//! - `results`, `rows`, `statistics`, `machine`: what has been found
//! - `report`: what comes out
//!
//! Apart from that, `versus deny` runs any program where io_uring is denied (`deny`).

mod campaign;
mod catalogue;
mod child;
mod cli;
mod confine;
mod cpu_clock;
mod deny;
mod during;
mod foreign;
mod list;
mod load;
mod machine;
pub mod micro;
pub mod peer;
mod peers;
mod progress;
mod report;
mod results;
mod ring;
mod rows;
mod server;
mod size;
mod statistics;
mod syscalls;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// What the program `versus` does.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::List => list::run(),
        Command::Run(arguments) => arguments.run(),
        Command::Echo(arguments) => arguments.run(),
        Command::Http(arguments) => arguments.run(),
        Command::Other(words) => cli::run_other(words),
        Command::Report(arguments) => report::page::again(&arguments.file, &arguments.directory),
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
