//! Processors: which this process may use, and pinning a thread to one.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::io;
use std::sync::OnceLock;

/// The calling thread's own id for the scheduler's calls.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// A saved processor set of a thread.
#[derive(Clone, Copy)]
pub(crate) struct Affinity(CpuSet);

/// The processors that the calling thread may run on (its cgroup's cpuset included), ascending.
pub(crate) fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(THIS_THREAD)?;
    Ok((0..CpuSet::count())
        .filter(|&cpu| set.is_set(cpu).unwrap_or(false))
        .collect())
}

/// The calling thread's present processor set, to be put back by [`restore`].
pub(crate) fn save() -> io::Result<Affinity> {
    Ok(Affinity(sched_getaffinity(THIS_THREAD)?))
}

/// Gives the calling thread a saved processor set.
pub(crate) fn restore(affinity: Affinity) -> io::Result<()> {
    Ok(sched_setaffinity(THIS_THREAD, &affinity.0)?)
}

/// What the first thread that was pinned had before: what threads have that nobody pinned.
static UNPINNED: OnceLock<Affinity> = OnceLock::new();

/// Pins the calling thread to one processor.
pub(crate) fn pin(cpu: usize) -> io::Result<()> {
    if UNPINNED.get().is_none()
        && let Ok(affinity) = save()
    {
        // If another thread is first, it had the same.
        let _ = UNPINNED.set(affinity);
    }
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(THIS_THREAD, &set)?)
}

/// For a thread that is no loop's and was started by one: takes off it the pin that it inherited.
pub(crate) fn unpin() {
    if let Some(&affinity) = UNPINNED.get() {
        // The set was valid a moment ago; if it no longer is, the kernel has chosen one.
        let _ = restore(affinity);
    }
}
