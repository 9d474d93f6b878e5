//! A run made up for the tests, with all workloads and peers.

use std::collections::BTreeMap;

use crate::cli::Pace;
use crate::machine::Machine;
use crate::results::{CaseResults, Figure, Ratio, Results, Row, Sample, Skipped, WorkloadResults};
use crate::server::Driver;
use crate::statistics::Spread;

const ROUNDS: usize = 5;

/// What a peer costs beside Ringmill's 1.
const PEERS: [(&str, f64); 10] = [
    ("ringmill", 1.0),
    ("ringmill-epoll", 1.35),
    ("tokio", 1.5),
    ("tokio-multi", 1.9),
    ("tokio-per-core", 1.45),
    ("monoio", 1.06),
    ("glommio", 2.1),
    ("compio", 1.2),
    ("ring", 0.78),
    ("epoll", 1.02),
];

/// Everything that a run can have.
pub fn whole() -> Results {
    let mut echo = Vec::new();
    for connections in [1.0, 8.0, 64.0, 1_000.0, 10_000.0_f64] {
        echo.push(wire(
            connections,
            128.0,
            1.0,
            6_000.0 + 900.0 * connections.log10(),
        ));
    }
    for bytes in [64.0, 512.0, 4_096.0, 65_536.0, 524_288.0] {
        echo.push(wire(64.0, bytes, 1.0, 6_500.0 + 0.3 * bytes));
    }
    for depth in [4.0, 16.0_f64] {
        echo.push(wire(64.0, 128.0, depth, 7_000.0 / depth.sqrt()));
    }
    let latency = [10.0, 50.0, 80.0].map(|percent| {
        let name = format!("{percent}% of capacity");
        let figures = [
            (Figure::P99, 1.0),
            (Figure::P50, 0.2),
            (Figure::P90, 0.6),
            (Figure::P999, 3.0),
        ];
        let base = 90_000.0 * (1.0 + percent / 25.0);
        let mut case = case(&name, &[("percent", percent)], base, &figures);
        for row in &mut case.rows {
            row.figures.insert(Figure::Max, row.figures[&Figure::P999]);
            row.figures.insert(Figure::Cpu, row.figures[&Figure::P50]);
        }
        case
    });
    let inner = |names: &[&str], base: f64| -> Vec<CaseResults> {
        let cases = names.iter().enumerate();
        let cases = cases.map(|(at, name)| {
            let figures = [(Figure::Elapsed, 1.0), (Figure::Cpu, 0.98)];
            case(name, &[], base * (1.0 + at as f64), &figures)
        });
        cases.collect()
    };
    let bytes = |figure| [(figure, 1.0)];
    let mut small = inner(&["spawn and join", "yield", "wake across threads"], 60.0);
    small[1].rows[1].noisy = true;
    small[2].rows[0]
        .notes
        .push(String::from("<the generator> was the bottleneck"));
    let http = [(64.0, 1.0), (64.0, 16.0), (1_000.0, 1.0)];
    let http = http.map(|(connections, depth)| wire(connections, f64::NAN, depth, 11_000.0));
    let workloads = vec![
        workload("echo", echo),
        workload("http", http.into()),
        workload("churn", vec![wire(64.0, 128.0, 1.0, 45_000.0)]),
        workload("skewed", vec![wire(64.0, 128.0, 1.0, 8_000.0)]),
        workload("latency", latency.into()),
        workload("task", small),
        workload("timer", inner(&["arm and cancel", "a million live"], 90.0)),
        workload("channel", inner(&["ping-pong", "stream"], 120.0)),
        workload(
            "idle",
            vec![case(
                "10000 idle connections",
                &[("connections", 10_000.0)],
                3_000.0,
                &[(Figure::Memory, 1.0), (Figure::Cpu, 2.0)],
            )],
        ),
        workload("start", inner(&["start and stop"], 250_000.0)),
        workload(
            "size",
            vec![case("echo server", &[], 900_000.0, &bytes(Figure::Size))],
        ),
    ];
    Results {
        machine: machine(),
        command: String::from("run"),
        cpus: [0, 1],
        pace: Pace {
            rounds: ROUNDS,
            seconds: 3.0,
            warm_up: 1.0,
        },
        took_seconds: 7_512.0,
        workloads,
    }
}

/// One case, with the peers' headlines as given.
pub fn single(name: &str, figure: Figure, rows: &[(&str, f64)]) -> Results {
    let rows = rows
        .iter()
        .map(|(peer, value)| row(peer, *value, &[(figure, 1.0)]));
    let case = CaseResults {
        name: String::from("the only case"),
        about: String::new(),
        headline: figure,
        axes: BTreeMap::from([(String::from("connections"), 64.0)]),
        rows: rows.collect(),
        skipped: Vec::new(),
    };
    Results {
        machine: machine(),
        command: String::from("run"),
        cpus: [0, 1],
        pace: Pace {
            rounds: ROUNDS,
            seconds: 1.0,
            warm_up: 0.1,
        },
        took_seconds: 12.0,
        workloads: vec![workload(name, vec![case])],
    }
}

