//! A current-thread runtime and its blocking pool.

use std::io;

use tokio::task::spawn_blocking;

use super::BATCH;
use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Tally, Work, one};

pub fn round_trip(work: &Work) -> io::Result<Lap> {
    one::tokio(work, async || {
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
    one::tokio(work, async || {
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
