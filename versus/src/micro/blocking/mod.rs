//! Closures that might block: to the pool and back.
//!
//! Each runtime is one loop on the first processor; the pools' threads may use both.

mod ringmill;
mod tokio;

use super::{Case, Suite, contender};
use crate::results::Figure;

/// Closures in a batch.
const BATCH: u64 = 1_000;

/// All that `versus blocking` measures.
pub static SUITE: Suite = Suite {
    name: "blocking",
    first: 1_000,
    cases: &[
        Case {
            name: "round-trip",
            about: "one closure that does nothing, awaited before the next",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::round_trip),
                contender("ringmill-epoll", ringmill::round_trip_epoll),
                contender("ringmill-compute", ringmill::round_trip_compute),
                contender("tokio", tokio::round_trip),
            ],
        },
        Case {
            name: "batches",
            about: "a thousand such closures at once, then all awaited; time of one",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::batches),
                contender("ringmill-epoll", ringmill::batches_epoll),
                contender("ringmill-compute", ringmill::batches_compute),
                contender("tokio", tokio::batches),
            ],
        },
    ],
};
