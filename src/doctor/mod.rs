//! The doctor: what this machine, container and process give a runtime, found by trying.
//!
//! [`ringmill::doctor()`](crate::doctor()) makes a [`Report`] of [`Check`]s. Each says what was
//! found; one that is not [`Status::Good`] also says what that means, and what to do about it.
//!
//! ```
//! let report = ringmill::doctor();
//! println!("{report}");
//! if report.tier() == ringmill::Tier::Epoll {
//!     eprintln!("io_uring is not to be had here; see the remedies above");
//! }
//! ```
//!
//! From a shell: `cargo run --example doctor`, or `-- --json` for programs.

mod access;
mod host;
mod limits;
mod network;
mod processors;
mod report;
mod ring;
mod text;

pub use report::{Check, Report, Status};

use crate::driver::Tier;
use crate::sys::preflight;

/// Examines what this process has to work with, and says what is missing and how to get it.
///
/// Everything is tried for real: the three system calls, each set-up flag, the operations, rings for
/// as many loops as there would be, connections over the loopback interface. It needs no privileges
/// and no runtime, changes nothing, closes what it opened, and takes a few milliseconds; up to a
/// second where something is denied or broken in an unusual way. It blocks the calling thread for
/// that long. It works where io_uring is denied.
///
/// A seccomp filter belongs to a thread and what it starts: call it where the runtime is built.
///
/// The tier of the report is the one that [`Handle::driver`](crate::Handle::driver) tells of a
/// runtime built here now: it is about io_uring alone. Limits, processors and the network may
/// deserve a look all the same.
pub fn doctor() -> Report {
    let calls = access::Calls::find();
    let ring = preflight::try_ring();
    let tier = match &ring {
        Ok((features, preflight)) => Tier::of_ring(features, *preflight),
        Err(_) => Tier::Epoll,
    };
    let mut checks = host::checks();
    checks.extend(calls.checks());
    checks.extend(ring::checks(&calls, ring));
    checks.extend(limits::checks(tier));
    checks.extend(processors::checks());
    checks.extend(network::checks(tier));
    Report::new(tier, checks)
}
