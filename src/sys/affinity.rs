//! Processors: which this process may use, and pinning a thread to one.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::cell::Cell;
use std::io;

/// The calling thread's own id for the scheduler's calls.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// A saved processor set of a thread.
#[derive(Clone, Copy)]
pub(crate) struct Affinity(CpuSet);

thread_local! {
    static BEFORE_THE_PIN: Cell<Option<Affinity>> = const { Cell::new(None) };
}

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

/// Gives the calling thread a saved processor set, for good.
pub(crate) fn restore(affinity: Affinity) -> io::Result<()> {
    sched_setaffinity(THIS_THREAD, &affinity.0)?;
    BEFORE_THE_PIN.set(None);
    Ok(())
}

/// Pins the calling thread to one processor.
pub(crate) fn pin(cpu: usize) -> io::Result<()> {
    let before = save()?;
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(THIS_THREAD, &set)?;
    BEFORE_THE_PIN.set(Some(before));
    Ok(())
}

/// Gives the calling thread the processors that it had before it was pinned, and the pin for
/// [`pin_again`]; `None`, and no system call, if it is not pinned.
pub(crate) fn unpin() -> Option<Affinity> {
    let before = BEFORE_THE_PIN.get()?;
    let pinned = save().ok()?;
    sched_setaffinity(THIS_THREAD, &before.0).ok()?;
    Some(pinned)
}

/// Ends what [`unpin`] began.
pub(crate) fn pin_again(pinned: Affinity) -> io::Result<()> {
    Ok(sched_setaffinity(THIS_THREAD, &pinned.0)?)
}
