//! A runtime from its making to its end, with an empty future in between: what a test, or a short
//! program, pays for it.
//!
//! Threads are counted in where the runtime starts them for this; those of pools, which are started
//! by the first work for them, are not there. glommio is not there either: its executors leave
//! descriptors open when they end, some thousand cycles are all that a process has.

use std::io;
use std::thread;

use ringmill::DriverKind;
use tokio::runtime;

use super::{Case, Lap, Stopwatch, Suite, Tally, Work, contender, foreign};
use crate::confine;
use crate::results::Figure;

/// All that `versus start` measures.
pub static SUITE: Suite = Suite {
    name: "start",
    about: "a runtime from its making to its end",
    first: 8,
    prepare: None,
    cases: &[
        Case {
            name: "start-one",
            about: "a runtime with one loop or thread made, an empty future run, all of it ended",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", |work| ringmill_one(work, DriverKind::Auto)),
                contender("ringmill-epoll", |work| {
                    ringmill_one(work, DriverKind::Epoll)
                }),
                contender("tokio", tokio_one),
                contender("tokio-multi", tokio_multi_one),
                foreign("monoio"),
                foreign("compio"),
            ],
        },
        Case {
            name: "start-each-core",
            about: "the same with a loop or worker for each of the two processors",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", |work| ringmill_each(work, DriverKind::Auto)),
                contender("ringmill-epoll", |work| {
                    ringmill_each(work, DriverKind::Epoll)
                }),
                contender("tokio-multi", tokio_multi_each),
            ],
        },
    ],
};

/// Measures cycles on the first processor. A cycle makes a runtime, has it give the number back, and
/// ends it.
///
/// # Errors
/// As the cycle, or when a number is missing.
pub fn one(work: &Work, cycle: impl FnMut(u64) -> io::Result<u64>) -> io::Result<Lap> {
    work.pin()?;
    repeated(work, cycle)
}

/// As [`one`], on both processors; the cycle is told how many they are.
fn each_core(work: &Work, cycle: impl Fn(u64, usize) -> io::Result<u64>) -> io::Result<Lap> {
    confine::pin(&work.cpus)?;
    let processors = thread::available_parallelism()?.get();
    repeated(work, |number| cycle(number, processors))
}

fn repeated(work: &Work, mut cycle: impl FnMut(u64) -> io::Result<u64>) -> io::Result<Lap> {
    let watch = Stopwatch::start()?;
    let mut tally = Tally::default();
    for number in 0..work.operations {
        tally.add(cycle(number)?);
    }
    watch.stop(tally.expect(1, work.operations)?)
}

fn ringmill_one(work: &Work, driver: DriverKind) -> io::Result<Lap> {
    ringmill_driver(driver, one(work, |number| ringmill(number, 1, driver)))
}

fn ringmill_each(work: &Work, driver: DriverKind) -> io::Result<Lap> {
    let cycle = |number, loops| ringmill(number, loops, driver);
    ringmill_driver(driver, each_core(work, cycle))
}

fn ringmill(number: u64, loops: usize, driver: DriverKind) -> io::Result<u64> {
    let runtime = ringmill::Builder::new().loops(loops).driver(driver);
    Ok(runtime.build()?.block_on(async move { number }))
}

/// Notes which driver it was.
fn ringmill_driver(driver: DriverKind, lap: io::Result<Lap>) -> io::Result<Lap> {
    let runtime = ringmill::Builder::new().loops(1).driver(driver).build()?;
    Ok(lap?.on(runtime.handle().driver().into()))
}

fn tokio_one(work: &Work) -> io::Result<Lap> {
    one(work, |number| {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(async move { number }))
    })
}

fn tokio_multi_one(work: &Work) -> io::Result<Lap> {
    one(work, |number| tokio_multi(number, 1))
}

fn tokio_multi_each(work: &Work) -> io::Result<Lap> {
    each_core(work, tokio_multi)
}

fn tokio_multi(number: u64, workers: usize) -> io::Result<u64> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()?;
    Ok(runtime.block_on(async move { number }))
}
