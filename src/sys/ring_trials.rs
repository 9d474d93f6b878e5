//! Trials of io_uring, one thing at a time: each call, each set-up flag, rings by the dozen.
//!
//! For the doctor. A loop asks for everything at once and steps down
//! ([`ring_setup`](super::ring_setup)); here it is found out what exactly is missing.

use super::buf_ring::BufRing;
use super::ring::Ring;
use super::ring_setup::{NEEDED, SetupError, patiently};
use io_uring::{Builder, EnterFlags, IoUring, Probe, opcode};
use std::io;
use std::ptr;
use std::time::Duration;

/// Entries of a trial's ring: it is as small as it may be.
const ENTRIES: u32 = 4;
/// No descriptor: the kernel answers EBADF, whoever stands before the kernel answers for himself.
/// (With -1, io_uring_register(2) is for what needs no ring, since Linux 6.13.)
const NO_DESCRIPTOR: i32 = -2;

/// The calls of io_uring, as they fared, and what a plain ring says of itself.
pub(crate) struct Calls {
    pub(crate) setup: io::Result<Plain>,
    pub(crate) enter: io::Result<()>,
    /// Which operations exist; none of them is named if the ring could not be made.
    pub(crate) register: io::Result<Vec<(&'static str, bool)>>,
}

/// The feature bits of a plain ring that the runtime looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    pub(crate) ext_arg: bool,
    pub(crate) nodrop: bool,
    pub(crate) skip_success: bool,
    pub(crate) no_iowait: bool,
}

/// Tries the three calls, on a plain ring if there is one.
pub(crate) fn try_calls() -> Calls {
    match patiently(|| plain().build(ENTRIES)) {
        Ok(mut ring) => {
            let params = ring.params();
            let found = Plain {
                ext_arg: params.is_feature_ext_arg(),
                nodrop: params.is_feature_nodrop(),
                skip_success: params.is_feature_skip_cqe_on_success(),
                no_iowait: params.is_feature_no_iowait(),
            };
            Calls {
                setup: Ok(found),
                enter: try_enter(&mut ring),
                register: operations(&ring),
            }
        }
        Err(error) => Calls {
            setup: Err(error),
            enter: passes(enter_without_ring()),
            register: passes(register_without_ring()).map(|()| Vec::new()),
        },
    }
}

/// One operation that does nothing, there and back.
fn try_enter(ring: &mut IoUring) -> io::Result<()> {
    // SAFETY: a NOP points to nothing.
    let pushed = unsafe { ring.submission().push(&opcode::Nop::new().build()) };
    pushed.map_err(io::Error::other)?;
    // SAFETY: no argument is passed, and a NOP points to nothing. It completes as it is submitted:
    // nothing is waited for.
    let entered = unsafe {
        ring.submitter()
            .enter::<libc::sigset_t>(1, 0, EnterFlags::GETEVENTS.bits(), None)
    };
    entered?;
    match ring.completion().next() {
        Some(_) => Ok(()),
        None => Err(io::Error::other("it took a NOP and completed nothing")),
    }
}

fn enter_without_ring() -> i64 {
    // SAFETY: plain integers, and no memory is passed.
    unsafe {
        libc::syscall(
            libc::SYS_io_uring_enter,
            NO_DESCRIPTOR,
            0,
            0,
            0,
            ptr::null::<libc::c_void>(),
            0,
        )
    }
}

fn register_without_ring() -> i64 {
    // Operation 0 is known to every kernel that has the call.
    // SAFETY: plain integers, and no memory is passed.
    unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            NO_DESCRIPTOR,
            0,
            ptr::null::<libc::c_void>(),
            0,
        )
    }
}

/// Whether a call without a ring came as far as the kernel's look for one.
fn passes(result: i64) -> io::Result<()> {
    let error = io::Error::last_os_error();
    if result >= 0 || error.raw_os_error() == Some(libc::EBADF) {
        Ok(())
    } else {
        Err(error)
    }
}

