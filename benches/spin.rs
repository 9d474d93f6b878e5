//! What each spin policy gains in latency and costs in processor time: one loop calls another at
//! intervals, on two processors that have nothing else to do.
//!
//! ```text
//! cargo bench --bench spin
//! ```

use ringmill::{Builder, Handle, SpinPolicy, time};
use std::time::{Duration, Instant};

/// How long each line of the table is measured.
const MEASURED: Duration = Duration::from_secs(1);

const POLICIES: [(&str, SpinPolicy); 3] = [
    ("Efficient", SpinPolicy::Efficient),
    // What Balanced comes to where there are processors to spare.
    ("Balanced", SpinPolicy::UpTo(Duration::from_micros(50))),
    ("Latency", SpinPolicy::Latency),
];

fn main() {
    println!("| interval | policy | median | p99 | processors in use |");
    println!("|---|---|---|---|---|");
    for micros in [10, 30, 100, 300, 1_000, 3_000] {
        let interval = Duration::from_micros(micros);
        for (name, policy) in POLICIES {
            let (latencies, in_use) = measure(interval, policy);
            let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
            println!(
                "| {interval:?} | {name} | {:.1?} | {:.1?} | {in_use:.2} |",
                at(0.5),
                at(0.99)
            );
        }
    }
}

/// Sorted latencies, and how many processors the two loops had in the mean.
fn measure(interval: Duration, policy: SpinPolicy) -> (Vec<Duration>, f64) {
    let runtime = match Builder::new().loops(2).spin(policy).build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("{error}"),
    };
    runtime.block_on(async {
        let handle = Handle::current();
        let other = &handle.loops()[1];
        let mut latencies = Vec::new();
        let (start, before) = (Instant::now(), processor_time(&handle));
        while start.elapsed() < MEASURED {
            time::sleep(interval).await;
            let asked = Instant::now();
            other.call(|| async {}).await.expect("the loop lives");
            latencies.push(asked.elapsed());
        }
        let used = processor_time(&handle) - before;
        let in_use = used.as_secs_f64() / start.elapsed().as_secs_f64();
        latencies.sort();
        (latencies, in_use)
    })
}

fn processor_time(handle: &Handle) -> Duration {
    let stats = handle.stats();
    stats.iter().map(|stats| stats.busy + stats.spun).sum()
}
