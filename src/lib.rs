//! Ringmill: a thread-per-core async runtime for Linux on io_uring, or on epoll where that is denied.
//!
//! Each core runs one event loop, which owns its ring, its tasks and its connections; nothing is
//! shared between loops on the way of a request, and what is sent to another loop goes by message.
//! So tasks need not be `Send`, and a connection stays on its loop.
//!
//! # A first program
//!
//! ```
//! use ringmill::net::{TcpListener, TcpStream};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     ringmill::block_on(async {
//!         let mut listener = TcpListener::bind("127.0.0.1:0").await?;
//!         let address = listener.local_addr()?;
//!
//!         // A task on this loop: it may borrow nothing, and need not be `Send`.
//!         let server = ringmill::spawn(async move {
//!             let (mut stream, _) = listener.accept().await?;
//!             while let Some(bytes) = stream.recv().await? {
//!                 stream.send(bytes).await.0?;
//!             }
//!             Ok::<_, std::io::Error>(())
//!         });
//!
//!         let mut client = TcpStream::connect(address).await?;
//!         client.write_all(b"hello").await?;
//!         let mut answer = [0; 5];
//!         client.read_exact(&mut answer).await?;
//!         assert_eq!(&answer, b"hello");
//!         drop(client);
//!         server.await?
//!     })??;
//!     Ok(())
//! }
//! ```
//!
//! # A tour
//!
//! - [`Runtime`] and its [`Builder`] make the loops; [`block_on`] is the short way to one of them.
//!   [`Handle`] and [`LoopRef`] address loops from any thread, and [`LoopStats`] are their counters.
//! - With the feature `macros`, `#[ringmill::main]` is around an `async fn main`, and
//!   `#[ringmill::test]` makes a test of an `async fn`, or one for each driver.
//! - [`spawn`] starts a task here, [`LoopRef::spawn`] one on another loop, [`spawn_anywhere`] one on
//!   whichever has time. A task that panics ends alone: its [`JoinHandle`] gives a [`JoinError`].
//! - [`LoopRef::call`] asks another loop and waits for the answer; [`PerLoop`] is a value on each
//!   loop.
//! - [`serve`] accepts on every loop, runs a handler for each connection, and drains on SIGTERM;
//!   [`Balance`] is how the connections are spread.
//! - [`Watchdog`] tells of a task that holds its loop up.
//! - [`DriverKind`] is how the loops speak to the kernel; [`Handle::driver`] tells which it is.
//! - [`scope`] is structured concurrency: [`scope()`](scope::scope()) for children that end before it
//!   does, cancel scopes, deadlines, shields, and [`JoinSet`](scope::JoinSet).
//! - [`doctor()`] examines the machine: what of io_uring works here, which limits are short, and how
//!   to get what is missing.
//! - [`channel`] carries messages between tasks, loops and threads: [`oneshot`](channel::oneshot),
//!   [`spsc`](channel::spsc), [`mpsc`](channel::mpsc), [`broadcast`](channel::broadcast),
//!   [`watch`](channel::watch).
//! - [`correlation::Waiters`] brings replies to the tasks that wait for them, by id.
//! - [`sync`] is what tasks agree by: fair locks, semaphores, events, values that are made once, across
//!   loops and threads; [`sync::local`], the same for the tasks of one loop, without atomics.
//! - [`blocking`] runs what blocks or computes on threads beside the loops:
//!   [`spawn_blocking`](blocking::spawn_blocking), [`compute`](blocking::compute), and pools of one's
//!   own.
//! - [`task_local!`] declares values that follow a piece of work to tasks, other loops and pools, and
//!   [`context`] carries them where they do not go by themselves. [`trace_id()`] is one of them.
//! - [`fs`] is files: read and written by the ring or in the pool, and never on the loop's time.
//! - [`net`] is TCP, [`time`] sleeps, intervals and timeouts, [`signal`] what the system and its
//!   operator tell the process.
//! - [`process`] starts programs, [`pipe`] is what they are talked to through, and FIFOs;
//!   [`stdio`] is this program's own standard streams.
//! - [`random`] draws numbers that the same seed gives again.
#![cfg_attr(
    feature = "test-util",
    doc = "- [`test_util`] is for tests: a mock clock that jumps over waiting, and more of the kind."
)]
#![cfg_attr(
    feature = "hyper",
    doc = "- [`hyper`] connects the crate of that name, and has an HTTP/1.1 server."
)]
//!
//! Every future may be dropped at any point: see "Cancel safety" at each async function. And each
//! operation is a [checkpoint](scope::checkpoint()): others get a turn there when that of its task is up,
//! and in a [scope](scope#what-cancelling-is) that is cancelled it does not happen.
//!
//! # Layers
//!
//! A layer uses those below it and none above.
//!
//! | layer | what it is |
//! |---|---|
//! | `compat` | adapters: one file for each outside world, each behind a feature |
//! | `doctor` | what this machine gives a runtime, found by trying |
//! | `entry` | what the attribute macros come to; behind a feature |
//! | `scope` | children that end before their parent, cancel scopes, deadlines |
//! | `runtime` | building, launching, addressing and ending the loops; `serve` |
//! | `net` | connections |
//! | `fs`, `process`, `signal`, `stdio` | the other resources that users hold |
//! | `pipe` | pipes and FIFOs; what else is waited for and then read or written |
//! | `blocking` | threads for closures that block or compute |
//! | `correlation` | replies, brought to who waits for them by id |
//! | `channel` | messages: waiting and waking, over queues that need no lock |
//! | `sync` | locks, permits, signals: one line of those who wait, for one loop or across loops |
//! | `test_util` | for tests: a mock clock, waiting for quiet, steps in order; behind a feature |
//! | `time`, `random` | instants, sleeps, intervals, timeouts; seeded random numbers |
//! | `event_loop` | one core: the tick, the ready queue, the timer wheel, park and wake |
//! | `task` | cells, wakers, join handles; knows no ring |
//! | `context` | task-locals, which follow the work |
//! | `op` | one file for each operation: what goes to the kernel and what comes back |
//! | `driver` | slots for what the kernel may touch, submission, completion, cancellation |
//! | `buf` | received bytes and the pool they are lent from |
//! | `sys` | the system calls; the only place for them |
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | |
//! |---|---|
//! | `backtrace` | the stack of a task that holds its loop up, in what the [`Watchdog`] tells |
//! | `hyper` | hyper's `rt` traits for this runtime, and an HTTP/1.1 server |
//! | `tracing` | an event where the loops fall back to epoll, and where one stalls |
//! | `futures-io` | `AsyncRead` and `AsyncWrite` of futures-io for TCP streams, their halves, pipes and standard streams |
//! | `macros` | `#[ringmill::main]` and `#[ringmill::test]` |
//! | `test-util` | `test_util`: a mock clock, `wait_all_blocked`, a sequencer; `Builder::shuffle` |
//! | `guard` | `GuardAllocator`, for tests: aborts when memory is freed that the kernel may still touch |

