//! What both children do to their own process before anything else: die with the parent, stay on
//! one processor, be allowed enough descriptors.

use std::io;
use std::mem;

use crate::during::{During, checked};

/// Ties the process to its parent and pins it, threads to come included.
///
/// # Errors
/// When the parent is gone already, or the processor does not exist or is not allowed.
pub fn child(parent: u32, cpu: usize) -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })
        .during("asking to die with the parent")?;
    // The parent may have ended before the line above; then no signal will come.
    if std::os::unix::process::parent_id() != parent {
        return Err(io::Error::other("the parent process is gone"));
    }
    pin(cpu).during(format_args!("pinning to processor {cpu}"))?;
    raise_descriptor_limit().during("raising the limit of descriptors")
}

fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: an all-zero cpu_set_t is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: `cpu` is below CPU_SETSIZE, so the bit lies inside the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set outlives the call and its size is passed along; 0 means this thread.
    checked(unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), &set) }).map(drop)
}

fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel fills the rlimit that the pointer names.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the kernel reads the rlimit that the pointer names.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }).map(drop)
}
