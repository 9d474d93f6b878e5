//! What a run has found: the JSON file, and all that the report is made of.
//!
//! Every measurement of one peer in one case is a [`Sample`]: a number for each [`Figure`] that the
//! case has. Over the rounds they become a [`Row`], with medians, spreads and the ratios to the
//! baselines. So a new workload needs no new type here, a new kind of number one [`Figure`].

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::server::Driver;
use crate::statistics::Spread;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    pub machine: Machine,
    /// What `versus` was asked for.
    pub command: String,
    /// The servers' processor and the generator's; of what has no wire, those of two loops.
    pub cpus: [usize; 2],
    pub pace: crate::cli::Pace,
    /// Wall clock of the run.
    pub took_seconds: f64,
    pub workloads: Vec<WorkloadResults>,
}

/// All cases of one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkloadResults {
    /// As on the command line: `echo`.
    pub name: String,
    /// What is done, in a line.
    pub about: String,
    pub cases: Vec<CaseResults>,
}

/// One thing that all peers did: a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseResults {
    /// Unique within the workload: `64 connections, 128 bytes`.
    pub name: String,
    /// More of it, in a line; may be empty.
    pub about: String,
    /// What decides who wins.
    pub headline: Figure,
    /// What a plot can have on its axis: `connections`, `bytes`, `depth`, `percent` (of capacity).
    pub axes: BTreeMap<String, f64>,
    /// In the order of the peers' table.
    pub rows: Vec<Row>,
    pub skipped: Vec<Skipped>,
}

/// A peer that was not measured in a case, or failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Skipped {
    pub peer: String,
    pub why: String,
    /// It was there and went wrong.
    pub failed: bool,
}

/// One peer in one case, over all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub peer: String,
    /// As taken, by a peer that has several: kind and kernel tier.
    pub driver: Option<Driver>,
    pub figures: BTreeMap<Figure, Spread>,
    /// To each baseline, of the headline figure and of what else is worth comparing.
    pub ratios: Vec<Ratio>,
    /// Rounds apart by so much that the row is no number to boast of.
    pub noisy: bool,
    /// What else a reader should know: the generator was the bottleneck, answers were wrong.
    pub notes: Vec<String>,
    /// In the order of the rounds.
    pub samples: Vec<Sample>,
}

/// A row's figure by a baseline's in the same round, then over the rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ratio {
    pub against: String,
    pub figure: Figure,
    #[serde(flatten)]
    pub spread: Spread,
}

/// One measurement of one peer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    pub round: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    pub figures: BTreeMap<Figure, f64>,
}

/// What can be measured. Times are in nanoseconds, memory and sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// CPU time of one operation: of the server's process, or of the only one; all threads.
    Cpu,
    /// From one operation to the next, by the wall clock.
    Elapsed,
    /// Operations a second.
    Throughput,
    /// CPU time of the load generator for one operation.
    LoadCpu,
    /// The part of the time in which the server had a processor, in percent.
    ServerBusy,
    /// The same of the generator.
    LoadBusy,
    /// Latency below which half of the operations stay.
    P50,
    P90,
    P99,
    P999,
    /// The longest.
    Max,
    /// System calls of the server for one operation.
    Syscalls,
    /// Memory of one item.
    Memory,
    /// Of a file.
    Size,
    /// Wrong answers and lost connections, all in all.
    Errors,
    /// Requests of an open loop without an answer long after it.
    Unanswered,
    /// Of the requests of an open loop, those that the generator sent late, in percent.
    Late,
}

impl Figure {
    /// Whether less of it is better.
    pub fn less_is_better(self) -> bool {
        self != Self::Throughput
    }
}

/// The name in tables.
impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Cpu => "CPU",
            Self::Elapsed => "time",
            Self::Throughput => "a second",
            Self::LoadCpu => "generator's CPU",
            Self::ServerBusy => "server busy",
            Self::LoadBusy => "generator busy",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "longest",
            Self::Syscalls => "system calls",
            Self::Memory => "memory",
            Self::Size => "size",
            Self::Errors => "errors",
            Self::Unanswered => "unanswered",
            Self::Late => "sent late",
        })
    }
}
