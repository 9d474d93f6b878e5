//! Locks and the like: wanted by one task of one loop, and by many of two.
//!
//! Alone, one task asks and gives back, again and again. Queued, 64 tasks of one loop do, so that
//! each hand-over is from one task to the next. Contended, 64 tasks do, half of them on each of
//! two loops, or of two current-thread runtimes of Tokio's. `tokio-types` are Tokio's types on
//! Ringmill's loops, so that only the types differ. Every count is checked.

mod alone;
mod contended;
mod queued;

use super::{Case, Suite, contender};
use crate::results::Figure;

/// Tasks that want the same thing.
const TASKS: u64 = 64;

/// All that `versus sync` measures.
pub static SUITE: Suite = Suite {
    name: "sync",
    first: 1_000,
    cases: &[
        Case {
            name: "mutex",
            about: "lock and unlock, wanted by nobody else",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", alone::mutex),
                contender("ringmill-local", alone::mutex_local),
                contender("tokio", alone::mutex_tokio),
            ],
        },
        Case {
            name: "semaphore",
            about: "a permit taken and given back, wanted by nobody else",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", alone::semaphore),
                contender("ringmill-local", alone::semaphore_local),
                contender("tokio", alone::semaphore_tokio),
            ],
        },
        Case {
            name: "read",
            about: "a read lock, wanted by nobody else",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", alone::read),
                contender("ringmill-local", alone::read_local),
                contender("tokio", alone::read_tokio),
            ],
        },
        Case {
            name: "update",
            about: "a number incremented in an MVar, in Tokio's mutex, wanted by nobody else",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", alone::update),
                contender("ringmill-local", alone::update_local),
                contender("tokio", alone::mutex_tokio),
            ],
        },
        Case {
            name: "mutex-queued",
            about: "64 tasks of one loop increment a number under a lock that is held over a turn",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", queued::mutex),
                contender("ringmill-local", queued::mutex_local),
                contender("tokio-types", queued::mutex_tokio_types),
                contender("tokio", queued::mutex_tokio),
            ],
        },
        Case {
            name: "mutex-contended",
            about: "64 tasks on two loops increment a number under a lock",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", contended::mutex),
                contender("ringmill-mvar", contended::update),
                contender("tokio-types", contended::mutex_tokio_types),
                contender("tokio", contended::mutex_tokio),
            ],
        },
        Case {
            name: "mutex-held",
            about: "the same, and the lock is held over a turn of the loop",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", contended::held),
                contender("tokio-types", contended::held_tokio_types),
                contender("tokio", contended::held_tokio),
            ],
        },
        Case {
            name: "read-contended",
            about: "64 tasks on two loops read under a read-write lock",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", contended::read),
                contender("tokio-types", contended::read_tokio_types),
                contender("tokio", contended::read_tokio),
            ],
        },
    ],
};
