//! The load generator's process: one thread, one ring, a closed loop.
//!
//! It must cost less than the server it drives, or it would be the one that is measured. So the
//! requests are prepared once, sends report only failures, one enter carries the sends and takes
//! the receives of many connections, and responses are counted by their length.
//!
//! - `script`: the bytes to send, the bytes to expect
//! - `connect`: opening the connections, one checked exchange on each
//! - `drive`: the closed loop
//! - `window`: warm-up, measurement, drain; the clocks at both ends
//! - `outcome`: what is reported

mod connect;
mod drive;
mod outcome;
mod script;
mod window;

use std::io;

pub use outcome::Outcome;

use crate::cli::LoadArguments;
use crate::confine;
use crate::cpu_clock::CpuClock;
use crate::during::During;
use script::Script;

/// Drives the server and prints the outcome as one line of JSON.
///
/// # Errors
/// When the server cannot be reached, falls silent, or loses every connection.
pub fn run(arguments: &LoadArguments) -> io::Result<()> {
    confine::child(arguments.parent, &[arguments.cpu])?;
    let server = CpuClock::of(arguments.server_pid)?;
    let script = Script::new(arguments.workload, arguments.size, arguments.depth);
    let connected = connect::open(arguments.port, arguments.connections, &script)?;
    let outcome = drive::run(&connected, &script, server, arguments.phases())?;
    let line = serde_json::to_string(&outcome)
        .map_err(io::Error::from)
        .during("writing the outcome")?;
    println!("{line}");
    Ok(())
}
