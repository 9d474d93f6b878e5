//! Channels between two loops, or two runtimes, each on a processor of its own.
//!
//! Ringmill's peers `-latency` and `-efficient` have that spin policy, `-epoll` that driver, the others
//! the defaults. Where there is a choice, each contender is written as its users write it for speed:
//! Tokio is two current-thread runtimes and sends batches by permits, flume runs on the same two
//! runtimes. A message is a number, and the receiver adds them up: one that is lost or comes twice is
//! an error.

mod flume;
#[cfg_attr(not(feature = "glommio"), path = "without_glommio.rs")]
mod glommio;
mod ringmill;
mod tokio;

pub use self::ringmill::two_loops;
pub use self::tokio::two_runtimes;

use super::{Case, Suite, contender, optional};
use crate::results::Figure;

/// Room in the channels; the figure that READMEs and issue trackers compare at.
const CAPACITY: usize = 1024;

/// Messages in a batch.
const BATCH: usize = 64;

/// Senders that share a channel, half of them on the receiver's own loop.
const SENDERS: u64 = 4;

/// All that `versus channel` measures.
pub static SUITE: Suite = Suite {
    name: "channel",
    first: 1_000,
    cases: &[
        Case {
            name: "one-way",
            about: "messages one by one to the other loop, room for 1,024",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::one_way),
                contender("ringmill-spsc", ringmill::one_way_spsc),
                contender("tokio", tokio::one_way),
                optional("glommio", glommio::ONE_WAY),
                contender("flume", flume::one_way),
            ],
        },
        Case {
            name: "batches",
            about: "the same, sent and received 64 at a time where the channel can",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::half_batches),
                contender("ringmill-spsc", ringmill::batches),
                contender("ringmill-spsc-latency", ringmill::batches_latency),
                contender("tokio", tokio::batches),
                contender("flume", flume::batches),
            ],
        },
        Case {
            name: "fan-in",
            about: "one by one from four senders, two of them on the receiver's own loop",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::fan_in),
                contender("tokio", tokio::fan_in),
                contender("flume", flume::fan_in),
            ],
        },
        Case {
            name: "ping-pong",
            about: "a message to the other loop and one back, room for 1",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::ping_pong),
                contender("ringmill-epoll", ringmill::ping_pong_epoll),
                contender("ringmill-latency", ringmill::ping_pong_latency),
                contender("ringmill-efficient", ringmill::ping_pong_efficient),
                contender("tokio", tokio::ping_pong),
                optional("glommio", glommio::PING_PONG),
                optional("glommio-spinning", glommio::PING_PONG_SPINNING),
                contender("flume", flume::ping_pong),
            ],
        },
        Case {
            name: "call",
            about: "a future run on the other loop, and its output",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::call),
                contender("ringmill-epoll", ringmill::call_epoll),
                contender("ringmill-latency", ringmill::call_latency),
                contender("ringmill-efficient", ringmill::call_efficient),
                contender("tokio", tokio::call),
            ],
        },
    ],
};
