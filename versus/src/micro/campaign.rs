//! Which contender is measured when: as with the servers, every case in rounds, every round all
//! contenders, the first one of a round moving on by one each time.

use std::io;
use std::path::PathBuf;

use serde::Serialize;

use super::lap::Lap;
use super::{Case, Suite, blocking, channel, file, report, start, sync, task, timer};
use crate::child;
use crate::cli::Pace;
use crate::during::During;
use crate::machine::Machine;

/// What to measure, as asked on the command line.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// By default all.
    pub cases: Vec<String>,
    /// By default all of each case; of those named, a case measures the ones that it has.
    pub peers: Vec<String>,
    pub against: Vec<String>,
    #[serde(flatten)]
    pub pace: Pace,
    pub cpus: [usize; 2],
    /// Of the test files, in a suite that has some.
    pub directory: PathBuf,
    #[serde(skip)]
    pub json: Option<PathBuf>,
}

/// One measurement of one contender.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    pub case: &'static str,
    pub round: usize,
    pub peer: &'static str,
    #[serde(flatten)]
    pub lap: Lap,
}

/// Why a contender has no figures.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    pub case: &'static str,
    pub peer: &'static str,
    pub why: String,
}

/// What has been measured so far.
#[derive(Default)]
pub struct Results {
    pub samples: Vec<Sample>,
    pub failures: Vec<Failure>,
}

/// Measures the channels.
///
/// # Errors
/// See [`run`].
pub fn channel(plan: &Plan) -> io::Result<()> {
    run(&channel::SUITE, plan)
}

/// Measures the blocking pools.
///
/// # Errors
/// See [`run`].
pub fn blocking(plan: &Plan) -> io::Result<()> {
    run(&blocking::SUITE, plan)
}

/// Measures locks and the like.
///
/// # Errors
/// See [`run`].
pub fn sync(plan: &Plan) -> io::Result<()> {
    run(&sync::SUITE, plan)
}

/// Measures tasks.
///
/// # Errors
/// See [`run`].
pub fn task(plan: &Plan) -> io::Result<()> {
    run(&task::SUITE, plan)
}

/// Measures timers.
///
/// # Errors
/// See [`run`].
pub fn timer(plan: &Plan) -> io::Result<()> {
    run(&timer::SUITE, plan)
}

/// Measures starts and ends.
///
/// # Errors
/// See [`run`].
pub fn start(plan: &Plan) -> io::Result<()> {
    run(&start::SUITE, plan)
}

/// Measures files, in a directory of its own under the one of the plan.
///
/// # Errors
/// When the test files cannot be made, and see [`run`].
pub fn file(mut plan: Plan) -> io::Result<()> {
    let directory = tempfile::Builder::new()
        .prefix("versus-file-")
        .tempdir_in(&plan.directory)
        .during(format_args!(
            "making a directory in {}",
            plan.directory.display()
        ))?;
    plan.directory = directory.path().to_owned();
    file::prepare(&plan.directory)?;
    run(&file::SUITE, &plan)
}

/// Measures everything in the plan, prints the tables, writes the JSON. A contender that fails, or
/// cannot be measured here, is named, and the others go on.
///
/// # Errors
/// When the plan makes no sense, the file cannot be written, or, at the end, a contender has failed.
fn run(suite: &'static Suite, plan: &Plan) -> io::Result<()> {
    let cases = settle(suite, plan)?;
    let machine = Machine::here();
    report::opening(suite, plan, &machine);
    let mut results = Results::default();
    for case in &cases {
        rounds(suite, plan, case, &mut results)?;
        report::case(plan, case, &results);
    }
    report::closing();
    if let Some(path) = &plan.json {
        report::write(path, plan, &machine, &cases, &results)
            .during(format_args!("writing {}", path.display()))?;
    }
    match &results.failures[..] {
        [] => Ok(()),
        failures => Err(io::Error::other(format!(
            "{} of the measurements failed; the tables say why",
            failures.len()
        ))),
    }
}

fn rounds(
    suite: &Suite,
    plan: &Plan,
    case: &'static Case,
    results: &mut Results,
) -> io::Result<()> {
    let mut peers = peers(plan, case);
    peers.retain(|&peer| {
        let contender = case.contender(peer).ok();
        let missing = contender.and_then(|one| one.missing(&plan.directory));
        if let Some(why) = &missing {
            println!("{}: {peer} {why}, and is skipped", case.name);
        }
        missing.is_none()
    });
    for round in 0..plan.pace.rounds {
        for turn in 0..peers.len() {
            let peer = peers[(round + turn) % peers.len()];
            let failed = |failure: &Failure| failure.case == case.name && failure.peer == peer;
            if results.failures.iter().any(failed) {
                continue;
            }
            match child::measure(suite.name, case.name, peer, plan) {
                Ok(lap) => results.samples.push(Sample {
                    case: case.name,
                    round,
                    peer,
                    lap,
                }),
                Err(error) => results.failures.push(Failure {
                    case: case.name,
                    peer,
                    why: error.to_string(),
                }),
            }
        }
    }
    Ok(())
}

/// The contenders of a case that the plan asks for, in the case's order.
pub fn peers(plan: &Plan, case: &'static Case) -> Vec<&'static str> {
    let asked = |name: &&str| {
        let named = |names: &[String]| names.iter().any(|one| one == name);
        plan.peers.is_empty() || named(&plan.peers) || named(&plan.against)
    };
    let names = case.contenders.iter().map(|contender| contender.name);
    names.filter(asked).collect()
}

/// The cases, after a look at whether the plan can be carried out.
fn settle(suite: &'static Suite, plan: &Plan) -> io::Result<Vec<&'static Case>> {
    plan.pace.check()?;
    let cases: Vec<&Case> = match &plan.cases[..] {
        [] => suite.cases.iter().collect(),
        names => names
            .iter()
            .map(|name| suite.case(name))
            .collect::<io::Result<_>>()?,
    };
    // A name must be known to one of the cases; the others do without.
    for name in plan.peers.iter().chain(&plan.against) {
        let known = cases.iter().map(|case| case.contender(name));
        if let Some(error) = known.reduce(Result::or) {
            error?;
        }
    }
    Ok(cases)
}
