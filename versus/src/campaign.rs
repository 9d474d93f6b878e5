//! Which peer is measured when: every case in rounds, every round all peers, the first one of a
//! round moving on by one each time, so that neither drift nor order favours anybody.

use std::io;
use std::path::PathBuf;

use ringmill::DriverKind;
use serde::{Serialize, Serializer};

use crate::child::Server;
use crate::cli::{self, Pace};
use crate::during::During;
use crate::foreign;
use crate::load::Outcome;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::report;
use crate::server::Driver;
use crate::workload::Workload;

/// What to measure, as asked on the command line.
#[derive(Debug, Serialize)]
pub struct Plan {
    pub workload: Workload,
    pub connections: Vec<usize>,
    pub depths: Vec<usize>,
    /// Bytes in a message; of no meaning to HTTP.
    pub size: usize,
    pub peers: Vec<Peer>,
    pub against: Vec<Peer>,
    /// As asked for, of the peers that have several.
    #[serde(serialize_with = "name")]
    pub driver: DriverKind,
    #[serde(flatten)]
    pub pace: Pace,
    pub server_cpu: usize,
    pub load_cpu: usize,
    #[serde(skip)]
    pub json: Option<PathBuf>,
}

fn name<S: Serializer>(driver: &DriverKind, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(driver)
}

/// One load: a table row for each peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    pub connections: usize,
    pub depth: usize,
}

/// One measurement of one peer.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    #[serde(flatten)]
    pub case: Case,
    pub round: usize,
    pub peer: Peer,
    /// As taken, by a peer that has several.
    pub driver: Option<Driver>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Measures everything in the plan, prints the tables, writes the JSON.
///
/// # Errors
/// When the plan makes no sense, a child fails, or the file cannot be written.
pub fn run(mut plan: Plan) -> io::Result<()> {
    settle(&mut plan)?;
    let machine = Machine::here();
    report::table::opening(&plan, &machine);
    let mut samples = Vec::new();
    for &connections in &plan.connections {
        for &depth in &plan.depths {
            let case = Case { connections, depth };
            let measured = rounds(&plan, case)?;
            report::table::case(&plan, case, &measured);
            samples.extend(measured);
        }
    }
    report::table::closing();
    match &plan.json {
        Some(path) => report::json::write(path, &plan, &machine, &samples)
            .during(format_args!("writing {}", path.display())),
        None => Ok(()),
    }
}

fn rounds(plan: &Plan, case: Case) -> io::Result<Vec<Sample>> {
    let mut samples = Vec::with_capacity(plan.pace.rounds * plan.peers.len());
    for round in 0..plan.pace.rounds {
        for turn in 0..plan.peers.len() {
            let peer = plan.peers[(round + turn) % plan.peers.len()];
            let mut server = Server::start(peer, plan)?;
            let outcome = server.load(plan, case)?;
            if outcome.requests == 0 {
                return Err(io::Error::other(format!("{peer} answered nothing")));
            }
            samples.push(Sample {
                case,
                round,
                peer,
                driver: server.driver.take(),
                outcome,
            });
        }
    }
    Ok(samples)
}

/// Fills in the peers and refuses what cannot be measured.
fn settle(plan: &mut Plan) -> io::Result<()> {
    plan.pace.check()?;
    let refuse = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if plan.peers.is_empty() {
        plan.peers = Peer::usual(plan.workload);
        plan.peers
            .retain(|peer| match foreign::build(&peer.to_string()) {
                Ok(()) => true,
                Err(why) => {
                    println!("{peer} {why}, and is skipped");
                    false
                }
            });
    }
    for &baseline in &plan.against {
        if !plan.peers.contains(&baseline) {
            plan.peers.push(baseline);
        }
    }
    for (position, &peer) in plan.peers.iter().enumerate() {
        if peer.serving(plan.workload).is_none() {
            return refuse(format!("{peer} does not serve {}", plan.workload.name()));
        }
        if plan.peers[..position].contains(&peer) {
            return refuse(format!("{peer} is named twice"));
        }
        foreign::build(&peer.to_string()).or_else(|why| refuse(format!("{peer} {why}")))?;
    }
    let deepest = cli::deepest(plan.size);
    if let Some(&depth) = plan
        .depths
        .iter()
        .find(|depth| !(1..=deepest).contains(*depth))
    {
        return refuse(format!(
            "a depth of {depth} is not within 1..={deepest}, for messages of this size"
        ));
    }
    if plan.connections.contains(&0) {
        return refuse(String::from("no connections"));
    }
    Ok(())
}
