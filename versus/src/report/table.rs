//! The table on stdout.

use crate::campaign::{Case, Plan, Sample};
use crate::machine::Machine;

use super::summary::Summary;

/// What is measured, where and when.
pub fn opening(plan: &Plan, machine: &Machine) {
    println!(
        "{} · {} rounds of {} s after {} s of warm-up · server on CPU {}, generator on CPU {}",
        plan.workload.name(),
        plan.pace.rounds,
        plan.pace.seconds,
        plan.pace.warm_up,
        plan.server_cpu,
        plan.load_cpu,
    );
    println!(
        "Linux {} · {} · {}",
        machine.kernel, machine.cpu, machine.date
    );
}

/// One case: a row for each peer.
pub fn case(plan: &Plan, case: Case, samples: &[Sample]) {
    println!();
    let size = if plan.size > 0 {
        format!(", {} bytes", plan.size)
    } else {
        String::new()
    };
    println!(
        "{} connections, depth {}{size}",
        case.connections, case.depth
    );
    print!(
        "{:<14} {:<18} {:>8} {:>6}",
        "peer", "driver", "CPU/req", "range"
    );
    for against in &plan.against {
        print!("  {:>22}", format!("ratio to {against}"));
    }
    println!(
        "  {:>5}  {:>8}  {:>7} {:>5}  {:>8} {:>8}  note",
        "busy", "req/s", "gen/req", "busy", "p50", "p99",
    );
    for &peer in &plan.peers {
        if let Some(summary) = Summary::of(plan, case, peer, samples) {
            row(&summary);
        }
    }
}

fn row(summary: &Summary) {
    print!(
        "{:<14} {:<18} {:>5.2} µs {:>5.0}%",
        summary.peer.to_string(),
        summary.driver(),
        summary.server_cost.median,
        summary.server_cost.width_percent(),
    );
    for ratio in &summary.ratios {
        let spread = ratio.ratio;
        let range = format!("({:.2}–{:.2})", spread.low, spread.high);
        print!("  {:>8.3} {range:>13}", spread.median);
    }
    println!(
        "  {:>4.0}%  {:>8.0}  {:>4.2} µs {:>4.0}%  {:>5.0} µs {:>5.0} µs  {}",
        summary.server_busy.median,
        summary.throughput.median,
        summary.load_cost.median,
        summary.load_busy.median,
        summary.p50.median,
        summary.p99.median,
        summary.note(),
    );
}

/// How to read it.
pub fn closing() {
    println!();
    println!(
        "CPU/req: CPU time of the server's process (user and system, all threads) a request, \
         median of the rounds;"
    );
    println!(
        "range: (highest - lowest) / median. Ratio: within each round, then the median \
         (lowest–highest)."
    );
    println!(
        "gen/req: the same of the load generator, which must be the smaller one; busy: CPU time \
         by wall time."
    );
    println!(
        "Generator-bound: the generator never rested while the server did; throughput and \
         latency then tell of the generator."
    );
}
