//! The JSON file: machine, plan, summaries, every sample.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::campaign::{Case, Plan, Sample};
use crate::machine::Machine;

use super::summary::Summary;

#[derive(Serialize)]
struct Report<'run> {
    machine: &'run Machine,
    plan: &'run Plan,
    summaries: Vec<Summary>,
    samples: &'run [Sample],
}

/// Writes the whole campaign.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, plan: &Plan, machine: &Machine, samples: &[Sample]) -> io::Result<()> {
    let mut summaries = Vec::new();
    for &connections in &plan.connections {
        for &depth in &plan.depths {
            let case = Case { connections, depth };
            let of_case = plan
                .peers
                .iter()
                .filter_map(|&peer| Summary::of(plan, case, peer, samples));
            summaries.extend(of_case);
        }
    }
    let report = Report {
        machine,
        plan,
        summaries,
        samples,
    };
    write_to(BufWriter::new(File::create(path)?), &report)
}

/// Writes a report for people and programs to read.
///
/// # Errors
/// When `out` does not take it.
pub fn write_to(mut out: impl Write, report: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)?;
    out.flush()
}