fn operations(ring: &IoUring) -> io::Result<Vec<(&'static str, bool)>> {
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe)?;
    let wished = [
        (opcode::Close::CODE, "CLOSE"),
        (opcode::MsgRingData::CODE, "MSG_RING"),
    ];
    let all = NEEDED.into_iter().chain(wished);
    Ok(all
        .map(|(code, name)| (name, probe.is_supported(code)))
        .collect())
}

/// Flags of io_uring_setup(2) that are of use together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetupFlag {
    /// `CQSIZE` and `CLAMP`.
    Sizes,
    SubmitAll,
    /// `COOP_TASKRUN` and `TASKRUN_FLAG`.
    Coop,
    /// `SINGLE_ISSUER` and `DEFER_TASKRUN`.
    Defer,
    NoSqArray,
}

impl SetupFlag {
    pub(crate) const ALL: [SetupFlag; 5] = [
        SetupFlag::Sizes,
        SetupFlag::SubmitAll,
        SetupFlag::Coop,
        SetupFlag::Defer,
        SetupFlag::NoSqArray,
    ];

    /// Makes a plain ring with these flags alone.
    pub(crate) fn try_out(self) -> io::Result<()> {
        let mut builder = plain();
        match self {
            SetupFlag::Sizes => builder.setup_cqsize(ENTRIES * 8).setup_clamp(),
            SetupFlag::SubmitAll => builder.setup_submit_all(),
            SetupFlag::Coop => builder.setup_coop_taskrun().setup_taskrun_flag(),
            SetupFlag::Defer => builder.setup_single_issuer().setup_defer_taskrun(),
            SetupFlag::NoSqArray => builder.setup_no_sqarray(),
        };
        patiently(|| builder.build(ENTRIES)).map(drop)
    }
}

fn plain() -> Builder {
    let mut builder = IoUring::builder();
    builder.dontfork();
    builder
}

/// What a loop locks memory for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoopSize {
    pub(crate) sq_entries: u32,
    pub(crate) cq_entries: u32,
    pub(crate) buffers: u16,
    pub(crate) buffer_len: u32,
}

/// How many loops there is memory for.
pub(crate) struct Loops {
    /// Those that were had at the same time, at their whole size.
    pub(crate) whole: usize,
    /// What the next one met with.
    pub(crate) refused: Option<SetupError>,
    /// What even a loop alone met with, whose ring may be made smaller.
    pub(crate) none: Option<SetupError>,
}

/// Makes the rings and lends the buffers of `count` loops, and gives all of it back.
pub(crate) fn try_loops(count: usize, size: LoopSize) -> Loops {
    // For all of them together; a ring that was closed gives its memory back within some 10 ms.
    let mut patience = 10;
    let mut loops = Vec::new();
    let mut refused = None;
    while loops.len() < count {
        let ring = Ring::exactly(size.sq_entries, size.cq_entries);
        match ring.and_then(|ring| with_buffers(ring, size)) {
            Ok(made) => loops.push(made),
            Err(error) if is_memory(&error) && patience > 0 => {
                patience -= 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let whole = loops.len();
    drop(loops);
    let none = match refused {
        Some(_) if whole == 0 => BufRing::new(0, size.buffers, size.buffer_len)
            .and_then(|buffers| buffers.register_with_new(size.sq_entries, size.cq_entries))
            .err(),
        _ => None,
    };
    Loops {
        whole,
        refused,
        none,
    }
}

/// A ring and the buffers lent to it; the ring is dropped first.
fn with_buffers(ring: Ring, size: LoopSize) -> Result<(Ring, BufRing), SetupError> {
    let buffers = BufRing::new(0, size.buffers, size.buffer_len)?;
    buffers.register(&ring)?;
    Ok((ring, buffers))
}

fn is_memory(error: &SetupError) -> bool {
    error.source.raw_os_error() == Some(libc::ENOMEM)
}
