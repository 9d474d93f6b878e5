//! Processors: how many there are, how many loops that makes, and whether their time is rationed.

use super::report::{Check, Status};
use crate::runtime::Builder;
use crate::sys::cgroup::{self, Quota};
use crate::sys::{affinity, errno, host};

const GROUP: &str = "processors";

pub(super) fn checks() -> Vec<Check> {
    let loops = Builder::new().loop_count();
    vec![processors(loops), quota(loops, cgroup::quota())]
}

fn processors(loops: usize) -> Check {
    let online = match host::online_processors() {
        Some(count) => format!("{count} online, "),
        None => String::new(),
    };
    let allowed = match affinity::allowed() {
        Ok(allowed) => format!("{} allowed", allowed.len()),
        Err(error) => format!("allowed: {}", errno::named(&error)),
    };
    let cpuset = match cgroup::cpuset() {
        Some((list, _)) => format!(" (cpuset {list})"),
        None => String::new(),
    };
    let found = format!("{online}{allowed}{cpuset}; {} by default", loops_of(loops));
    Check::good(GROUP, "loops", found)
}

/// A loop is pinned, and stalls with all of its connections when the group's time is used up.
fn quota(loops: usize, quota: Option<Quota>) -> Check {
    const NAME: &str = "quota";
    let Some(quota) = quota else {
        return Check::good(GROUP, NAME, "none");
    };
    let share = quota.processors;
    let found = format!("{share:.2} processors ({})", quota.file.display());
    let check = Check::good(GROUP, NAME, found);
    if share >= loops as f64 {
        return check;
    }
    let raise = format!(
        "raise the limit to at least {loops} (Docker: --cpus {loops}; Kubernetes: \
         resources.limits.cpu: \"{loops}\"; systemd: CPUQuota={}%)",
        loops * 100
    );
    let fitting = share as usize;
    let remedy = match fitting {
        0 => raise,
        _ => format!("build with Builder::loops({fitting}), or {raise}"),
    };
    check
        .but(
            Status::Degraded,
            format!(
                "{} may use more time than the quota has; once it is used up the kernel stops the \
                 process for the rest of the period, most often 100 ms",
                loops_of(loops)
            ),
        )
        .remedy(remedy)
}

fn loops_of(count: usize) -> String {
    match count {
        1 => "1 loop".to_owned(),
        _ => format!("{count} loops"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Quota, Status, quota};

    #[test]
    fn a_quota_below_the_loops_is_told_with_what_fits() {
        let of = |processors| Quota {
            processors,
            file: "/sys/fs/cgroup/cpu.max".into(),
        };
        assert_eq!(quota(2, None).status, Status::Good);
        assert_eq!(quota(2, Some(of(2.0))).status, Status::Good);
        let tight = quota(4, Some(of(2.5)));
        assert_eq!(tight.status, Status::Degraded);
        assert!(tight.found.contains("cpu.max"), "{tight:?}");
        let remedy = tight.remedy.unwrap();
        assert!(remedy.contains("Builder::loops(2)"), "{remedy}");
        assert!(remedy.contains("--cpus 4"), "{remedy}");
        let tiny = quota(1, Some(of(0.5))).remedy.unwrap();
        assert!(!tiny.contains("Builder::loops"), "{tiny}");
    }
}