pub mod blocking;
mod buf;
pub mod channel;
mod compat;
pub mod context;
pub mod correlation;
pub mod doctor;
mod driver;
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod entry;
mod event_loop;
pub mod fs;
pub mod net;
mod op;
pub mod pipe;
pub mod process;
pub mod random;
mod runtime;
pub mod scope;
pub mod signal;
pub mod stdio;
pub mod sync;
mod sys;
mod task;
#[cfg(feature = "test-util")]
pub mod test_util;
pub mod time;

pub use buf::{AlignedBuf, IoBuf, IoBufMut, RecvBuf};
#[cfg(feature = "hyper")]
pub use compat::hyper;
pub use correlation::{TraceId, trace_id};
pub use doctor::doctor;
#[cfg(feature = "guard")]
pub use driver::guard::GuardAllocator;
pub use driver::{DriverInfo, DriverKind, Tier, UnknownDriver};
pub use event_loop::{LoopStats, SpinPolicy};
#[cfg(feature = "macros")]
pub use ringmill_macros::{main, test};
pub use runtime::{
    Balance, BuildError, Builder, Drain, DrainStarted, Handle, LoopRef, PerLoop, Runtime, Serve,
    Stall, StallFrame, Watchdog, YieldNow, block_on, serve, serve_with, spawn, spawn_anywhere,
    yield_now,
};
pub use task::{AbortHandle, AbortOnDrop, JoinError, JoinHandle};

// Unit tests that need a loop run on each driver, as those in `tests/` do.
#[cfg(test)]
extern crate self as ringmill;
#[cfg(test)]
#[path = "../tests/kit"]
mod kit {
    #[allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "it is for all tests"
    )]
    pub mod driver;
}

/// The README's programs are tests.
#[cfg(doctest)]
#[cfg(feature = "hyper")]
#[doc = include_str!("../README.md")]
struct Readme;

/// So are those of the pages.
#[cfg(doctest)]
#[doc = include_str!("../docs/coming-from-tokio.md")]
struct ComingFromTokio;

#[cfg(doctest)]
#[doc = include_str!("../docs/coming-from-trio.md")]
struct ComingFromTrio;
