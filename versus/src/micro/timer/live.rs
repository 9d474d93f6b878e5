//! A million live timers, and what is done beside them.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use fastrand::Rng;

use super::{Resets, Timers, polled};
use crate::micro::{Lap, Runtime, Stopwatch, Work, heap};

/// Timers that live meanwhile.
const LIVE: usize = 1_000_000;

/// Tasks that have made them: some runtimes count the wakers of a task in 15 bits.
const MAKERS: usize = 100;

/// Those of them that are reset.
const RESET: usize = 10_000;

/// The loop has a turn after that many operations: its own timers get due, too.
const TURN: u64 = 1_024;

/// The random numbers of a run: the same for all.
const SEED: u64 = 0x2545_f491_4f6c_dd1d;

pub fn insert_cancel<R: Timers>(work: &Work) -> io::Result<Lap> {
    let operations = work.operations;
    R::run(work, async move {
        let mut random = Rng::with_seed(SEED);
        let live = alive::<R, _>(&mut random, R::sleep).await?;
        let mut due = 0;
        let watch = Stopwatch::start()?;
        for number in 1..=operations {
            let mut sleep = pin!(R::sleep(far(&mut random)));
            due += u64::from(polled(&mut sleep).await);
            if number % TURN == 0 {
                R::yield_now().await;
            }
        }
        let lap = none_due(watch, due, operations)?;
        drop(live);
        Ok(lap)
    })
}

pub fn reset<R: Resets>(work: &Work) -> io::Result<Lap> {
    let operations = work.operations;
    R::run(work, async move {
        let mut random = Rng::with_seed(SEED);
        let mut live = alive::<R, _>(&mut random, R::sleep).await?;
        let mut due = 0;
        let watch = Stopwatch::start()?;
        for number in 1..=operations {
            let sleep = &mut live[number as usize % RESET * (LIVE / RESET)];
            R::reset(sleep.as_mut(), far(&mut random));
            due += u64::from(polled(sleep).await);
            if number % TURN == 0 {
                R::yield_now().await;
            }
        }
        none_due(watch, due, operations)
    })
}

pub fn memory<R: Timers>(work: &Work) -> io::Result<Lap> {
    let times = work.operations.div_ceil(LIVE as u64);
    R::run(work, async move {
        let mut random = Rng::with_seed(SEED);
        let mut each = None;
        let watch = Stopwatch::start()?;
        for _ in 0..times {
            let before = heap::in_use()?;
            let live = alive::<R, _>(&mut random, R::sleep).await?;
            // The first time: later, a runtime may have kept memory of those before.
            if each.is_none() {
                // The vector is no part of a timer.
                let vector = size_of_val(&live[..]);
                each = Some(heap::each_since(before + vector, live.len())?);
            }
        }
        let mut lap = watch.stop(times * LIVE as u64)?;
        lap.memory = each;
        Ok(lap)
    })
}

/// As many as are to live.
async fn alive<R: Runtime, S: Future + 'static>(
    random: &mut Rng,
    sleep: fn(Duration) -> S,
) -> io::Result<Vec<Pin<Box<S>>>> {
    let mut live = Vec::with_capacity(LIVE);
    for _ in 0..MAKERS {
        let mut random = random.fork();
        let some = R::spawn(async move {
            let mut some = Vec::with_capacity(LIVE / MAKERS);
            for _ in 0..LIVE / MAKERS {
                let mut one = Box::pin(sleep(far(&mut random)));
                polled(&mut one).await;
                some.push(one);
            }
            some
        });
        live.append(&mut some.await?);
    }
    Ok(live)
}

fn far(random: &mut Rng) -> Duration {
    Duration::from_micros(random.u64(1_000_000..=3_600_000_000))
}

/// Whether all sleeps were armed: one that is due at its first poll was not.
fn none_due(watch: Stopwatch, due: u64, operations: u64) -> io::Result<Lap> {
    let lap = watch.stop(operations)?;
    if due > 0 {
        return Err(io::Error::other(format!(
            "of {operations} sleeps of more than a second {due} were over at once"
        )));
    }
    Ok(lap)
}
