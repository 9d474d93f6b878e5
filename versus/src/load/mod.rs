//! The load generator's process: one thread, one ring.
//!
//! It must cost less than the server it drives, or it would be the one that is measured. So the
//! requests are prepared once, sends report only failures, one enter carries the sends and takes
//! the receives of many connections, and responses are counted by their length.
//!
//! - `script`: the bytes to send, the bytes to expect
//! - `connect`: opening the connections, one checked exchange on each
//! - `engine`: the loop of all modes; `tally`: what they count
//! - `steady`: connections that stay, in a closed loop or at a rate (`schedule`)
//! - `churn`: connections that come and go
//! - `window`: warm-up, measurement, drain; the clocks at both ends
//! - `memory`: what idle connections cost the server
//! - `outcome`: what is reported
//! - `probe`: which source ports the kernel gives to the first of two listeners

mod churn;
mod connect;
mod engine;
mod memory;
mod outcome;
pub mod probe;
mod schedule;
mod script;
mod steady;
mod tally;
#[cfg(test)]
mod tests;
mod window;

use std::io;
use std::thread;
use std::time::Duration;

pub use outcome::{Idle, Outcome};

use crate::cli::LoadArguments;
use crate::confine;
use crate::cpu_clock::CpuClock;
use crate::during::During;
use crate::ring::{self, Queues};
use churn::Churn;
use connect::{Connected, Target};
use engine::Engine;
use script::Script;
use steady::Steady;
use tally::Belongs;

/// For a server to come to rest after the idle connections' exchanges, before its memory is read.
const REST: Duration = Duration::from_millis(100);

/// Whether the generator can run here, and in this manner.
///
/// # Errors
/// When io_uring is denied, or the kernel too old.
pub fn possible(churn: bool) -> io::Result<()> {
    let ring = ring::open()?;
    if churn {
        churn::check(&ring.submitter())?;
    }
    Ok(())
}

/// Drives the server and prints the outcome as one line of JSON.
///
/// # Errors
/// When the server cannot be reached, falls silent, or loses every connection.
pub fn run(arguments: &LoadArguments) -> io::Result<()> {
    confine::child(arguments.parent, &[arguments.cpu])?;
    check(arguments)?;
    let outcome = drive(arguments)?;
    let line = serde_json::to_string(&outcome)
        .map_err(io::Error::from)
        .during("writing the outcome")?;
    println!("{line}");
    Ok(())
}

/// Refuses what cannot be done.
fn check(arguments: &LoadArguments) -> io::Result<()> {
    let refuse = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if arguments.connections == 0 || arguments.depth == 0 {
        return refuse(String::from("no connections, or none with a request"));
    }
    if let Some(rate) = arguments.rate
        && !(rate > 0.0 && rate.is_finite())
    {
        return refuse(format!("{rate} requests a second are none"));
    }
    if arguments.churn && arguments.connections > churn::MAX_SLOTS {
        return refuse(format!(
            "churn takes up to {} connections at a time",
            churn::MAX_SLOTS
        ));
    }
    if arguments.churn && arguments.size > churn::MAX_MESSAGE {
        return refuse(format!(
            "churn takes messages up to {} bytes",
            churn::MAX_MESSAGE
        ));
    }
    let named = arguments.source_ports.len();
    if named > 0 && named < arguments.connections {
        return refuse(format!(
            "{} connections cannot come from {named} source ports",
            arguments.connections
        ));
    }
    connect::check_limit(arguments.connections + arguments.idle)
}

fn drive(arguments: &LoadArguments) -> io::Result<Outcome> {
    let server = CpuClock::of(arguments.server_pid)?;
    let depth = if arguments.churn { 1 } else { arguments.depth };
    // The kernel may read it until the process ends: closing a ring does not wait for its sends.
    let script = Box::leak(Box::new(Script::new(
        arguments.workload,
        arguments.size,
        depth,
    )));
    let script: &'static Script = script;
    // In churn, one connection teaches the length of an answer.
    let staying = if arguments.churn {
        1
    } else {
        arguments.connections
    };
    let target = Target {
        port: arguments.port,
        source_ports: &arguments.source_ports,
    };
    let connected = connect::open(&target, 0..staying, script)?;
    let answer = connected.iter().map(|one| one.answer).max().unwrap_or(0);
    let (idle, resting) = rest(arguments, &target, staying, script)?;
    let opening = (staying + resting.len()) as u64;

    let mut ring = ring::open()?;
    let queues = Queues::of(&mut ring)?;
    let belongs = if arguments.rate.is_some() {
        confine::precise_timers()?;
        Belongs::ByIntent
    } else {
        Belongs::ByAnswer
    };
    let outstanding = answer * script.depth;
    let mut outcome = if arguments.churn {
        drop(connected);
        let mut mode = Churn::new(
            &queues,
            arguments.port,
            arguments.connections,
            answer,
            script,
        )?;
        let engine = Engine::new(queues, outstanding, belongs)?;
        engine.run(&mut mode, server, arguments.phases(), opening)?
    } else {
        let mut mode = Steady::new(&queues, &connected, script, arguments.rate)?;
        let engine = Engine::new(queues, outstanding, belongs)?;
        engine.run(&mut mode, server, arguments.phases(), opening)?
    };
    outcome.idle = idle;
    Ok(outcome)
}

/// Opens the connections that are left at rest, and sees what they cost the server's memory.
fn rest(
    arguments: &LoadArguments,
    target: &Target<'_>,
    first: usize,
    script: &Script,
) -> io::Result<(Option<Idle>, Vec<Connected>)> {
    if arguments.idle == 0 {
        return Ok((None, Vec::new()));
    }
    thread::sleep(REST);
    let memory_before = memory::resident(arguments.server_pid)?;
    let resting = connect::open(target, first..first + arguments.idle, script)
        .during("opening the idle connections")?;
    thread::sleep(REST);
    let idle = Idle {
        connections: arguments.idle,
        memory_before,
        memory_after: memory::resident(arguments.server_pid)?,
    };
    Ok((Some(idle), resting))
}
