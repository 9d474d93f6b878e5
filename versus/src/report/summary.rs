//! One peer in one case, over all rounds.

use serde::Serialize;

use crate::campaign::{Case, Plan, Sample};
use crate::peers::Peer;
use crate::server::Driver;
use crate::statistics::Spread;

/// At this many percent a process counts as never idle.
const BUSY: f64 = 95.0;

/// Server CPU of a peer against a baseline's in the same round.
#[derive(Serialize)]
pub struct Ratio {
    pub against: Peer,
    #[serde(flatten)]
    pub ratio: Spread,
}

/// Medians over the rounds, with their ranges; times in microseconds, busy shares in percent.
#[derive(Serialize)]
pub struct Summary {
    #[serde(flatten)]
    pub case: Case,
    pub peer: Peer,
    /// What its servers ran on, where the peer has several drivers; one, unless they differed.
    pub drivers: Vec<Driver>,
    /// Server CPU a request.
    pub server_cost: Spread,
    pub ratios: Vec<Ratio>,
    pub server_busy: Spread,
    /// Generator CPU a request.
    pub load_cost: Spread,
    pub load_busy: Spread,
    pub throughput: Spread,
    pub p50: Spread,
    pub p99: Spread,
    pub errors: u64,
    /// The generator never rested and the server did: the server's limit was not reached.
    pub generator_bound: bool,
    /// The generator costs less than the server.
    pub generator_cheaper: bool,
}

impl Summary {
    /// `None` for a peer without samples in the case.
    pub fn of(plan: &Plan, case: Case, peer: Peer, samples: &[Sample]) -> Option<Self> {
        let of_case: Vec<&Sample> = samples.iter().filter(|one| one.case == case).collect();
        let own: Vec<&Sample> = of_case
            .iter()
            .copied()
            .filter(|one| one.peer == peer)
            .collect();
        let spread = |figure: fn(&Sample) -> f64| Spread::of(own.iter().map(|one| figure(one)));
        let ratios = plan
            .against
            .iter()
            .filter_map(|&against| {
                let ratio = Spread::of(own.iter().filter_map(|one| {
                    let base = of_case
                        .iter()
                        .find(|other| other.peer == against && other.round == one.round)?;
                    Some(one.outcome.server_cost() / base.outcome.server_cost())
                }))?;
                Some(Ratio { against, ratio })
            })
            .collect();
        let mut drivers: Vec<Driver> = own.iter().filter_map(|one| one.driver.clone()).collect();
        drivers.dedup();
        let server_cost = spread(|one| one.outcome.server_cost())?;
        let load_cost = spread(|one| one.outcome.load_cost())?;
        let server_busy = spread(|one| one.outcome.server_busy())?;
        let load_busy = spread(|one| one.outcome.load_busy())?;
        Some(Self {
            case,
            peer,
            drivers,
            server_cost,
            ratios,
            server_busy,
            load_cost,
            load_busy,
            throughput: spread(|one| one.outcome.throughput())?,
            p50: spread(|one| one.outcome.p50_micros)?,
            p99: spread(|one| one.outcome.p99_micros)?,
            errors: own.iter().map(|one| one.outcome.errors).sum(),
            generator_bound: load_busy.median >= BUSY && server_busy.median < BUSY,
            generator_cheaper: load_cost.median < server_cost.median,
        })
    }

    /// What the servers ran on.
    pub fn driver(&self) -> String {
        let tiers: Vec<&str> = self.drivers.iter().map(|one| one.tier.as_str()).collect();
        match tiers[..] {
            [] => String::from("-"),
            _ => tiers.join(" / "),
        }
    }

    /// What a reader of the row should know.
    pub fn note(&self) -> String {
        let mut notes = Vec::new();
        if self.errors > 0 {
            notes.push(format!("{} ERRORS", self.errors));
        }
        if self.generator_bound {
            notes.push(String::from("generator-bound"));
        }
        if !self.generator_cheaper {
            notes.push(String::from("generator dearer than server"));
        }
        if self.server_busy.median < BUSY && self.load_busy.median < BUSY {
            notes.push(String::from("neither saturated"));
        }
        notes.join(", ")
    }
}
