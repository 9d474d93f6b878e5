//! The kernel, the container, the seccomp filter: where this process runs. Nothing is decided by it.

use super::report::{Check, Status};
use crate::sys::host::{self, Seccomp};

const GROUP: &str = "system";

/// io_uring with what the runtime needs, by release; here only to be told.
const OLDEST: (u32, u32) = (5, 19);
/// The release that has nearly all of it.
const BEST: (u32, u32) = (6, 12);

pub(super) fn checks() -> Vec<Check> {
    vec![kernel(), container(), seccomp()]
}

fn kernel() -> Check {
    let Some(release) = host::kernel_release() else {
        return Check::good(GROUP, "kernel", "unknown")
            .but(Status::Note, "/proc/sys/kernel/osrelease cannot be read");
    };
    let found = match host::stand_in() {
        Some(name) => format!("{release}, by the looks of it {name}"),
        None => release.clone(),
    };
    let check = Check::good(GROUP, "kernel", found);
    match numbers(&release) {
        _ if host::stand_in() == Some("gVisor") => check.but(
            Status::Note,
            "gVisor answers instead of Linux, and has little of io_uring; the epoll driver is \
             meant for it",
        ),
        Some(release) if release >= BEST => {
            check.means("6.12 or newer is best; what works is tried below")
        }
        Some(release) if release >= OLDEST => check.but(
            Status::Note,
            "io_uring needs 5.19, and 6.12 or newer is best; what works is tried below",
        ),
        _ => check.but(
            Status::Note,
            "io_uring needs 5.19 or newer, by its release; what works is tried below",
        ),
    }
}

/// "6.12.3-generic" as (6, 12).
fn numbers(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn container() -> Check {
    let signs = host::container_signs();
    if signs.is_empty() {
        return Check::good(GROUP, "container", "no sign of one");
    }
    Check::good(GROUP, "container", signs.join(", ")).but(
        Status::Note,
        "a container's profile and limits hold; they are set where it is started",
    )
}

fn seccomp() -> Check {
    let Some(seccomp) = host::seccomp() else {
        return Check::good(GROUP, "seccomp", "unknown")
            .but(Status::Note, "the kernel does not tell of filters");
    };
    let found = describe(seccomp);
    if seccomp.mode == 0 {
        return Check::good(GROUP, "seccomp", found);
    }
    Check::good(GROUP, "seccomp", found).but(
        Status::Note,
        "a filter decides which system calls pass; what it does to io_uring is tried below",
    )
}

fn describe(seccomp: Seccomp) -> String {
    let mode = match (seccomp.mode, seccomp.filters) {
        (0, _) => "no filter".to_owned(),
        (1, _) => "strict mode".to_owned(),
        (_, Some(1)) => "1 filter".to_owned(),
        (_, Some(count)) => format!("{count} filters"),
        (_, None) => "filtered".to_owned(),
    };
    match seccomp.no_new_privileges {
        Some(true) => format!("{mode}, no_new_privs on"),
        Some(false) => format!("{mode}, no_new_privs off"),
        None => mode,
    }
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn releases_are_read() {
        assert_eq!(numbers("6.12.3-generic"), Some((6, 12)));
        assert_eq!(numbers("6.18-rc1"), Some((6, 18)));
        assert_eq!(numbers("unknown"), None);
    }
}
