//! What a ring can do: set-up flags, feature bits, operations that exist, operations that work.

use super::access::{self, Calls, refused};
use super::report::{Check, Status};
use crate::sys::errno;
use crate::sys::operation_trials::{try_accept_multishot, try_message};
use crate::sys::preflight::Preflight;
use crate::sys::ring_setup::{Features, SetupError};
use crate::sys::ring_trials::SetupFlag;

const FLAGS: &str = "set-up flags";
const FEATURES: &str = "features";
const OPERATIONS: &str = "operations";

const NEWER: &str = "run on a newer kernel; 6.12 or newer is best";

pub(super) fn checks(calls: &Calls, ring: Result<(Features, Preflight), SetupError>) -> Vec<Check> {
    let mut checks = Vec::new();
    let Some(found) = calls.ring() else {
        let check = Check::good(access::GROUP, "rings", "not tried: none can be made");
        return vec![check.but(Status::Note, "what a ring could do cannot be told")];
    };
    checks.extend(SetupFlag::ALL.map(flag));
    checks.extend([
        bit("EXT_ARG", found.ext_arg, Status::Missing, EXT_ARG),
        bit("NODROP", found.nodrop, Status::Missing, NODROP),
        bit("CQE_SKIP", found.skip_success, Status::Degraded, CQE_SKIP),
        bit("NO_IOWAIT", found.no_iowait, Status::Degraded, NO_IOWAIT),
    ]);
    checks.extend(operations(calls.operations()));
    if calls.all_work() {
        checks.push(receive(ring));
        checks.push(accept());
        checks.extend(message(calls.operations()));
    } else {
        let check = Check::good(OPERATIONS, "trials", "not carried out");
        checks.push(check.but(Status::Note, "they need all of io_uring's calls"));
    }
    checks
}

// Feature bits: io_uring_setup(2).
const EXT_ARG: &str = "an enter cannot carry a timeout (Linux 5.11); the runtime needs it";
const NODROP: &str = "completions may be lost (Linux 5.5); the runtime needs them all";
const CQE_SKIP: &str = "cancels and closes each cost a completion that nobody reads (Linux 5.17)";
const NO_IOWAIT: &str = "an idle loop shows as iowait in top and vmstat (Linux 6.15)";

fn bit(name: &'static str, there: bool, without: Status, meaning: &str) -> Check {
    if there {
        Check::good(FEATURES, name, "there").means(format!("without it {meaning}"))
    } else {
        let check = Check::good(FEATURES, name, "not there");
        check.but(without, meaning).remedy(NEWER)
    }
}

/// The name of flags, how bad it is to miss them, and what is lost then.
fn flag_facts(flag: SetupFlag) -> (&'static str, Status, &'static str) {
    match flag {
        SetupFlag::Sizes => (
            "CQSIZE, CLAMP",
            Status::Missing,
            "rings of the sizes that the runtime asks for cannot be made (Linux 5.6)",
        ),
        SetupFlag::SubmitAll => (
            "SUBMIT_ALL",
            Status::Degraded,
            "one bad submission strands those behind it until the next enter (Linux 5.18)",
        ),
        SetupFlag::Coop => (
            "COOP_TASKRUN",
            Status::Degraded,
            "a completion interrupts the loop's thread (with TASKRUN_FLAG; Linux 5.19)",
        ),
        SetupFlag::Defer => (
            "DEFER_TASKRUN",
            Status::Degraded,
            "completions run when the kernel likes, not when the loop enters (with SINGLE_ISSUER; \
             Linux 6.1)",
        ),
        SetupFlag::NoSqArray => (
            "NO_SQARRAY",
            Status::Note,
            "a submission costs one cache line more (Linux 6.6)",
        ),
    }
}

fn flag(flag: SetupFlag) -> Check {
    let (name, without, meaning) = flag_facts(flag);
    match flag.try_out() {
        Ok(()) => Check::good(FLAGS, name, "works").means(format!("without it {meaning}")),
        Err(error) if error.raw_os_error() == Some(errno::EINVAL) => {
            let check = Check::good(FLAGS, name, "unknown to this kernel");
            check.but(without, meaning).remedy(NEWER)
        }
        Err(error) => refused(FLAGS, name, "io_uring_setup", &error),
    }
}

/// What exists by the kernel's own list.
fn operations(all: &[(&'static str, bool)]) -> Vec<Check> {
    let named = |there: bool| {
        let names = all.iter().filter(move |(_, is)| *is == there);
        names.map(|(name, _)| *name)
    };
    let there: Vec<&str> = named(true).collect();
    let mut checks = Vec::new();
    if !there.is_empty() {
        checks.push(Check::good(OPERATIONS, "exist", there.join(", ")));
    }
    checks.extend(named(false).map(|name| {
        let check = Check::good(OPERATIONS, name, "not there");
        let check = if name == MSG_RING {
            let meaning = "loops wake each other by an eventfd: one system call more (Linux 5.18)";
            check.but(Status::Degraded, meaning)
        } else {
            check.but(Status::Missing, "the runtime cannot use a ring without it")
        };
        check.remedy(NEWER)
    }));
    checks
}

const MSG_RING: &str = "MSG_RING";

/// What a trial came to, of an operation that is said to exist.
fn trial(
    name: &'static str,
    result: Result<bool, SetupError>,
    without: Status,
    lost: &str,
) -> Check {
    match result {
        Ok(true) => Check::good(OPERATIONS, name, "works"),
        Ok(false) => Check::good(OPERATIONS, name, "said to exist, but does not work")
            .but(without, lost)
            .remedy(
                "run on a kernel of Linux's own, 6.12 or newer; where something stands in for it \
                 (gVisor, an emulation), build with DriverKind::Epoll",
            ),
        // What accepting needs besides a ring says nothing about accepting.
        Err(error) if matches!(error.call, "bind" | "getsockname" | "connect") => {
            let named = errno::named(&error.source);
            let found = format!("not tried: {}: {named}", error.call);
            Check::good(OPERATIONS, name, found).but(Status::Note, "the trial needs that call")
        }
        Err(error) => refused(OPERATIONS, name, error.call, &error.source),
    }
}

/// The trial that decides about the tier, too.
fn receive(ring: Result<(Features, Preflight), SetupError>) -> Check {
    trial(
        "receive, multishot",
        ring.map(|(_, preflight)| preflight.recv_multishot),
        Status::Degraded,
        "each arrival needs a receive of its own, or buffers cannot be lent to the kernel (Linux \
         6.0)",
    )
}

fn accept() -> Check {
    trial(
        "accept, multishot",
        try_accept_multishot(),
        Status::Missing,
        "listeners get no connections (Linux 5.19)",
    )
}

/// Nothing if there is no such operation: that is told already.
fn message(all: &[(&'static str, bool)]) -> Option<Check> {
    all.contains(&(MSG_RING, true)).then(|| {
        trial(
            "message to a ring",
            try_message(),
            Status::Degraded,
            "loops wake each other by an eventfd: one system call more (Linux 5.18)",
        )
    })
}
