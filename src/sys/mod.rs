//! The operating system: the only place that knows libc, io-uring and nix.
//!
//! Everything here is a thin, safe face of one kernel facility. Nothing here keeps policy: what to
//! do with a ring, a processor set or a socket is decided above.

pub(crate) mod affinity;
pub(crate) mod atomics;
pub(crate) mod beneath;
pub(crate) mod buf_ring;
pub(crate) mod cgroup;
pub(crate) mod clock;
mod contain;
pub(crate) mod disk_file;
pub(crate) mod epoll;
pub(crate) mod errno;
pub(crate) mod eventfd;
pub(crate) mod file;
mod futex;
pub(crate) mod host;
pub(crate) mod inherit;
pub(crate) mod limits;
pub(crate) mod mapping;
pub(crate) mod operation_trials;
pub(crate) mod parker;
pub(crate) mod pieces;
pub(crate) mod preflight;
pub(crate) mod process;
pub(crate) mod registered;
pub(crate) mod reuse_port_trial;
pub(crate) mod ring;
pub(crate) mod ring_setup;
pub(crate) mod ring_trials;
pub(crate) mod signal;
pub(crate) mod socket;
#[cfg(feature = "backtrace")]
pub(crate) mod stack;
pub(crate) mod thread;

pub(crate) use contain::{contained, lock};
