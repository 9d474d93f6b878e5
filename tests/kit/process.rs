//! Looking at this process and others through /proc.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Open descriptors of this process.
pub fn descriptors() -> usize {
    // The listing itself holds one.
    fs::read_dir("/proc/self/fd").expect("/proc").count() - 1
}

/// Threads of this process, without those that the kernel runs for a ring: one of these stays for as
/// long as the ring does.
pub fn threads() -> usize {
    threads_but(&[])
}

/// As [`threads`], without those whose names begin with one of `others`.
pub fn threads_but(others: &[&str]) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc");
    let is_ours = |path: std::path::PathBuf| {
        // One that has just ended has no name any more.
        fs::read_to_string(path.join("comm")).is_ok_and(|name| {
            let mut others = ["iou-wrk"].iter().chain(others);
            !others.any(|other| name.starts_with(other))
        })
    };
    tasks
        .filter(|task| task.as_ref().is_ok_and(|task| is_ours(task.path())))
        .count()
}

/// What the descriptors of this process are, by the kernel's names for them.
pub fn open_files() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc");
    let name = |entry: io::Result<fs::DirEntry>| {
        let name = fs::read_link(entry.expect("/proc").path()).ok()?;
        Some(name.display().to_string())
    };
    entries.filter_map(name).collect()
}

/// Whether this process has children, ended ones that nobody waited for included.
pub fn has_children() -> bool {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `waitid` fills in the room that it is given, and takes nothing from anybody.
    let found = unsafe {
        let mut about: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_ALL, 0, &raw mut about, options)
    };
    // Else there is none, which is the one error that is possible here.
    found == 0
}

/// Memory mappings of this process.
pub fn mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("/proc");
    maps.lines().count()
}

/// Resident memory of this process, in KiB.
pub fn resident_kib() -> u64 {
    field("/proc/self/status", "VmRSS:").expect("/proc")
}

/// The most resident memory that this process ever had, in KiB.
pub fn peak_resident_kib() -> u64 {
    field("/proc/self/status", "VmHWM:").expect("/proc")
}

/// What each thread of process `pid` has done, by its name: the number of the system call that it
/// is in and how often it was switched out.
pub fn activity(pid: u32) -> io::Result<Vec<Activity>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = entry?.path();
        match Activity::of(&path) {
            Ok(thread) => found.push(thread),
            // It has ended since the listing.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(_) if !path.exists() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// One thread, as the kernel's counters show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub name: String,
    /// The number of the system call that the thread is blocked in, or "running".
    pub call: String,
    pub voluntary: u64,
    pub involuntary: u64,
}

impl Activity {
    fn of(thread: &Path) -> io::Result<Self> {
        let at = |name: &str| thread.join(name).display().to_string();
        Ok(Activity {
            name: fs::read_to_string(at("comm"))?.trim().to_owned(),
            call: fs::read_to_string(at("syscall"))?
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
            voluntary: field(&at("status"), "voluntary_ctxt_switches:")?,
            involuntary: field(&at("status"), "nonvoluntary_ctxt_switches:")?,
        })
    }
}

fn field(path: &str, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::other(format!("no {name} in {path}")))
}

/// Leaves this process `room` more descriptors than it has open. Dropping what is returned makes
/// room for more.
pub fn limit_descriptors(room: u64) -> Vec<fs::File> {
    let highest = || {
        let open = fs::read_dir("/proc/self/fd").expect("/proc");
        let numbers = open.filter_map(|fd| fd.ok()?.file_name().to_str()?.parse::<u64>().ok());
        numbers.max().unwrap_or(0)
    };
    // The limit is one of numbers, so the gaps below are filled first. What `highest` itself has
    // open may be the highest.
    let mut fillers = Vec::new();
    let last = loop {
        let filler = fs::File::open("/dev/null").expect("a descriptor");
        let number = filler.as_raw_fd() as u64;
        fillers.push(filler);
        if number + 1 >= highest() {
            break number;
        }
    };
    limit(nix::sys::resource::Resource::RLIMIT_NOFILE, last + 1 + room);
    fillers
}

/// Sets a limit of this process, soft and hard alike if it is lowered.
pub fn limit(resource: nix::sys::resource::Resource, soft: u64) {
    let (_, hard) = nix::sys::resource::getrlimit(resource).expect("a known limit");
    nix::sys::resource::setrlimit(resource, soft.min(hard), hard).expect("a soft limit in range");
}

/// Lets this process have as many descriptors as it may: the usual soft limit is 1,024.
pub fn allow_many_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a known limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("a soft limit in range");
}
