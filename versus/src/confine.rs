//! What every child does to its own process before anything else: die with the parent, stay on its
//! processors, be allowed enough descriptors.

use std::io;
use std::mem;

use crate::during::{During, checked};

/// Ties the process to its parent and pins it, threads to come included; without processors it may
/// run anywhere.
///
/// # Errors
/// When the parent is gone already, or a processor does not exist or is not allowed.
pub fn child(parent: u32, cpus: &[usize]) -> io::Result<()> {
    die_with_parent().during("asking to die with the parent")?;
    // The parent may have ended before the line above; then no signal will come.
    if std::os::unix::process::parent_id() != parent {
        return Err(io::Error::other("the parent process is gone"));
    }
    if !cpus.is_empty() {
        pin(cpus)?;
    }
    raise_descriptor_limit().during("raising the limit of descriptors")
}

/// Has the kernel kill this process when its parent ends.
///
/// # Errors
/// None that the manual knows of.
pub fn die_with_parent() -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
}

/// Keeps this thread, and those that it starts from now on, on the processors.
///
/// # Errors
/// When one of them does not exist or is not allowed.
pub fn pin(cpus: &[usize]) -> io::Result<()> {
    // Each by itself first: in a set, the kernel overlooks the ones that are not there.
    for cpu in cpus {
        set_affinity(std::slice::from_ref(cpu))
            .during(format_args!("pinning to processor {cpu}"))?;
    }
    set_affinity(cpus).during("pinning")
}

fn set_affinity(cpus: &[usize]) -> io::Result<()> {
    if cpus.iter().any(|&cpu| cpu >= libc::CPU_SETSIZE as usize) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: an all-zero cpu_set_t is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for &cpu in cpus {
        // SAFETY: `cpu` is below CPU_SETSIZE, so the bit lies inside the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: the set outlives the call and its size is passed along; 0 means this thread.
    checked(unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), &set) }).map(drop)
}

/// How many descriptors this process may have, soft and hard.
///
/// # Errors
/// None that the manual knows of.
pub fn descriptor_limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel fills the rlimit that the pointer names.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    Ok(limit)
}

fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = descriptor_limit()?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the kernel reads the rlimit that the pointer names.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }).map(drop)
}

/// Lets this thread's timers fire within a nanosecond of their time, by default 50 µs: what waits
/// for the moment of a send must not be late by the kernel's wish to save wake-ups.
///
/// # Errors
/// None that the manual knows of.
pub fn precise_timers() -> io::Result<()> {
    // SAFETY: PR_SET_TIMERSLACK takes a number of nanoseconds and touches no memory.
    checked(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) })
        .map(drop)
        .during("asking for precise timers")
}
