//! What this process runs in: the kernel's own words, a container, a seccomp filter.

use std::fs;
use std::path::Path;

/// What a mode is called in /proc/PID/status: proc_pid_status(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seccomp {
    /// 0 off, 1 strict, 2 filter.
    pub(crate) mode: u32,
    /// How many filters; told since Linux 5.9.
    pub(crate) filters: Option<u32>,
    /// Whether the process has given up gaining privileges.
    pub(crate) no_new_privileges: Option<bool>,
}

/// The calling thread's filters; none where the kernel does not tell.
pub(crate) fn seccomp() -> Option<Seccomp> {
    // A filter is a thread's: /proc/self would tell of the process's first one.
    let status = fs::read_to_string("/proc/thread-self/status")
        .or_else(|_| fs::read_to_string("/proc/self/status"))
        .ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u32>().ok()
    };
    Some(Seccomp {
        mode: field("Seccomp:")?,
        filters: field("Seccomp_filters:"),
        no_new_privileges: field("NoNewPrivs:").map(|value| value != 0),
    })
}

/// The kernel's release, as `uname -r` has it.
pub(crate) fn kernel_release() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().to_owned())
}

/// What stands in for a plain Linux kernel here, as far as /proc/version tells.
pub(crate) fn stand_in() -> Option<&'static str> {
    let version = fs::read_to_string("/proc/version").ok()?;
    // gVisor's fixed build date (pkg/sentry/syscalls/linux: the version that it reports).
    if version.contains("gVisor") || version.contains("Sun Jan 10 15:06:54 PST 2016") {
        Some("gVisor")
    } else if version.to_ascii_lowercase().contains("microsoft") {
        Some("WSL")
    } else {
        None
    }
}

/// Signs of a container, each with where it was seen.
pub(crate) fn container_signs() -> Vec<String> {
    let mut signs = Vec::new();
    for path in ["/.dockerenv", "/run/.containerenv"] {
        if Path::new(path).exists() {
            signs.push(path.to_owned());
        }
    }
    for name in ["KUBERNETES_SERVICE_HOST", "container"] {
        if std::env::var_os(name).is_some() {
            signs.push(format!("${name}"));
        }
    }
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for name in ["docker", "kubepods", "containerd", "libpod", "lxc"] {
        if groups.contains(name) {
            signs.push(format!("{name} in /proc/self/cgroup"));
        }
    }
    signs
}

/// A number that a file below /proc/sys holds.
pub(crate) fn sysctl(path: &str) -> Option<i64> {
    let text = fs::read_to_string(Path::new("/proc/sys").join(path)).ok()?;
    text.trim().parse().ok()
}

/// How many processors the system has in use, by its own list.
pub(crate) fn online_processors() -> Option<usize> {
    let list = fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
    list.trim().split(',').map(range_len).sum()
}

/// How many numbers "3" or "0-7" stands for.
fn range_len(range: &str) -> Option<usize> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
    last.checked_sub(first)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::range_len;

    #[test]
    fn ranges_are_counted() {
        assert_eq!(range_len("3"), Some(1));
        assert_eq!(range_len("0-7"), Some(8));
        assert_eq!(range_len("7-0"), None);
        assert_eq!(range_len(""), None);
    }
}
