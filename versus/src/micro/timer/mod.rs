//! Timers: armed and cancelled beside a million others, as a server's timeouts are; put off; fired;
//! and what one takes of the heap.
//!
//! The work is written once, for any runtime with [`Timers`].

mod fire;
mod live;
mod runtimes;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::runtimes::{Ringmill, RingmillEpoll, Tokio};
use super::{Case, Measure, Runtime, Suite, contender, foreign};
use crate::results::Figure;
use fire::fire;
use live::{insert_cancel, memory, reset};

/// A runtime's timers.
pub trait Timers: Runtime {
    /// Waits for that long.
    fn sleep(duration: Duration) -> impl Future + 'static;
}

/// Timers that can be put off.
pub trait Resets: Runtime {
    /// Waits.
    type Sleep: Future + 'static;

    /// Waits for that long.
    fn sleep(duration: Duration) -> Self::Sleep;

    /// Has it wait for that long from now.
    fn reset(sleep: Pin<&mut Self::Sleep>, duration: Duration);
}

/// All that `versus timer` measures.
pub static SUITE: Suite = Suite {
    name: "timer",
    about: "sleeps, many at a time",
    // Each try is made beside a million timers, which take longer to make than this.
    first: 100_000,
    prepare: None,
    cases: &[
        Case {
            name: "insert-cancel",
            about: "a sleep of 1 s to 1 h, polled once and dropped, beside 1,000,000 others",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", insert_cancel::<Ringmill>),
                contender("tokio", insert_cancel::<Tokio>),
                foreign("monoio"),
                foreign("glommio"),
                foreign("compio"),
            ],
        },
        Case {
            name: "reset",
            about: "one of 10,000 sleeps, put off by 1 s to 1 h and polled, beside 990,000 others",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", reset::<Ringmill>),
                contender("tokio", reset::<Tokio>),
                foreign("monoio"),
                foreign("glommio"),
            ],
        },
        Case {
            name: "fire",
            about: "10,000 tasks sleep for 1 to 10 ms, again and again; a sleep",
            // The wall clock counts the sleeping.
            headline: Figure::Cpu,
            contenders: &[
                contender("ringmill", fire::<Ringmill>),
                contender("ringmill-epoll", fire::<RingmillEpoll>),
                contender("tokio", fire::<Tokio>),
                foreign("monoio"),
                foreign("glommio"),
                foreign("compio"),
            ],
        },
        Case {
            name: "memory",
            about: "1,000,000 boxed sleeps, polled once each and then dropped",
            headline: Figure::Memory,
            contenders: &[
                contender("ringmill", memory::<Ringmill>),
                contender("tokio", memory::<Tokio>),
                foreign("monoio"),
                foreign("glommio"),
                foreign("compio"),
            ],
        },
    ],
};

/// The suite, the cases that need no more than sleeps, and what a runtime does in them; for a package that has another one.
pub const fn measures<R: Timers>() -> [(&'static str, &'static str, Measure); 3] {
    [
        (SUITE.name, "insert-cancel", insert_cancel::<R>),
        (SUITE.name, "fire", fire::<R>),
        (SUITE.name, "memory", memory::<R>),
    ]
}

/// What it does in the others, if its sleeps can be put off.
pub const fn resets<R: Resets>() -> [(&'static str, &'static str, Measure); 1] {
    [(SUITE.name, "reset", reset::<R>)]
}

/// Polls once; whether that was the end.
async fn polled(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_ready())).await
}
