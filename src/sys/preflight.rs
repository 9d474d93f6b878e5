//! One functional trial a process: does receiving many times into a buffer ring really work here?
//!
//! Flags and probes say that an operation exists, not that this kernel (or what stands in for one)
//! carries it out. The trial moves one byte through a socket pair.

use super::buf_ring::BufRing;
use super::ring::{Ring, Wait};
use super::ring_setup::{Features, SetupError};
use io_uring::{cqueue, opcode, types};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;

/// What the trial found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preflight {
    /// One receive serves many arrivals (6.0); otherwise each arrival needs a receive of its own.
    pub(crate) recv_multishot: bool,
}

/// The trial's result, carried out at the first call that succeeds in building a ring.
pub(crate) fn preflight() -> Result<Preflight, SetupError> {
    static FOUND: OnceLock<Preflight> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(*found);
    }
    let (_, found) = try_ring()?;
    Ok(*FOUND.get_or_init(|| found))
}

/// The trial itself, on a small ring of its own: what that ring has, and what it does.
pub(crate) fn try_ring() -> Result<(Features, Preflight), SetupError> {
    let ring = Ring::new(4, 16)?;
    let found = Preflight {
        recv_multishot: try_recv_multishot(&ring)?,
    };
    Ok((*ring.features(), found))
}

fn try_recv_multishot(ring: &Ring) -> Result<bool, SetupError> {
    let failed = |call| move |source| SetupError { call, source };
    let buffers = BufRing::new(0, 4, 64)?;
    buffers.register(ring)?;
    let (mut near, far) = UnixStream::pair().map_err(failed("socketpair"))?;
    near.write_all(b"!").map_err(failed("write"))?;
    let mut recv =
        Some(opcode::RecvMulti::new(types::Fd(far.as_raw_fd()), buffers.group()).build());
    // SAFETY: the submission points to no memory of ours; the buffers are registered until below.
    unsafe { ring.fill(|| recv.take()) };
    enter(ring).map_err(failed("io_uring_enter"))?;
    let mut room = [const { MaybeUninit::uninit() }; 4];
    let worked = ring.reap(&mut room).iter().any(|cqe| {
        cqe.result() == 1
            && cqueue::buffer_select(cqe.flags()).is_some()
            && cqueue::more(cqe.flags())
    });
    // End of stream ends the receive: nothing is in flight when the memory goes. One that did not
    // work has ended already, and there is nothing to wait for.
    drop(near);
    if worked {
        enter(ring).map_err(failed("io_uring_enter"))?;
    }
    buffers
        .unregister(ring)
        .map_err(failed("io_uring_register(UNREGISTER_PBUF_RING)"))?;
    Ok(worked)
}

/// Submits and waits, whatever signals the program gets as it starts.
fn enter(ring: &Ring) -> io::Result<()> {
    loop {
        match ring.enter(Wait::For(Duration::from_secs(5))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            entered => return entered,
        }
    }
}
