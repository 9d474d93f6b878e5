//! The control group of this process: how much processor time it may use, and on which processors.
//!
//! Both versions: `cpu.max` and `cpuset.cpus.effective` of version 2 (Documentation/admin-guide/
//! cgroup-v2.rst), `cpu.cfs_quota_us` and `cpuset.effective_cpus` of version 1.

use std::fs;
use std::path::{Path, PathBuf};

/// A quota of processor time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quota {
    /// Processors' worth of time: 1.5 is 150 ms in each 100.
    pub(crate) processors: f64,
    /// The file that says so.
    pub(crate) file: PathBuf,
}

/// Where this process is in one hierarchy.
struct Place {
    /// The hierarchy's mount point: as far up as can be seen from here.
    top: PathBuf,
    /// The process's own group, at or below `top`.
    group: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The tightest quota of this process's group and of those above it.
pub(crate) fn quota() -> Option<Quota> {
    let places = places("cpu");
    let quotas = places.iter().flat_map(|place| {
        let above = place.group.ancestors();
        above
            .take_while(|group| group.starts_with(&place.top))
            .filter_map(|group| group_quota(group, place.version))
    });
    quotas.min_by(|a, b| a.processors.total_cmp(&b.processors))
}

/// The processors of the process's cpuset, in the kernel's notation, and the file that says so.
pub(crate) fn cpuset() -> Option<(String, PathBuf)> {
    places("cpuset").into_iter().find_map(|place| {
        let file = place.group.join(match place.version {
            Version::One => "cpuset.effective_cpus",
            Version::Two => "cpuset.cpus.effective",
        });
        let list = fs::read_to_string(&file).ok()?.trim().to_owned();
        (!list.is_empty()).then_some((list, file))
    })
}

fn group_quota(group: &Path, version: Version) -> Option<Quota> {
    let read = |name: &str| {
        let file = group.join(name);
        Some((fs::read_to_string(&file).ok()?, file))
    };
    let (text, file) = match version {
        Version::Two => read("cpu.max")?,
        Version::One => {
            let (quota, file) = read("cpu.cfs_quota_us")?;
            let (period, _) = read("cpu.cfs_period_us")?;
            (format!("{} {}", quota.trim(), period.trim()), file)
        }
    };
    let processors = parse_quota(&text)?;
    Some(Quota { processors, file })
}

/// Reads "150000 100000"; "max" and -1 are no quota.
fn parse_quota(text: &str) -> Option<f64> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    let (quota, period) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// Where this process is, in each mounted hierarchy that may have `controller`.
fn places(controller: &str) -> Vec<Place> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    find_places(&groups, &mounts, controller)
}

fn find_places(groups: &str, mounts: &str, controller: &str) -> Vec<Place> {
    let has = |list: &str| list.split(',').any(|name| name == controller);
    let mut places = Vec::new();
    // "0::/path" is version 2, "4:cpu,cpuacct:/path" version 1: cgroups(7).
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let version = match controllers {
            "" => Version::Two,
            list if has(list) => Version::One,
            _ => continue,
        };
        for mount in mounts.lines() {
            // "31 23 0:28 ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPER-OPTIONS".
            let Some((left, right)) = mount.split_once(" - ") else {
                continue;
            };
            let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
            let (Some(root), Some(point)) = (left.next(), left.next()) else {
                continue;
            };
            let fits = match (version, right.next()) {
                (Version::Two, Some("cgroup2")) => true,
                (Version::One, Some("cgroup")) => right.nth(1).is_some_and(has),
                _ => false,
            };
            if !fits {
                continue;
            }
            // What is mounted may be a part of the hierarchy only, as in containers.
            let inside = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
            let top = PathBuf::from(point);
            let group = top.join(inside.strip_prefix("/").unwrap_or(inside));
            places.push(Place {
                top,
                group,
                version,
            });
            break;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{Version, find_places, parse_quota};
    use std::path::Path;

    #[test]
    fn quotas_are_read() {
        assert_eq!(parse_quota("150000 100000\n"), Some(1.5));
        assert_eq!(parse_quota("max 100000\n"), None);
        assert_eq!(parse_quota("-1 100000"), None);
        assert_eq!(parse_quota("5 0"), None);
        assert_eq!(parse_quota(""), None);
    }

    #[test]
    fn groups_are_found_below_their_mounts() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
                      41 31 0:38 /outer /sys/fs/cgroup rw shared:3 - cgroup2 cgroup2 rw\n";
        let groups = "4:cpu,cpuacct:/a/b\n3:cpuset:/c\n0::/outer/d\nnonsense\n";
        let places = find_places(groups, mounts, "cpu");
        let [one, two] = &places[..] else {
            panic!("{} places", places.len());
        };
        assert!(one.version == Version::One && two.version == Version::Two);
        assert_eq!(one.group, Path::new("/sys/fs/cgroup/cpu/a/b"));
        assert_eq!(two.group, Path::new("/sys/fs/cgroup/d"));
        assert_eq!(two.top, Path::new("/sys/fs/cgroup"));
    }
}
