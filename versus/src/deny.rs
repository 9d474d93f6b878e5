//! Any program, run where io_uring is denied: what a hardened container does to it.
//!
//! Docker's and Kubernetes' default seccomp profiles answer the three calls of io_uring with EPERM,
//! kernels and sandboxes without it with ENOSYS, some security modules with EACCES. The same is had
//! here without a container:
//!
//! ```text
//!  versus deny --errno EPERM -- target/release/examples/serve 127.0.0.1:8080
//! ```
//!
//! The filter holds for the program and all that it starts, which can gain no privileges by setuid
//! any more and must be of the machine's own architecture.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::{Args, ValueEnum};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

use crate::during::During;

#[derive(Args)]
pub struct DenyArguments {
    /// What the refused calls fail with.
    #[arg(long, value_enum, ignore_case = true, default_value_t = Errno::NotPermitted)]
    errno: Errno,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The answers that are met in the wild.
#[derive(Clone, Copy, ValueEnum)]
enum Errno {
    /// Docker, Kubernetes, the sysctl `kernel.io_uring_disabled`
    #[value(name = "EPERM")]
    NotPermitted,
    /// gVisor, a kernel built without io_uring
    #[value(name = "ENOSYS")]
    NotThere,
    /// A security module's policy
    #[value(name = "EACCES")]
    NoAccess,
}

impl Errno {
    fn number(self) -> i32 {
        match self {
            Self::NotPermitted => libc::EPERM,
            Self::NotThere => libc::ENOSYS,
            Self::NoAccess => libc::EACCES,
        }
    }
}

/// Becomes the program; returns only where that fails.
///
/// # Errors
/// When the filter cannot be installed or the program cannot be run.
pub fn run(arguments: &DenyArguments) -> io::Result<()> {
    let (program, rest) = arguments
        .command
        .split_first()
        .ok_or_else(|| io::Error::other("no command to run"))?;
    filter(arguments.errno)
        .and_then(|filter| apply_filter(&filter).map_err(explained))
        .during("installing the seccomp filter that denies io_uring")?;
    Err(Command::new(program).args(rest).exec()).during(format_args!("running {program:?}"))
}

/// A filter that refuses the calls of io_uring and lets all others pass.
fn filter(errno: Errno) -> io::Result<BpfProgram> {
    let calls = [
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
    ];
    // No conditions on the arguments: refused in any case.
    let rules = BTreeMap::from(calls.map(|call| (call, Vec::new())));
    let refuse = SeccompAction::Errno(errno.number() as u32);
    let architecture = TargetArch::try_from(env::consts::ARCH).map_err(io::Error::other)?;
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)
        .and_then(BpfProgram::try_from)
        .map_err(io::Error::other)
}

/// The system's error with the reason that it does not tell.
fn explained(error: seccompiler::Error) -> io::Error {
    io::Error::other(format!(
        "{error} (is seccomp, CONFIG_SECCOMP_FILTER, in this kernel?)"
    ))
}
