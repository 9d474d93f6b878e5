//! Tasks of one thread: what it takes to start one and to wait for it, to let the others run, to wake
//! another, and what one that sleeps takes of the heap.
//!
//! The work is written once, for any [`Runtime`]. What takes place between two loops is in the suite
//! `channel`: a wake-up of the other one in `ping-pong`, a task on the other one in `call`. Tokio has
//! its `LocalSet` (`tokio-local`) and its `LocalRuntime` beside `tokio::spawn`, as their tasks need not
//! be `Send`, which those of Ringmill need not be either.

mod asleep;
mod turn;

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::runtimes::{Ringmill, RingmillEpoll, Tokio, TokioLocal, TokioLocalRuntime, TokioMulti};
use super::{
    Case, Contender, Lap, Measure, Runtime, Stopwatch, Suite, Tally, Work, contender, foreign,
};
use crate::results::Figure;
use turn::Turn;

/// Tasks at a time, in the cases of that name.
const TASKS: u64 = 64;

/// All that `versus task` measures.
pub static SUITE: Suite = Suite {
    name: "task",
    about: "tasks of one thread",
    first: 1_000,
    prepare: None,
    cases: &[
        Case {
            name: "spawn-join",
            about: "a task started and waited for, one at a time",
            headline: Figure::Elapsed,
            contenders: contenders!(spawn_join, "monoio", "glommio", "compio"),
        },
        Case {
            name: "spawn-join-64",
            about: "64 tasks started, then waited for; a task",
            headline: Figure::Elapsed,
            contenders: contenders!(spawn_join_64, "monoio", "glommio", "compio"),
        },
        Case {
            name: "yield",
            about: "one task lets others run, of which there are none",
            headline: Figure::Elapsed,
            contenders: contenders!(yield_now, "glommio", "compio"),
        },
        Case {
            name: "yield-64",
            about: "64 tasks let each other run; a turn",
            headline: Figure::Elapsed,
            contenders: contenders!(yield_64, "glommio", "compio"),
        },
        Case {
            name: "wake",
            about: "two tasks wake each other by turns; a wake-up and the turn that it leads to",
            headline: Figure::Elapsed,
            contenders: contenders!(wake, "monoio", "glommio", "compio"),
        },
        Case {
            name: "memory",
            about: "100,000 tasks asleep, then woken and waited for; a task",
            headline: Figure::Memory,
            contenders: contenders!(memory, "monoio", "glommio", "compio"),
        },
    ],
};

/// A row for each of the runtimes here.
macro_rules! contenders {
    ($measure:ident, $($foreign:literal),*) => {{
        const CONTENDERS: &[Contender] = &[
            contender("ringmill", $measure::<Ringmill>),
            contender("ringmill-epoll", $measure::<RingmillEpoll>),
            contender("tokio", $measure::<Tokio>),
            contender("tokio-local", $measure::<TokioLocal>),
            contender("tokio-local-runtime", $measure::<TokioLocalRuntime>),
            contender("tokio-multi", $measure::<TokioMulti>),
            $(foreign($foreign),)*
        ];
        CONTENDERS
    }};
}
use contenders;

/// The suite, the cases that need no `yield_now`, and what a runtime does in them; for a package that
/// has another one.
pub const fn measures<R: Runtime>() -> [(&'static str, &'static str, Measure); 4] {
    [
        (SUITE.name, "spawn-join", spawn_join::<R>),
        (SUITE.name, "spawn-join-64", spawn_join_64::<R>),
        (SUITE.name, "wake", wake::<R>),
        (SUITE.name, "memory", memory::<R>),
    ]
}

/// The others.
pub const fn yields<R: Runtime>() -> [(&'static str, &'static str, Measure); 2] {
    [
        (SUITE.name, "yield", yield_now::<R>),
        (SUITE.name, "yield-64", yield_64::<R>),
    ]
}

fn spawn_join<R: Runtime>(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    R::run(work, async move {
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for number in 0..each {
            tally.add(R::spawn(async move { number }).await?);
        }
        watch.stop(tally.expect(1, each)?)
    })
}

fn spawn_join_64<R: Runtime>(work: &Work) -> io::Result<Lap> {
    let batches = work.operations.div_ceil(TASKS);
    R::run(work, async move {
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        let mut tasks = Vec::with_capacity(TASKS as usize);
        for _ in 0..batches {
            tasks.extend((0..TASKS).map(|number| R::spawn(async move { number })));
            for task in tasks.drain(..) {
                tally.add(task.await?);
            }
        }
        watch.stop(tally.expect(batches, TASKS)?)
    })
}

fn yield_now<R: Runtime>(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    R::run(work, async move {
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for number in 0..each {
            R::yield_now().await;
            tally.add(number);
        }
        watch.stop(tally.expect(1, each)?)
    })
}

fn yield_64<R: Runtime>(work: &Work) -> io::Result<Lap> {
    let each = work.operations.div_ceil(TASKS);
    R::run(work, async move {
        let watch = Stopwatch::start()?;
        let running = Rc::new(Cell::new(TASKS));
        let task = |own| {
            let running = running.clone();
            R::spawn(async move {
                let (mut tally, mut alone) = (Tally::default(), 0);
                for number in 0..each {
                    running.set(own);
                    R::yield_now().await;
                    alone += u64::from(running.get() == own);
                    tally.add(number);
                }
                // When the others have ended, it may be.
                if alone > 1 + each / 2 {
                    return Err(io::Error::other("a task that yields has run again at once"));
                }
                tally.expect(1, each)
            })
        };
        let tasks: Vec<_> = (0..TASKS).map(task).collect();
        let mut turns = 0;
        for task in tasks {
            turns += task.await??;
        }
        watch.stop(turns)
    })
}

fn wake<R: Runtime>(work: &Work) -> io::Result<Lap> {
    let each = work.operations.div_ceil(2);
    R::run(work, async move {
        let watch = Stopwatch::start()?;
        let turns = Rc::new((Turn::default(), Turn::default()));
        let theirs = turns.clone();
        let other = R::spawn(async move {
            let mut tally = Tally::default();
            for number in 0..each {
                theirs.0.reaches(number + 1).await;
                tally.add(number);
                theirs.1.pass();
            }
            tally.expect(1, each)
        });
        for number in 0..each {
            turns.0.pass();
            turns.1.reaches(number + 1).await;
        }
        watch.stop(2 * other.await??)
    })
}

fn memory<R: Runtime>(work: &Work) -> io::Result<Lap> {
    R::run(work, asleep::measured::<R>(work.operations))
}
