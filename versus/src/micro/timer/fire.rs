//! Timers that get due, by the thousand every millisecond.

use std::io;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::Timers;
use crate::micro::{Lap, Stopwatch, Work};

/// Tasks that sleep at the same time.
const TASKS: u64 = 10_000;

pub fn fire<R: Timers>(work: &Work) -> io::Result<Lap> {
    let each = work.operations.div_ceil(TASKS);
    R::run(work, async move {
        let watch = Stopwatch::start()?;
        let sleeper = |seed| R::spawn(sleeper::<R>(seed, each));
        let tasks: Vec<_> = (0..TASKS).map(sleeper).collect();
        let mut fired = 0;
        for task in tasks {
            fired += task.await??;
        }
        watch.stop(fired)
    })
}

/// Sleeps that often; how often that was.
async fn sleeper<R: Timers>(seed: u64, times: u64) -> io::Result<u64> {
    let mut random = Rng::with_seed(seed);
    let (start, mut slept, mut fired) = (Instant::now(), Duration::ZERO, 0);
    for _ in 0..times {
        let duration = Duration::from_micros(random.u64(1_000..=10_000));
        R::sleep(duration).await;
        slept += duration;
        fired += 1;
    }
    let took = start.elapsed();
    if took < slept {
        return Err(io::Error::other(format!(
            "{times} sleeps of {slept:?} in all were over after {took:?}"
        )));
    }
    Ok(fired)
}
