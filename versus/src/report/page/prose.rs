//! What both outputs say in sentences, and in short tables.

use crate::results::{Figure, Results};

use crate::report::units;

pub const TITLE: &str = "Ringmill and its peers, measured";

/// What a reader types.
pub fn repeat(results: &Results) -> String {
    format!("cargo run --release -p versus -- {}", results.command)
}

/// What was done to get the figures, in honest sentences.
pub const METHOD: [&str; 7] = [
    "Over a wire, what decides is what a request costs: the CPU time of the server's whole process \
     (user and system, all threads) between two readings of its clock, divided by the requests \
     answered in between. Throughput and latency stand beside it; they depend more on the machine's \
     mood. Loopback's receiving side is charged to the sender as a rule, for all peers alike. Where \
     something else decides (latency, memory, the time of an operation) the table says so.",
    "Server and load generator are processes of their own, pinned to different processors (but for \
     skewed, whose server has both); what has no wire is measured in a process of its own for each \
     measurement.",
    "Rounds are interleaved: every round measures all peers, and each round begins with another one, \
     so that neither drift nor order favours anybody. Each measurement begins with a warm-up.",
    "A ratio is taken within a round, from measurements made close to each other in time; then the \
     median of the rounds is shown, with the lowest and the highest. Of absolute figures it is the \
     median with the quartiles.",
    "A ratio is noisy when the middle half of its rounds is wider than a tenth, when there are fewer \
     than five, or when answers were wrong, missing, or asked for late. A noisy one wins nothing \
     here; it loses all the same.",
    "The generator is checked: where it had no time left while the server rested, the row says that \
     the generator was the bottleneck, and throughput and latency then tell of the generator.",
    "Hand-written loops (ring, epoll), plain system calls (std) and fio are no runtimes but the \
     floor: what the same kernel interface costs without one. Of Tokio's modes (current-thread, \
     multi-thread, one runtime a core, local) the best in each case is the one compared with.",
];

/// How verdicts come about.
pub const VERDICTS: &str = "Every case against every baseline, by the case's headline figure. Win: the median ratio is \
     below 0.97 and not noisy. Loss: it is above 1.03. Even: anything else. The ratio is \
     turned so that less is better.";

/// The stamp of the run: a name and what it was.
pub fn stamp(results: &Results) -> Vec<(&'static str, String)> {
    let machine = &results.machine;
    let pace = results.pace;
    let memory = if machine.memory == 0 {
        String::from("unknown")
    } else {
        units::bytes(machine.memory as f64)
    };
    let processors = machine.processors;
    vec![
        ("Date", machine.date.clone()),
        ("Kernel", format!("Linux {}", machine.kernel)),
        ("Processor", machine.cpu.clone()),
        (
            "Processors",
            if processors == 0 {
                String::from("unknown")
            } else {
                processors.to_string()
            },
        ),
        ("Memory", memory),
        ("Compiler", machine.compiler.clone()),
        ("Allocator", machine.allocator.clone()),
        ("Congestion control", machine.congestion_control.clone()),
        (
            "Server and generator",
            format!("CPU {} and CPU {}", results.cpus[0], results.cpus[1]),
        ),
        ("Rounds", pace.rounds.to_string()),
        (
            "A measurement",
            format!("{} s, after {} s of warm-up", pace.seconds, pace.warm_up),
        ),
        ("The run took", units::duration(results.took_seconds)),
    ]
}

/// `echo` (CPU), `http` (CPU) …: what was measured, and what decides there.
pub fn measured(results: &Results) -> String {
    let names: Vec<String> = results
        .workloads
        .iter()
        .map(|workload| {
            let mut headlines: Vec<String> = Vec::new();
            for case in &workload.cases {
                let headline = case.headline.to_string();
                if !headlines.contains(&headline) {
                    headlines.push(headline);
                }
            }
            format!("{} ({})", workload.name, headlines.join(", "))
        })
        .collect();
    names.join(", ")
}

/// A column's name with what it is of.
pub fn column(figure: Figure) -> String {
    match figure {
        Figure::Throughput => String::from("throughput"),
        other => other.to_string(),
    }
}
