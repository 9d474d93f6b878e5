//! The tables on stdout and the JSON file: medians over the rounds, with their ranges.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use serde::Serialize;

use super::campaign::{Failure, Plan, Results, Sample, peers};
use super::lap::Lap;
use super::{Case, Suite};
use crate::machine::Machine;
use crate::statistics::Spread;

/// From this width on, in percent of the median, a row is called noisy.
const NOISY: f64 = 25.0;

/// One contender in one case; nanoseconds an operation.
#[derive(Serialize)]
struct Summary {
    case: &'static str,
    peer: &'static str,
    driver: Option<String>,
    elapsed: Spread,
    cpu: Spread,
    /// Bytes, where that is measured.
    memory: Option<Spread>,
    ratios: Vec<Ratio>,
}

/// A contender against a baseline in the same round.
#[derive(Serialize)]
struct Ratio {
    against: String,
    elapsed: Spread,
    cpu: Spread,
}

impl Summary {
    /// `None` for a contender without samples in the case.
    fn of(plan: &Plan, case: &Case, peer: &'static str, samples: &[Sample]) -> Option<Self> {
        let of_case = || samples.iter().filter(|one| one.case == case.name);
        let own = || of_case().filter(|one| one.peer == peer);
        let spread = |figure: fn(&Lap) -> f64| Spread::of(own().map(|one| figure(&one.lap)));
        let ratio = |against: &String, figure: fn(&Lap) -> f64| {
            Spread::of(own().filter_map(|one| {
                let same_round = |base: &&Sample| base.peer == against && base.round == one.round;
                let base = of_case().find(same_round)?;
                Some(figure(&one.lap) / figure(&base.lap))
            }))
        };
        let ratios = plan.against.iter().filter_map(|against| {
            Some(Ratio {
                against: against.clone(),
                elapsed: ratio(against, Lap::elapsed_each)?,
                cpu: ratio(against, Lap::cpu_each)?,
            })
        });
        let driver = own().find_map(|one| one.lap.driver.as_ref());
        Some(Self {
            case: case.name,
            peer,
            driver: driver.map(|driver| format!("{}, {}", driver.kind, driver.tier)),
            elapsed: spread(Lap::elapsed_each)?,
            cpu: spread(Lap::cpu_each)?,
            memory: Spread::of(own().filter_map(|one| one.lap.memory)),
            ratios: ratios.collect(),
        })
    }
}

/// What is measured, where and when.
pub fn opening(suite: &Suite, plan: &Plan, machine: &Machine) {
    let (pace, cpus) = (&plan.pace, &plan.cpus);
    println!(
        "{} · {} rounds of {} s after {} s of warm-up · on CPUs {} and {}",
        suite.name, pace.rounds, pace.seconds, pace.warm_up, cpus[0], cpus[1],
    );
    println!(
        "Linux {} · {} · {}",
        machine.kernel, machine.cpu, machine.date
    );
}

/// One case: a row for each contender.
pub fn case(plan: &Plan, case: &'static Case, results: &Results) {
    println!("\n{}: {}", case.name, case.about);
    print!(
        "{:<21} {:<20} {:>11} {:>6}  {:>11}  {:>11} {:>6}",
        "peer", "driver", "time", "range", "a second", "CPU", "range"
    );
    for against in &plan.against {
        print!("  {:>21}", format!("time to {against}'s"));
        print!("  {:>21}", format!("CPU to {against}'s"));
    }
    println!("  note");
    for peer in peers(plan, case) {
        if let Some(summary) = Summary::of(plan, case, peer, &results.samples) {
            row(&summary);
        }
    }
    let failures = results.failures.iter().filter(|one| one.case == case.name);
    for Failure { peer, why, .. } in failures {
        println!("{peer:<21} FAILED: {why}");
    }
}

fn row(summary: &Summary) {
    let (elapsed, cpu) = (summary.elapsed, summary.cpu);
    print!(
        "{:<21} {:<20} {:>8.1} ns {:>5.0}%  {:>11.0}  {:>8.1} ns {:>5.0}%",
        summary.peer,
        summary.driver.as_deref().unwrap_or("-"),
        elapsed.median,
        elapsed.width_percent(),
        1e9 / elapsed.median,
        cpu.median,
        cpu.width_percent(),
    );
    for ratio in &summary.ratios {
        for spread in [ratio.elapsed, ratio.cpu] {
            let range = format!("({:.2}–{:.2})", spread.low, spread.high);
            print!("  {:>7.2} {range:>13}", spread.median);
        }
    }
    let noisy = elapsed.width_percent() > NOISY;
    if let Some(memory) = summary.memory {
        print!("  {:.0} bytes", memory.median);
    }
    println!("  {}", if noisy { "noisy" } else { "" });
}

/// How to read it.
pub fn closing() {
    println!();
    println!(
        "time: from one operation to the next, wall clock; a second: operations; CPU: of all threads of the process, an \
         operation."
    );
    println!(
        "Medians of the rounds; range: (highest - lowest) / median. Ratios: within each round, \
         then the median (lowest–highest)."
    );
}

#[derive(Serialize)]
struct Report<'run> {
    machine: &'run Machine,
    plan: &'run Plan,
    summaries: Vec<Summary>,
    failures: &'run [Failure],
    samples: &'run [Sample],
}

/// Writes the whole campaign as JSON.
///
/// # Errors
/// When the file cannot be written.
pub fn write(
    path: &Path,
    plan: &Plan,
    machine: &Machine,
    cases: &[&'static Case],
    results: &Results,
) -> io::Result<()> {
    let summaries = cases.iter().flat_map(|case| {
        let of = |peer| Summary::of(plan, case, peer, &results.samples);
        peers(plan, case).into_iter().filter_map(of)
    });
    let report = Report {
        machine,
        plan,
        summaries: summaries.collect(),
        failures: &results.failures,
        samples: &results.samples,
    };
    crate::report::json::write_to(BufWriter::new(File::create(path)?), &report)
}
