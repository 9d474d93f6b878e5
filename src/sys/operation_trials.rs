//! Trials of operations: what a probe says to exist, does it work?
//!
//! Receiving is tried before every first loop ([`preflight`](super::preflight)); these are for the
//! doctor. None of their submissions points to memory.

use super::ring::{Cqe, Ring, Sqe, Wait, opcode, types};
use super::ring_setup::SetupError;
use super::socket;
use io_uring::cqueue;
use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long a completion may take that is due at once.
const LIMIT: Duration = Duration::from_millis(250);

/// The `user_data` of what is tried.
const TRIED: u64 = 1;
/// The `user_data` of what ends it.
const CANCEL: u64 = 2;

/// Whether one accept serves many connections: one that is there already, and one that comes.
pub(crate) fn try_accept_multishot() -> Result<bool, SetupError> {
    let failed = |call| move |source| SetupError { call, source };
    let ring = Ring::new(4, 16)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("bind"))?;
    let address = listener.local_addr().map_err(failed("getsockname"))?;
    let connect = || TcpStream::connect_timeout(&address, LIMIT).map_err(failed("connect"));
    let mut accepting = Accepting::default();
    let early = connect()?;
    let accept = opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd()))
        .flags(socket::ACCEPT_FLAGS)
        .build();
    submit(&ring, accept.user_data(TRIED));
    let deadline = Instant::now() + LIMIT;
    accepting
        .gather(&ring, deadline, |so_far| so_far.sockets.len() == 1)
        .map_err(failed("io_uring_enter"))?;
    let late = connect();
    accepting
        .gather(&ring, deadline, |so_far| so_far.sockets.len() == 2)
        .map_err(failed("io_uring_enter"))?;
    let worked = accepting.sockets.len() == 2 && !accepting.ended;
    // A connection in a queue that nobody reads would be a descriptor that nobody closes.
    if !accepting.ended {
        let cancel = opcode::AsyncCancel::new(TRIED).build();
        submit(&ring, cancel.user_data(CANCEL));
        accepting
            .gather(&ring, Instant::now() + LIMIT, |_| false)
            .map_err(failed("io_uring_enter"))?;
    }
    drop(early);
    late.map(|_| worked)
}

/// What became of an accept so far.
#[derive(Default)]
struct Accepting {
    sockets: Vec<OwnedFd>,
    ended: bool,
}

impl Accepting {
    /// Takes completions until the accept has ended, or `done`, or time is over.
    fn gather(
        &mut self,
        ring: &Ring,
        deadline: Instant,
        done: impl Fn(&Self) -> bool,
    ) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        take(ring, deadline, |cqe| {
            if cqe.user_data() == TRIED {
                if cqe.result() >= 0 {
                    // SAFETY: a successful accept made this descriptor, and its one completion is
                    // taken out of the queue once.
                    self.sockets
                        .push(unsafe { OwnedFd::from_raw_fd(cqe.result()) });
                }
                self.ended |= !cqueue::more(cqe.flags());
            }
            self.ended || done(self)
        })
    }
}

/// Whether a ring can post a completion to another one.
pub(crate) fn try_message() -> Result<bool, SetupError> {
    let failed = |call| move |source| SetupError { call, source };
    let (from, to) = (Ring::new(4, 16)?, Ring::new(4, 16)?);
    let message = opcode::MsgRingData::new(types::Fd(to.as_raw_fd()), 0, TRIED, None).build();
    submit(&from, message.user_data(CANCEL));
    let deadline = Instant::now() + LIMIT;
    let mut sent = false;
    take(&from, deadline, |cqe| {
        sent = cqe.result() >= 0;
        true
    })
    .map_err(failed("io_uring_enter"))?;
    let mut came = false;
    if sent {
        take(&to, deadline, |cqe| {
            came |= cqe.user_data() == TRIED;
            came
        })
        .map_err(failed("io_uring_enter"))?;
    }
    Ok(came)
}

fn submit(ring: &Ring, sqe: Sqe) {
    let mut sqe = Some(sqe);
    // SAFETY: no trial's submission points to memory of ours.
    unsafe { ring.fill(|| sqe.take()) };
}

/// Enters and hands each completion to `see`, until it says so or time is over.
fn take(ring: &Ring, deadline: Instant, mut see: impl FnMut(&Cqe) -> bool) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match ring.enter(Wait::For(left)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            entered => entered?,
        }
        let mut room = [const { MaybeUninit::uninit() }; 8];
        // All that were taken out are looked at: one of them may own something.
        let mut done = false;
        for cqe in ring.reap(&mut room).iter() {
            done |= see(cqe);
        }
        if done || left.is_zero() {
            return Ok(());
        }
    }
}
