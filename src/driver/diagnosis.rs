//! What is behind a refusal of the kernel's, and what to do about it: told by `BuildError` when a
//! runtime cannot be built, and by the doctor when someone asks.

use crate::sys::errno;
use std::io;

/// The likely cause of a refusal to make or use a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The sysctl kernel.io_uring_disabled has this value.
    Disabled(String),
    /// A seccomp profile or a security module denies the call.
    Denied,
    /// There is no such call, or so it is said.
    Absent,
    /// Memory for a ring may not be locked.
    Memory,
    /// There is no descriptor left.
    Descriptors,
    /// The kernel does not know what this call asked for.
    Unknown(String),
    /// The kernel knows the call and lacks what is needed.
    TooOld,
    /// Nothing is known about it.
    Other,
}

/// Steps against [`Refusal::Denied`], for each of the usual ways to run a service.
const ALLOW: &str = "\
in the profile's \"syscalls\" array:
  { \"names\": [\"io_uring_setup\", \"io_uring_enter\",
              \"io_uring_register\"], \"action\": \"SCMP_ACT_ALLOW\" }
Docker, with a copy of its default profile and that entry:
  docker run --security-opt seccomp=PROFILE.json ...
Kubernetes, with the profile below /var/lib/kubelet/seccomp on the node:
  securityContext:
    seccompProfile:
      type: Localhost
      localhostProfile: profiles/PROFILE.json
systemd, where the unit has a SystemCallFilter= (newer ones: @aio):
  SystemCallFilter=io_uring_setup io_uring_enter io_uring_register";

/// Steps against [`Refusal::Disabled`].
const ENABLE: &str = "\
to keep it over a restart:
  echo kernel.io_uring_disabled=0 > /etc/sysctl.d/60-io-uring.conf";

/// What the sysctl kernel.io_uring_disabled says; none before Linux 6.6.
pub(crate) fn io_uring_disabled() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    Some(text.trim().to_owned())
}

impl Refusal {
    /// What is likely behind `error` of `call`.
    pub(crate) fn of(call: &str, error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno::EPERM) => match io_uring_disabled() {
                // The sysctl concerns the making of rings only (io_uring_setup(2)).
                Some(value) if value != "0" && call == "io_uring_setup" => Refusal::Disabled(value),
                _ => Refusal::Denied,
            },
            Some(errno::EACCES) => Refusal::Denied,
            Some(errno::ENOSYS) => Refusal::Absent,
            Some(errno::ENOMEM) => Refusal::Memory,
            Some(errno::EMFILE | errno::ENFILE) => Refusal::Descriptors,
            Some(errno::EINVAL) => Refusal::Unknown(call.to_owned()),
            _ if error.kind() == io::ErrorKind::Unsupported => Refusal::TooOld,
            _ => Refusal::Other,
        }
    }

    /// In one sentence, what is behind it.
    pub(crate) fn cause(&self) -> String {
        let cause = match self {
            Refusal::Disabled(value) => {
                return format!("the sysctl kernel.io_uring_disabled is {value}");
            }
            Refusal::Unknown(call) => {
                return format!("this kernel does not know what {call} asked for; it is too old");
            }
            Refusal::Denied => {
                "a seccomp profile or a security module denies io_uring, as the default profiles \
                 of Docker, Kubernetes and gVisor do"
            }
            Refusal::Absent => "the kernel has no io_uring, or a seccomp profile hides it",
            Refusal::Memory => {
                "memory for the ring may not be locked (RLIMIT_MEMLOCK, counted over all processes \
                 of the user), or the memory cgroup is full"
            }
            Refusal::Descriptors => "the limit of open descriptors is reached",
            Refusal::TooOld => "the kernel is too old",
            Refusal::Other => "unknown; the error above is the kernel's own",
        };
        cause.to_owned()
    }

    /// In one sentence, what to do about it.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Refusal::Disabled(_) => {
                "run `sysctl kernel.io_uring_disabled=0` as root (with 1, membership of the group \
                 in kernel.io_uring_group also serves)"
            }
            Refusal::Denied => {
                "allow io_uring_setup, io_uring_enter and io_uring_register in the container's \
                 seccomp profile (Docker: --security-opt seccomp=PROFILE.json; Kubernetes: \
                 securityContext.seccompProfile)"
            }
            Refusal::Absent => {
                "run on Linux 5.19 or newer built with CONFIG_IO_URING, and allow the io_uring \
                 calls in the seccomp profile"
            }
            Refusal::Memory => {
                "raise the limit (`ulimit -l unlimited`, systemd: LimitMEMLOCK=infinity, Docker: \
                 --ulimit memlock=-1), or make the ring and the buffer pool smaller with \
                 Builder::ring_entries and Builder::buffer_pool"
            }
            Refusal::Descriptors => {
                "raise it (`ulimit -n`, systemd: LimitNOFILE=, Docker: --ulimit nofile=), or close \
                 what is not needed"
            }
            Refusal::Unknown(_) | Refusal::TooOld => {
                "run on Linux 5.19 or newer; 6.12 or newer is best"
            }
            Refusal::Other => {
                "look for the call's name and the error in io_uring_setup(2) and \
                 io_uring_register(2)"
            }
        }
    }

    /// Lines to copy, where there are any.
    pub(crate) fn steps(&self) -> Option<&'static str> {
        match self {
            Refusal::Disabled(_) => Some(ENABLE),
            Refusal::Denied | Refusal::Absent => Some(ALLOW),
            _ => None,
        }
    }
}
