//! One loop and its pools.

use std::io;

use ringmill::DriverKind;
use ringmill::blocking::{self, Job, spawn_blocking};

use super::BATCH;
use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Tally, Work, one};

/// Starts the closure that gives a number back.
type Start = fn(u64) -> Job<u64>;

fn block(number: u64) -> Job<u64> {
    spawn_blocking(move || number)
}

fn compute(number: u64) -> Job<u64> {
    blocking::compute(move || number)
}

pub fn round_trip(work: &Work) -> io::Result<Lap> {
    one_by_one(work, DriverKind::Auto, block)
}

pub fn round_trip_epoll(work: &Work) -> io::Result<Lap> {
    one_by_one(work, DriverKind::Epoll, block)
}

pub fn round_trip_compute(work: &Work) -> io::Result<Lap> {
    one_by_one(work, DriverKind::Auto, compute)
}

pub fn batches(work: &Work) -> io::Result<Lap> {
    many_at_once(work, DriverKind::Auto, block)
}

pub fn batches_epoll(work: &Work) -> io::Result<Lap> {
    many_at_once(work, DriverKind::Epoll, block)
}

pub fn batches_compute(work: &Work) -> io::Result<Lap> {
    many_at_once(work, DriverKind::Auto, compute)
}

fn one_by_one(work: &Work, driver: DriverKind, start: Start) -> io::Result<Lap> {
    one::ringmill(work, driver, async || {
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for number in 0..work.operations {
            tally.add(start(number).await.map_err(io::Error::other)?);
        }
        watch.stop(tally.expect(1, work.operations)?)
    })
}

fn many_at_once(work: &Work, driver: DriverKind, start: Start) -> io::Result<Lap> {
    let batches = work.operations.div_ceil(BATCH);
    one::ringmill(work, driver, async || {
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for _ in 0..batches {
            let jobs: Vec<_> = (0..BATCH).map(start).collect();
            for job in jobs {
                tally.add(job.await.map_err(io::Error::other)?);
            }
        }
        watch.stop(tally.expect(batches, BATCH)?)
    })
}
