//! What can be measured: the workloads, their cases, who takes part, and how one measurement is made.
//!
//! ```text
//!  Workload echo ─┬─ Case "64 connections, 128 bytes" ─┬─ contender ringmill ─ Method::Served(…)
//!                 └─ Case …                            └─ contender tokio
//! ```
//!
//! - `served`: a server in a process of its own, a load generator in another
//! - `in_process`: what a runtime does without a wire (`micro`)
//! - `size`: of the least program that serves
//!
//! To add a workload of one of these kinds: a line in its file. To add a kind: a [`Method`].

mod in_process;
mod served;
mod size;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::campaign::Plan;
use crate::results::{Figure, Sample};
pub use served::{echo, http};

/// Cases that belong together: a subcommand, a chapter of the report.
pub struct Workload {
    /// The name on the command line.
    pub name: &'static str,
    /// What is done, in a line.
    pub about: &'static str,
    pub cases: Vec<Case>,
    /// What must be there before the first case, such as files in the directory.
    pub prepare: Option<fn(&Path) -> io::Result<()>>,
}

/// One thing that all contenders do in their way: a table.
pub struct Case {
    pub name: String,
    /// More of it, in a line; may be empty.
    pub about: String,
    /// What decides who wins.
    pub headline: Figure,
    /// What a plot can have on its axis; see [`crate::results::CaseResults`].
    pub axes: BTreeMap<String, f64>,
    /// By their names on the command line, in the table's order.
    pub contenders: Vec<String>,
    pub method: Method,
}

/// How one measurement of a contender is made.
pub enum Method {
    /// A server and a load generator.
    Served(served::Load),
    /// A child that measures itself.
    InProcess(in_process::Place),
    /// A program's size.
    Size,
}

/// All that `versus run` measures, in its order.
pub fn all() -> Vec<Workload> {
    let mut all = served::all();
    all.extend(in_process::all());
    all.push(size::workload());
    all
}

impl Method {
    /// Why the contender cannot be measured here, after its name: `"needs …"`.
    pub fn missing(&self, contender: &str, plan: &Plan) -> Option<String> {
        match self {
            Self::Served(load) => load.missing(contender),
            Self::InProcess(place) => place.missing(contender, plan),
            Self::Size => size::missing(contender),
        }
    }

    /// Measures the contender once.
    ///
    /// # Errors
    /// When it cannot be started, fails, or overruns its time.
    pub fn measure(&self, contender: &str, round: usize, plan: &Plan) -> io::Result<Sample> {
        let mut sample = match self {
            Self::Served(load) => load.measure(contender, round, plan),
            Self::InProcess(place) => place.measure(contender, plan),
            Self::Size => size::measure(contender),
        }?;
        sample.round = round;
        Ok(sample)
    }

    /// How many rounds make sense: what never changes is looked at once.
    pub fn rounds(&self, asked: usize) -> usize {
        match self {
            Self::Size => 1,
            Self::Served(_) | Self::InProcess(_) => asked,
        }
    }
}
