//! The limits of the process: locked memory for the rings, descriptors for the connections.

use super::report::{Check, Status};
use crate::driver::{DriverKind, Refusal, Tier};
use crate::runtime::Builder;
use crate::sys::errno;
use crate::sys::limits::{self, Bound};
use crate::sys::ring_trials::{self, LoopSize};

const GROUP: &str = "limits";

/// Descriptors below which a service is short of them: a connection is one, and the usual soft limit
/// of 1,024 is there for programs that use select(2).
const FEW: Bound = Bound::At(4096);

pub(super) fn checks(tier: Tier) -> Vec<Check> {
    let mut checks = Vec::new();
    if tier > Tier::Epoll {
        checks.push(locked_memory());
    }
    checks.push(descriptors());
    checks
}

/// As many rings and pools as there would be loops, of the size that they would have.
fn locked_memory() -> Check {
    const NAME: &str = "locked memory";
    let builder = Builder::new();
    let count = builder.loop_count();
    let config = builder.loop_config(DriverKind::Uring, count, 0).driver;
    let limit = match limits::locked_memory() {
        Ok(limit) => match limit.soft {
            Bound::At(bytes) => format!("{} KiB", bytes / 1024),
            Bound::Unlimited => "unlimited".to_owned(),
        },
        Err(error) => errno::named(&error),
    };
    let size = LoopSize {
        sq_entries: config.sq_entries,
        cq_entries: config.cq_entries,
        buffers: config.buffers,
        buffer_len: config.buffer_len,
    };
    let loops = ring_trials::try_loops(count, size);
    let found = format!(
        "{} of {count} rings of {} and {} entries, with buffers (RLIMIT_MEMLOCK {limit})",
        loops.whole, size.sq_entries, size.cq_entries
    );
    let Some(refused) = loops.refused else {
        return Check::good(GROUP, NAME, found);
    };
    let (error, status) = match loops.none {
        Some(error) => (error, Status::Missing),
        None => (refused, Status::Degraded),
    };
    let refusal = Refusal::of(error.call, &error.source);
    let meaning = match (status, &refusal) {
        (Status::Missing, _) => "no loop gets a ring; the runtime takes epoll",
        (_, Refusal::Memory) => {
            "rings are made smaller where memory is short, which takes more system calls; where \
             that does not do for all loops, the runtime takes epoll"
        }
        _ => "not every loop gets a ring; the runtime takes epoll",
    };
    let named = errno::named(&error.source);
    Check::good(GROUP, NAME, format!("{found}; {}: {named}", error.call))
        .but(status, meaning)
        .remedy(refusal.remedy())
}

fn descriptors() -> Check {
    const NAME: &str = "open descriptors";
    let limit = match limits::descriptors() {
        Ok(limit) => limit,
        Err(error) => {
            return Check::good(GROUP, NAME, errno::named(&error))
                .but(Status::Note, "the limit cannot be read");
        }
    };
    let found = format!("RLIMIT_NOFILE {}, at most {}", limit.soft, limit.hard);
    let check = Check::good(GROUP, NAME, found);
    if limit.soft >= FEW {
        return check;
    }
    // What the process may do by itself, if anything.
    let here = match limit.hard {
        _ if limit.hard <= limit.soft => String::new(),
        Bound::At(hard) => format!("`ulimit -n {hard}` in the shell that starts the service, or\n"),
        Bound::Unlimited => "`ulimit -n 65536` in the shell that starts the service, or\n".into(),
    };
    check
        .but(
            Status::Degraded,
            "a connection is a descriptor, and a loop takes four for itself: accepting stops when \
             they are used up",
        )
        .remedy(format!(
            "{here}raise the limit (`ulimit -n` as root) where the service is started:\n  systemd: \
             LimitNOFILE=65536\n  Docker: --ulimit nofile=65536:65536"
        ))
}
