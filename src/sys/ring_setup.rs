//! Making a ring: the flags to ask for, and peeling them off for older kernels.

use io_uring::{Builder, IoUring, Probe, opcode};
use std::fmt;
use std::io;
use std::time::Duration;

/// What this ring can do, found by asking and trying; never by a version number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    /// Task work runs only in an enter of the loop's own (`DEFER_TASKRUN`, 6.1).
    pub(crate) defer_taskrun: bool,
    /// The kernel tells in shared memory when task work waits (`TASKRUN_FLAG`, 5.19).
    pub(crate) taskrun_flag: bool,
    /// `NO_IOWAIT` may be passed to enter (6.15).
    pub(crate) no_iowait: bool,
    /// A submission may keep quiet about its success (5.17).
    pub(crate) skip_success: bool,
    /// Rings can post to one another (`MSG_RING`, 5.18).
    pub(crate) msg_ring: bool,
}

impl Features {
    /// Whether nothing is missing that the runtime makes use of.
    pub(crate) fn is_full(&self) -> bool {
        self.defer_taskrun
            && self.taskrun_flag
            && self.no_iowait
            && self.skip_success
            && self.msg_ring
    }
}

/// The system call that refused to make a ring, and how.
#[derive(Debug)]
pub(crate) struct SetupError {
    pub(crate) call: &'static str,
    pub(crate) source: io::Error,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.source)
    }
}

/// One rung of the ladder: what is asked for beyond the rungs below it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rung {
    /// `CQSIZE` and `CLAMP` alone.
    Plain,
    /// `SUBMIT_ALL`: one bad submission does not strand those behind it (5.18).
    SubmitAll,
    /// `COOP_TASKRUN` and `TASKRUN_FLAG`: no interruption of the thread for a completion (5.19).
    Coop,
    /// `SINGLE_ISSUER` and `DEFER_TASKRUN`: completions run in the loop's own enters (6.1).
    Defer,
    /// `NO_SQARRAY`: one indirection and one cache line less a submission (6.6).
    NoSqArray,
}

/// From the best set-up to the barest.
const LADDER: [Rung; 5] = [
    Rung::NoSqArray,
    Rung::Defer,
    Rung::Coop,
    Rung::SubmitAll,
    Rung::Plain,
];

fn builder(rung: Rung, cq_entries: u32) -> Builder {
    let mut builder = IoUring::builder();
    builder.setup_cqsize(cq_entries).setup_clamp().dontfork();
    if rung >= Rung::SubmitAll {
        builder.setup_submit_all();
    }
    if rung >= Rung::Coop {
        builder.setup_coop_taskrun().setup_taskrun_flag();
    }
    if rung >= Rung::Defer {
        builder.setup_single_issuer().setup_defer_taskrun();
    }
    if rung >= Rung::NoSqArray {
        builder.setup_no_sqarray();
    }
    builder
}

/// The memory of a ring that was closed is given back by the kernel a moment later, and until then
/// counts against RLIMIT_MEMLOCK: how often to ask again, and how long to wait in between.
const MEMORY_TRIES: u32 = 10;
const MEMORY_PAUSE: Duration = Duration::from_millis(5);

/// Submission queue entries below which a ring is not made smaller.
pub(crate) const FEWEST: u32 = 64;

/// Builds a ring with the best set-up that this kernel takes. Where memory may not be locked for it
/// (the limit is a user's, over all processes, and 8 MiB or even 64 KiB are usual), the ring is made
/// smaller, down to 64 submissions.
pub(crate) fn build(sq_entries: u32, cq_entries: u32) -> Result<(IoUring, Features), SetupError> {
    let (mut sq_entries, mut cq_entries) = (sq_entries, cq_entries);
    let mut tries = 0;
    loop {
        let refused = match build_sized(sq_entries, cq_entries) {
            Err(error) if error.source.raw_os_error() == Some(libc::ENOMEM) => error,
            result => return result,
        };
        if tries < MEMORY_TRIES {
            tries += 1;
            std::thread::sleep(MEMORY_PAUSE);
        } else if sq_entries > FEWEST {
            sq_entries = (sq_entries / 2).max(FEWEST);
            cq_entries = (cq_entries / 2).max(sq_entries);
        } else {
            return Err(refused);
        }
    }
}

/// As [`build`], but at this size or not at all, and without waiting for memory.
pub(super) fn build_exactly(
    sq_entries: u32,
    cq_entries: u32,
) -> Result<(IoUring, Features), SetupError> {
    build_sized(sq_entries, cq_entries)
}

/// Does what needs a little locked memory, and waits for memory that is on its way back.
pub(super) fn patiently<T>(mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..MEMORY_TRIES {
        match make() {
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {}
            result => return result,
        }
        std::thread::sleep(MEMORY_PAUSE);
    }
    make()
}

/// Builds a ring at the highest rung that the kernel takes; only EINVAL (an unknown flag) climbs
/// down, any other refusal is final.
fn build_sized(sq_entries: u32, cq_entries: u32) -> Result<(IoUring, Features), SetupError> {
    let mut refused = None;
    for rung in LADDER {
        match builder(rung, cq_entries).build(sq_entries) {
            Ok(ring) => {
                let features = probe(&ring, rung)?;
                return Ok((ring, features));
            }
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => refused = Some(error),
            Err(error) => return Err(setup_error(error)),
        }
    }
    Err(setup_error(refused.unwrap_or_else(|| {
        io::Error::from_raw_os_error(libc::EINVAL)
    })))
}

fn setup_error(source: io::Error) -> SetupError {
    SetupError {
        call: "io_uring_setup",
        source,
    }
}

/// The operations without which there is no point in a ring.
pub(super) const NEEDED: [(u8, &str); 6] = [
    (opcode::AcceptMulti::CODE, "ACCEPT"),
    (opcode::RecvMulti::CODE, "RECV"),
    (opcode::Send::CODE, "SEND"),
    (opcode::Connect::CODE, "CONNECT"),
    (opcode::AsyncCancel::CODE, "ASYNC_CANCEL"),
    (opcode::PollAdd::CODE, "POLL_ADD"),
];

fn probe(ring: &IoUring, rung: Rung) -> Result<Features, SetupError> {
    let mut probe = Probe::new();
    ring.submitter()
        .register_probe(&mut probe)
        .map_err(|source| SetupError {
            call: "io_uring_register(PROBE)",
            source,
        })?;
    for (code, name) in NEEDED {
        if !probe.is_supported(code) {
            return Err(SetupError {
                call: "io_uring_register(PROBE)",
                source: io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!("this kernel's io_uring has no {name} operation"),
                ),
            });
        }
    }
    if !ring.params().is_feature_ext_arg() || !ring.params().is_feature_nodrop() {
        return Err(SetupError {
            call: "io_uring_setup",
            source: io::Error::new(
                io::ErrorKind::Unsupported,
                "this kernel's io_uring has no EXT_ARG or drops completions (before 5.11)",
            ),
        });
    }
    Ok(Features {
        defer_taskrun: rung >= Rung::Defer,
        taskrun_flag: rung >= Rung::Coop,
        no_iowait: ring.params().is_feature_no_iowait(),
        skip_success: ring.params().is_feature_skip_cqe_on_success(),
        msg_ring: probe.is_supported(opcode::MsgRingData::CODE),
    })
}
