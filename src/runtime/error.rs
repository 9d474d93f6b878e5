//! [`BuildError`]: why a runtime could not be built, and what to do about it.

use crate::sys::errno;
use crate::sys::ring_setup::SetupError;
use std::error::Error;
use std::fmt;
use std::io;

/// Why a runtime could not be built: the call that failed, the likely cause, and the remedy.
///
/// Its `Display` tells all of it, for the person who reads the log.
#[derive(Debug)]
pub struct BuildError {
    call: &'static str,
    source: io::Error,
    cause: String,
    remedy: String,
}

impl BuildError {
    pub(crate) fn ring(error: SetupError) -> Self {
        let (cause, remedy) = explain(error.call, &error.source);
        BuildError {
            call: error.call,
            source: error.source,
            cause,
            remedy,
        }
    }

    pub(super) fn option(message: String, remedy: &str) -> Self {
        BuildError {
            call: "Builder::build",
            source: io::Error::new(io::ErrorKind::InvalidInput, message),
            cause: "an option of the builder is out of its range".to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    pub(super) fn thread(source: io::Error) -> Self {
        BuildError {
            call: "thread::spawn",
            source,
            cause: "the limit of threads (RLIMIT_NPROC or the cgroup's pids.max) is reached, or \
                    memory for a stack is short"
                .to_owned(),
            remedy: "ask for fewer loops with Builder::loops, or raise the limit".to_owned(),
        }
    }

    pub(super) fn affinity(call: &'static str, source: io::Error) -> Self {
        BuildError {
            call,
            source,
            cause: "the set of allowed processors cannot be read or changed here".to_owned(),
            remedy: "build with Builder::pin(false)".to_owned(),
        }
    }

    /// The system call (or step) that failed.
    pub fn call(&self) -> &str {
        self.call
    }

    /// What most likely is behind it.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// The error that the call gave.
    pub fn io_error(&self) -> &io::Error {
        &self.source
    }
}

/// The likely cause and the remedy for a refusal to make a ring.
fn explain(call: &str, source: &io::Error) -> (String, String) {
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let disabled = disabled.as_deref().map_or("", str::trim);
    let (cause, remedy) = match source.raw_os_error() {
        Some(errno::EPERM) if disabled == "1" || disabled == "2" => (
            format!("the sysctl kernel.io_uring_disabled is {disabled}"),
            "run `sysctl kernel.io_uring_disabled=0` as root (with 1, membership of the group in \
             kernel.io_uring_group also serves)",
        ),
        Some(errno::EPERM | errno::EACCES) => (
            "a seccomp profile or a security module denies io_uring, as the default profiles of \
             Docker, Kubernetes and gVisor do"
                .to_owned(),
            "allow io_uring_setup, io_uring_enter and io_uring_register in the container's \
             seccomp profile (Docker: --security-opt seccomp=PROFILE.json; Kubernetes: \
             securityContext.seccompProfile)",
        ),
        Some(errno::ENOSYS) => (
            "the kernel has no io_uring, or a seccomp profile hides it".to_owned(),
            "run on Linux 5.19 or newer built with CONFIG_IO_URING, and allow the io_uring calls \
             in the seccomp profile",
        ),
        Some(errno::ENOMEM) => (
            "memory for the ring may not be locked (RLIMIT_MEMLOCK, counted over all processes of \
             the user), or the memory cgroup is full"
                .to_owned(),
            "raise the limit (`ulimit -l unlimited`, systemd: LimitMEMLOCK=infinity, Docker: \
             --ulimit memlock=-1), or make the ring and the buffer pool smaller with \
             Builder::ring_entries and Builder::buffer_pool",
        ),
        Some(errno::EMFILE | errno::ENFILE) => (
            "the limit of open descriptors is reached".to_owned(),
            "raise it (`ulimit -n`, systemd: LimitNOFILE=), or close what is not needed",
        ),
        Some(errno::EINVAL) => (
            format!("this kernel does not know what {call} asked for; it is too old"),
            "run on Linux 5.19 or newer; 6.12 or newer is best",
        ),
        _ if source.kind() == io::ErrorKind::Unsupported => (
            "the kernel is too old".to_owned(),
            "run on Linux 5.19 or newer; 6.12 or newer is best",
        ),
        _ => (
            "unknown; the error above is the kernel's own".to_owned(),
            "look for the call's name and the error in io_uring_setup(2) and io_uring_register(2)",
        ),
    };
    (cause, remedy.to_owned())
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot build the runtime: {} failed: {}\n  likely cause: {}\n  remedy: {}",
            self.call, self.source, self.cause, self.remedy
        )
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

impl From<BuildError> for io::Error {
    fn from(error: BuildError) -> Self {
        io::Error::new(error.source.kind(), error)
    }
}
