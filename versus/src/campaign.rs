//! Which contender is measured when: every case in rounds, every round all contenders, the first one
//! of a round moving on by one each time, so that neither drift nor order favours anybody.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use ringmill::DriverKind;

use crate::catalogue::{Case, Workload};
use crate::cli::Pace;
use crate::during::During;
use crate::machine::Machine;
use crate::peers;
use crate::progress::Progress;
use crate::report;
use crate::results::{CaseResults, Results, Sample, Skipped, WorkloadResults};
use crate::rows;

/// How everything is measured, as asked on the command line.
#[derive(Debug)]
pub struct Plan {
    /// Of those named, a case measures the ones that it has; by default all.
    pub peers: Vec<String>,
    /// The tables compare with these; measured too.
    pub against: Vec<String>,
    /// Of the peer `ringmill`, over a wire.
    pub driver: DriverKind,
    pub pace: Pace,
    /// Whether it only shows that everything runs.
    pub quick: bool,
    /// The server's and the generator's, or of two loops.
    pub cpus: [usize; 2],
    /// Where test files are made.
    pub directory: PathBuf,
    pub json: Option<PathBuf>,
    pub report: Option<PathBuf>,
}

impl Plan {
    /// Whether the command line leaves the contender in.
    fn asks_for(&self, contender: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == contender);
        self.peers.is_empty() || named(&self.peers) || named(&self.against)
    }

    /// Those that the rows of a case are compared with. Where the usual baseline does not take part,
    /// its other modes stand in.
    pub fn baselines<'a>(&self, contenders: &[&'a str]) -> Vec<&'a str> {
        let there = |name: &&'a str| self.against.iter().any(|one| one == name);
        let baselines: Vec<_> = contenders.iter().copied().filter(there).collect();
        if !baselines.is_empty() || !there(&peers::TOKIO[0]) {
            return baselines;
        }
        let modes = contenders.iter().copied();
        modes.filter(|name| peers::TOKIO.contains(name)).collect()
    }
}

/// Measures everything, prints the tables, writes what is asked for. A contender that is not there or
/// fails is named, and the others go on.
///
/// # Errors
/// When the plan makes no sense, nothing can be written where it should, or, at the end, a contender
/// has failed.
pub fn run(workloads: &[Workload], mut plan: Plan) -> io::Result<()> {
    settle(workloads, &plan)?;
    let scratch = tempfile::Builder::new()
        .prefix("versus-")
        .tempdir_in(&plan.directory)
        .during(format_args!(
            "making a directory in {}",
            plan.directory.display()
        ))?;
    plan.directory = scratch.path().to_owned();
    let machine = Machine::here();
    report::table::opening(&plan, &machine);
    let start = Instant::now();
    let mut progress = Progress::new(measurements(workloads, &plan));
    let mut results = Results {
        machine,
        command: env::args().skip(1).collect::<Vec<_>>().join(" "),
        cpus: plan.cpus,
        pace: plan.pace,
        took_seconds: 0.0,
        workloads: Vec::new(),
    };
    for workload in workloads {
        results
            .workloads
            .push(measure(workload, &plan, &mut progress));
        results.took_seconds = start.elapsed().as_secs_f64();
        // After each workload, so that a run that is broken off has not been for nothing.
        write(&results, &plan)?;
    }
    report::table::closing();
    let cases = results.workloads.iter().flat_map(|one| &one.cases);
    match cases
        .flat_map(|case| &case.skipped)
        .filter(|one| one.failed)
        .count()
    {
        0 => Ok(()),
        failures => Err(io::Error::other(format!(
            "{failures} of the measurements failed; the tables say why"
        ))),
    }
}

fn write(results: &Results, plan: &Plan) -> io::Result<()> {
    if let Some(path) = &plan.json {
        report::json::write(path, results).during(format_args!("writing {}", path.display()))?;
    }
    if let Some(directory) = &plan.report {
        report::page::write_directory(results, directory)
            .during(format_args!("writing to {}", directory.display()))?;
    }
    Ok(())
}