fn machine() -> Machine {
    Machine {
        kernel: String::from("6.12.9"),
        cpu: String::from("Imagined CPU <8 cores> @ 3.2 GHz"),
        processors: 8,
        memory: 16 << 30,
        allocator: String::from("the system's (glibc malloc)"),
        compiler: String::from("rustc 1.95.0"),
        congestion_control: String::from("cubic"),
        date: String::from("2026-01-31T23:59:59Z"),
    }
}

fn workload(name: &str, cases: Vec<CaseResults>) -> WorkloadResults {
    WorkloadResults {
        name: name.to_owned(),
        about: format!("What {name} does & how, in a line."),
        cases,
    }
}

fn wire(connections: f64, bytes: f64, depth: f64, cpu: f64) -> CaseResults {
    let mut axes = vec![("connections", connections), ("depth", depth)];
    let mut name = format!("{connections} connections, depth {depth}");
    if bytes.is_finite() {
        axes.push(("bytes", bytes));
        name = format!("{name}, {bytes} bytes");
    }
    let figures = [
        (Figure::Cpu, 1.0),
        (Figure::P50, 60.0),
        (Figure::P99, 90.0),
        (Figure::Syscalls, 0.000_1),
        (Figure::LoadBusy, 0.009),
        (Figure::ServerBusy, 0.016),
        (Figure::LoadCpu, 0.7),
    ];
    case(&name, &axes, cpu, &figures)
}

fn case(name: &str, axes: &[(&str, f64)], base: f64, figures: &[(Figure, f64)]) -> CaseResults {
    let in_process = axes.is_empty();
    let measured = |peer: &&(&str, f64)| {
        let unable = peer.0 == "glommio" && name.starts_with("64 connections, depth 16");
        !unable && (!in_process || !["ring", "epoll", "ringmill-epoll"].contains(&peer.0))
    };
    let rows = PEERS.iter().filter(measured);
    let mut rows: Vec<Row> = rows
        .map(|(peer, cost)| row(peer, base * cost, figures))
        .collect();
    let others: Vec<Row> = rows.clone();
    for row in &mut rows {
        for baseline in others
            .iter()
            .filter(|other| ["tokio", "ring"].contains(&other.peer.as_str()))
        {
            let figure = figures[0].0;
            let median = row.figures[&figure].median / baseline.figures[&figure].median;
            let spread = Spread::of([0.97, 1.0, 1.02].map(|part| part * median));
            row.ratios.extend(spread.map(|spread| Ratio {
                against: baseline.peer.clone(),
                figure,
                spread,
            }));
        }
    }
    CaseResults {
        name: name.to_owned(),
        about: String::from("Every connection waits for its answer."),
        headline: figures[0].0,
        axes: axes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect(),
        rows,
        skipped: vec![Skipped {
            peer: String::from("compio"),
            why: String::from("panicked at src/<main>.rs | line 7"),
            failed: true,
        }],
    }
}

fn row(peer: &str, cost: f64, figures: &[(Figure, f64)]) -> Row {
    let samples: Vec<Sample> = (0..ROUNDS)
        .map(|round| {
            // Apart by a few percent, in an order that is no peer's favour.
            let mood = 1.0 + 0.03 * ((round * 7 + peer.len() * 3) as f64).sin();
            let mut of_round: BTreeMap<Figure, f64> = figures
                .iter()
                .map(|(figure, share)| (*figure, share * cost * mood))
                .collect();
            for busy in [Figure::LoadBusy, Figure::ServerBusy] {
                of_round
                    .entry(busy)
                    .and_modify(|percent| *percent = percent.min(100.0));
            }
            if of_round.contains_key(&Figure::Cpu) {
                of_round.insert(Figure::Throughput, 0.9e9 / cost / mood);
            }
            Sample {
                round,
                driver: None,
                figures: of_round,
            }
        })
        .collect();
    let mut spreads = BTreeMap::new();
    for figure in samples[0].figures.keys() {
        let values = samples.iter().map(|sample| sample.figures[figure]);
        spreads.extend(Spread::of(values).map(|spread| (*figure, spread)));
    }
    let driver = |kind: &str, tier: &str| Driver {
        kind: kind.to_owned(),
        tier: tier.to_owned(),
    };
    Row {
        peer: peer.to_owned(),
        driver: match peer {
            "ringmill" => Some(driver("uring", "multishot, buffer rings")),
            "ringmill-epoll" => Some(driver("epoll", "epoll")),
            _ => None,
        },
        figures: spreads,
        ratios: Vec::new(),
        noisy: false,
        notes: Vec::new(),
        samples,
    }
}
