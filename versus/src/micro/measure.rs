//! The child: one contender, one measured run.

use std::io;

use super::{Case, Contender, Measure, SUITES, Suite, Work};
use crate::campaign::unknown;
use crate::cli::MeasureArguments;
use crate::confine;
use crate::during::During;

/// Runs the contender, twice as long each time until the warm-up is over, then once for the time
/// asked for, and prints that run's lap as one line of JSON.
///
/// # Errors
/// When the contender fails, or has not done what it was asked to.
pub fn run(arguments: &MeasureArguments) -> io::Result<()> {
    let (.., contender) = find(arguments)?;
    let measure = contender
        .measure
        .ok_or_else(|| io::Error::other("it is in a program of its own"))?;
    run_one(arguments, measure)
}

fn find(
    arguments: &MeasureArguments,
) -> io::Result<(&'static Suite, &'static Case, &'static Contender)> {
    let suite = SUITES
        .iter()
        .find(|suite| suite.name == arguments.suite)
        .ok_or_else(|| unknown("suite", &arguments.suite, SUITES.map(|suite| suite.name)))?;
    let case = suite.case(&arguments.case)?;
    Ok((suite, case, case.contender(&arguments.peer)?))
}

/// As [`run`], with a function that is not in this program's tables. The contender is, by name.
///
/// # Errors
/// When the contender fails, or has not done what it was asked to.
pub fn run_one(arguments: &MeasureArguments, measure: Measure) -> io::Result<()> {
    let (suite, case, contender) = find(arguments)?;
    let cpus = arguments.cpus;
    confine::child(arguments.parent, &cpus)?;
    let during = format!("{} of {}", case.name, contender.name);
    let measure = |operations| {
        let directory = arguments.directory.clone();
        measure(&Work {
            operations,
            cpus,
            directory,
        })
        .during(&during)
    };

    let mut operations = suite.first;
    let mut lap = measure(operations)?;
    while lap.seconds < arguments.warm_up {
        operations *= 2;
        lap = measure(operations)?;
    }
    // The first tries may be too short to tell a pace, if no warm-up was asked for.
    let pace = lap.operations as f64 / lap.seconds.max(1e-6);
    let lap = measure((pace * arguments.seconds).max(1.0) as u64)?;
    let line = serde_json::to_string(&lap)
        .map_err(io::Error::from)
        .during("writing the lap")?;
    println!("{line}");
    Ok(())
}
