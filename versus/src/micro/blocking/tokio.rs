//! A current-thread runtime and its blocking pool.

use std::io;

use tokio::runtime;
use tokio::task::spawn_blocking;

use super::BATCH;
use crate::confine;
use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Tally, Work};

pub fn round_trip(work: &Work) -> io::Result<Lap> {
    one_runtime(work, async || {
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for number in 0..work.operations {
            tally.add(spawn_blocking(move || number).await?);
        }
        watch.stop(tally.expect(1, work.operations)?)
    })
}

pub fn batches(work: &Work) -> io::Result<Lap> {
    let batches = work.operations.div_ceil(BATCH);
    one_runtime(work, async || {
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for _ in 0..batches {
            let jobs: Vec<_> = (0..BATCH)
                .map(|number| spawn_blocking(move || number))
                .collect();
            for job in jobs {
                tally.add(job.await?);
            }
        }
        watch.stop(tally.expect(batches, BATCH)?)
    })
}

/// The pool's threads are given both processors, as Ringmill's are.
fn one_runtime(work: &Work, measured: impl AsyncFnOnce() -> io::Result<Lap>) -> io::Result<Lap> {
    let cpus = work.cpus;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_start(move || {
            // Refused, it measures the pool on one processor, which shows.
            let _ = confine::pin(&cpus);
        })
        .build()?;
    confine::pin(&cpus[..1])?;
    runtime.block_on(measured())
}
