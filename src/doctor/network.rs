//! Listening on several loops, waiting connections, and the epoll that stands in for io_uring.

use super::report::{Check, Status};
use crate::driver::Tier;
use crate::net::BACKLOG;
use crate::sys::epoll::{Epoll, Report};
use crate::sys::reuse_port_trial::{CONNECTIONS, try_reuse_port};
use crate::sys::ring::Wait;
use crate::sys::{errno, host};

const GROUP: &str = "network";

pub(super) fn checks(tier: Tier) -> Vec<Check> {
    vec![reuse_port(), backlog(), epoll(tier)]
}

fn reuse_port() -> Check {
    const NAME: &str = "SO_REUSEPORT";
    let [first, second] = match try_reuse_port() {
        Ok(counts) => counts,
        Err(error) => {
            return Check::good(GROUP, NAME, format!("not tried: {}", errno::named(&error))).but(
                Status::Note,
                "two listeners on one loopback address could not be connected to; each loop has \
                 one of its own",
            );
        }
    };
    let found = format!("{first} and {second} of {CONNECTIONS} connections to two listeners");
    let check = Check::good(GROUP, NAME, found);
    if first > 0 && second > 0 {
        return check;
    }
    check
        .but(
            Status::Degraded,
            "the connections of a server all come to one loop; the others stay idle",
        )
        .remedy(
            "run outside of the sandbox, or on a kernel of Linux's own; else run one process for \
             each loop behind a load balancer",
        )
}

fn backlog() -> Check {
    const NAME: &str = "somaxconn";
    let Some(most) = host::sysctl("net/core/somaxconn") else {
        return Check::good(GROUP, NAME, "unknown")
            .but(Status::Note, "/proc/sys/net/core/somaxconn cannot be read");
    };
    let check = Check::good(GROUP, NAME, most.to_string());
    if most >= i64::from(BACKLOG) {
        return check;
    }
    check
        .but(
            Status::Degraded,
            format!(
                "a listener asks for {BACKLOG} waiting connections and gets {most}; a burst of \
                 more is dropped and retried after a second"
            ),
        )
        .remedy(format!(
            "run `sysctl net.core.somaxconn={BACKLOG}` as root (Docker: --sysctl \
             net.core.somaxconn={BACKLOG})"
        ))
}

fn epoll(tier: Tier) -> Check {
    const NAME: &str = "epoll";
    // It matters where it is used.
    let status = |used| {
        if tier == Tier::Epoll {
            used
        } else {
            Status::Note
        }
    };
    // A first wait shows which call it gets.
    let tried = Epoll::new().and_then(|epoll| {
        epoll.wait(&mut [Report::empty()], Wait::Poll)?;
        Ok(epoll.is_precise())
    });
    match tried {
        Ok(true) => Check::good(GROUP, NAME, "works, with epoll_pwait2"),
        Ok(false) => Check::good(GROUP, NAME, "works, without epoll_pwait2")
            .but(
                status(Status::Degraded),
                "timers of the epoll driver are rounded up to milliseconds",
            )
            .remedy("run on Linux 5.11 or newer, and allow epoll_pwait2 in the seccomp profile"),
        Err(error) => Check::good(GROUP, NAME, errno::named(&error))
            .but(
                status(Status::Missing),
                "there is nothing to use where io_uring is denied",
            )
            .remedy("allow epoll_create1, epoll_ctl and epoll_pwait in the seccomp profile"),
    }
}