/// All cases of a workload.
fn measure(workload: &Workload, plan: &Plan, progress: &mut Progress) -> WorkloadResults {
    report::table::workload(workload);
    let prepared = workload
        .prepare
        .map_or(Ok(()), |prepare| prepare(&plan.directory));
    let cases = workload.cases.iter().map(|case| {
        let measured = match &prepared {
            Ok(()) => rounds(workload, case, plan, progress),
            Err(error) => refused(case, plan, &error.to_string()),
        };
        progress.clear();
        report::table::case(plan, &measured);
        measured
    });
    WorkloadResults {
        name: workload.name.to_owned(),
        about: workload.about.to_owned(),
        cases: cases.collect(),
    }
}

/// All contenders of a case, in all rounds.
fn rounds(workload: &Workload, case: &Case, plan: &Plan, progress: &mut Progress) -> CaseResults {
    let mut skipped = Vec::new();
    let mut contenders = asked(case, plan);
    contenders.retain(|&contender| {
        let missing = case.method.missing(contender, plan);
        if let Some(why) = &missing {
            skipped.push(Skipped {
                peer: contender.to_owned(),
                why: why.clone(),
                failed: false,
            });
        }
        missing.is_none()
    });
    let mut samples: Vec<(&str, Sample)> = Vec::new();
    for round in 0..case.method.rounds(plan.pace.rounds) {
        for turn in 0..contenders.len() {
            let contender = contenders[(round + turn) % contenders.len()];
            if skipped.iter().any(|one| one.peer == contender) {
                continue;
            }
            progress.step(workload.name, &case.name, contender, round);
            match case.method.measure(contender, round, plan) {
                Ok(sample) => samples.push((contender, sample)),
                Err(error) => {
                    // What it did before is no row to compare.
                    samples.retain(|(name, _)| *name != contender);
                    skipped.push(Skipped {
                        peer: contender.to_owned(),
                        why: error.to_string(),
                        failed: true,
                    });
                }
            }
        }
    }
    CaseResults {
        name: case.name.clone(),
        about: case.about.clone(),
        headline: case.headline,
        axes: case.axes.clone(),
        rows: rows::of(
            case.headline,
            &contenders,
            &samples,
            &plan.baselines(&contenders),
        ),
        skipped,
    }
}

/// Nobody was measured.
fn refused(case: &Case, plan: &Plan, why: &str) -> CaseResults {
    let skipped = asked(case, plan).into_iter().map(|contender| Skipped {
        peer: contender.to_owned(),
        why: why.to_owned(),
        failed: true,
    });
    CaseResults {
        name: case.name.clone(),
        about: case.about.clone(),
        headline: case.headline,
        axes: case.axes.clone(),
        rows: Vec::new(),
        skipped: skipped.collect(),
    }
}

fn asked<'a>(case: &'a Case, plan: &Plan) -> Vec<&'a str> {
    let contenders = case.contenders.iter().map(String::as_str);
    contenders
        .filter(|contender| plan.asks_for(contender))
        .collect()
}

fn measurements(workloads: &[Workload], plan: &Plan) -> usize {
    let cases = workloads.iter().flat_map(|workload| &workload.cases);
    cases
        .map(|case| asked(case, plan).len() * case.method.rounds(plan.pace.rounds))
        .sum()
}

/// Refuses what cannot be measured.
fn settle(workloads: &[Workload], plan: &Plan) -> io::Result<()> {
    plan.pace.check()?;
    if plan.cpus[0] == plan.cpus[1] {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "server and generator need a processor each: --cpus names one twice",
        ));
    }
    if let Some(directory) = &plan.report {
        fs::create_dir_all(directory).during(format_args!("making {}", directory.display()))?;
    }
    if let Some(path) = &plan.json {
        let file = fs::File::options().create(true).append(true).open(path);
        file.during(format_args!("opening {}", path.display()))?;
    }
    let cases = workloads.iter().flat_map(|workload| &workload.cases);
    let known: BTreeSet<&str> = cases
        .flat_map(|case| case.contenders.iter().map(String::as_str))
        .collect();
    for name in &plan.peers {
        if !known.contains(name.as_str()) {
            return Err(unknown("peer", name, known));
        }
    }
    // The baseline of every day may be missing in a workload that does not have it.
    for name in plan.against.iter().filter(|name| *name != "tokio") {
        if !known.contains(name.as_str()) {
            return Err(unknown("peer", name, known));
        }
    }
    Ok(())
}

/// Names those that there are.
pub fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> io::Error {
    let known: Vec<&str> = known.into_iter().collect();
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "there is no {what} called {name:?}; there are {}",
            known.join(", ")
        ),
    )
}
