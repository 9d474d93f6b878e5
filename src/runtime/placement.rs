//! [`Balance`]: which loop serves a fresh connection, and how the connection gets there.
//!
//! # The choice
//!
//! A loop's load is how many connections of this server it has, those on their way to it included.
//! Loops whose load is within a slack of the least ([`slack`]) are *level*. A connection that a
//! level loop accepts stays there, so that a balanced server pays for a few relaxed loads and hands
//! nothing over. Another loop gives it to the level loop that was the least busy of late.
//!
//! How busy is the second term: of level loops, one that had its processor for a quarter of the time
//! more than the least busy ([`BUSY_SLACK`]) gives to that one, too. It moves connections within the
//! slack only, whatever is measured: idle connections stay balanced on loops that are not equally
//! busy. The measure is the processor time of the loops' threads, which any thread can read; who
//! accepts a connection reads it, at most every [`SAMPLE_PERIOD`] for the whole server. So a loop
//! that is stuck in a handler is seen to be, though it could not say so itself, as long as connections
//! come: a sample is the mean of the time since the one before.
//!
//! # The way over
//!
//! What travels is the bare descriptor: no stream was made of it, no driver knows it. Each loop has a
//! bounded queue for arrivals, and takes from it where it takes from its listener.
//!
//! ```text
//!        the loop that accepts                            the loop that is chosen
//!
//!   listener ► descriptor ► choice ── here ─► load+1 ► task ► load-1
//!                             │
//!                           there
//!                             ▼
//!                     1. load[there]+1
//!                             │                           ┌──────────────┐
//!                     2. try_send ───── taken ──────────► │ its arrivals │ ► 3. task ► load-1
//!                             │                           └──────┬───────┘
//!                       full, or closed                     dropped unserved:
//!                             ▼                                  ▼
//!                     4. load[there]-1,                   5. load-1, and to any loop
//!                        served here                         that still takes arrivals
//! ```
//!
//! 1. The target's load counts the connection before it is sent: loops that choose at the same time
//!    see each other's choices. Who finds that others were faster takes the count back, and serves
//!    the connection itself.
//! 2. A push to the queue is either before its close, and then the target takes it out, or fails, and
//!    then the giver still has it: nothing is in between.
//! 3. What comes out of the queue is counted already; the count ends with the connection's task,
//!    however that ends.
//! 4. A full queue or a closed one is no error: the connection is served where it was accepted.
//! 5. A server's part that ends by itself first closes its queue and serves what is in it: at a drain
//!    that is before it waits for its connections. One that is dropped (its loop died, or the server
//!    was cancelled) sends it on; with the last part of a server it is closed.

use super::loop_ref::LoopRef;
use crate::channel::mpsc;
use crate::event_loop::context;
use crossbeam_utils::CachePadded;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// Connections that may be on their way to one loop; as many as its listener accepts ahead. With
/// more they are served where they were accepted.
const ARRIVALS: usize = 256;

/// Between two measurements of how busy the loops are. Each reads one clock a loop, by a system call
/// of a third of a microsecond: one in ten milliseconds is nothing, and recent enough for
/// connections, which live longer.
const SAMPLE_PERIOD: Duration = Duration::from_millis(10);

/// What being busy is measured in: thousandths of the time.
const WHOLE: u64 = 1_000;

/// The difference in being busy from which on loops with as many connections are not equal. A
/// quarter of the time is well beyond what two equal loops differ by from sample to sample.
const BUSY_SLACK: u64 = WHOLE / 4;

/// Which loop serves a connection; see [`Serve::balance`](crate::Serve::balance).
///
/// Each loop has a listener of its own, and the kernel chooses one by a hash of the addresses and
/// ports: fair for many short connections, and often unfair for few long ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Balance {
    /// The loop whose listener the kernel chose; nothing is handed over. For many short connections,
    /// which the hash spreads well enough: with a connection for each HTTP request, 64 at a time,
    /// `LeastLoaded` moves a third of them, for 4 % more processor time and 2 % more requests a
    /// second. With connections that stay, the two cost the same.
    Kernel,
    /// Each loop deals what it accepts to all loops in turn.
    RoundRobin,
    /// The loop that the kernel chose, unless it has more connections than the least loaded: by two
    /// at least, and by more than a sixteenth. Then the connection goes to that one; of several, to
    /// the one whose thread was the least busy lately. So it does within that slack where the loop
    /// had its processor for a quarter of the time more. The default.
    #[default]
    LeastLoaded,
}

/// One loop's load.
#[derive(Default)]
struct Load {
    /// Connections there, and on their way there.
    live: AtomicUsize,
    /// How busy it was between the last two samples, of [`WHOLE`].
    busy: AtomicU64,
    /// Its processor time at the last sample, in nanoseconds.
    worked: AtomicU64,
}

/// What the loops of one server know of each other.
pub(super) struct Placement {
    balance: Balance,
    loads: Box<[CachePadded<Load>]>,
    arrivals: Box<[mpsc::Sender<OwnedFd>]>,
    loops: Box<[LoopRef]>,
    sampled_at: AtomicU64,
}

/// Where a connection is to be served that was just accepted.
#[must_use = "the connection is to be served"]
pub(super) enum Placed {
    /// On this loop; it is counted.
    Here(OwnedFd),
    /// On another, which has it.
    HandedOver,
}

/// One loop's part in the placement: it places what the loop accepts, and takes what others hand
/// over. It is made elsewhere and travels to its loop.
pub(super) struct Post {
    seats: Seats,
    arrivals: mpsc::Receiver<OwnedFd>,
    /// The next in turn.
    turn: usize,
}

/// The count of one loop's connections.
#[derive(Clone)]
pub(super) struct Seats {
    placement: Arc<Placement>,
    index: usize,
}

impl Placement {
    /// The placement of a server on `loops`, and each loop's part of it.
    pub(super) fn new(balance: Balance, loops: &[LoopRef]) -> (Arc<Self>, Vec<Post>) {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            loops.iter().map(|_| mpsc::channel(ARRIVALS)).unzip();
        let load = |target: &LoopRef| {
            CachePadded::new(Load {
                worked: AtomicU64::new(target.busy_nanos()),
                ..Load::default()
            })
        };
        let placement = Arc::new(Placement {
            balance,
            loads: loops.iter().map(load).collect(),
            arrivals: senders.into(),
            loops: loops.into(),
            sampled_at: AtomicU64::new(context::now()),
        });
        let post = |(index, arrivals)| Post {
            seats: Seats {
                placement: placement.clone(),
                index,
            },
            arrivals,
            // So that the first ones of all loops do not go to the same.
            turn: index,
        };
        let posts = receivers.into_iter().enumerate().map(post).collect();
        (placement, posts)
    }

    /// Whether no connection is counted.
    pub(super) fn is_empty(&self) -> bool {
        let live = |load: &CachePadded<Load>| load.live.load(Ordering::Relaxed);
        self.loads.iter().map(live).all(|live| live == 0)
    }

    /// The least loaded loop as loop `here` sees it; `here` if it may as well be that one.
    fn least_loaded(&self, here: usize) -> usize {
        let live = |index: usize| self.loads[index].live.load(Ordering::Relaxed);
        let busy = |index: usize| self.loads[index].busy.load(Ordering::Relaxed);
        let all = 0..self.loads.len();
        let least = all.clone().map(live).min().unwrap_or(0);
        let level = least + slack(least);
        // This loop's neighbour first: where loops are equal, each gives to another.
        let others = all.map(|step| (here + step) % self.loads.len()).skip(1);
        let candidate = others
            .filter(|&index| live(index) <= level)
            .min_by_key(|&index| (busy(index), live(index)));
        match candidate {
            Some(there) if live(here) > level || busy(here) > busy(there) + BUSY_SLACK => there,
            _ => here,
        }
    }

    /// Hands a connection to another loop; gives it back if it is to stay.
    fn hand_over(&self, here: usize, there: usize, fd: OwnedFd) -> Result<(), OwnedFd> {
        let before = self.loads[there].live.fetch_add(1, Ordering::Relaxed);
        // Rule 1. Those in turn go where it is their turn to.
        let own = self.loads[here].live.load(Ordering::Relaxed);
        if self.balance == Balance::LeastLoaded && before > own + slack(own) {
            self.leave(there);
            return Err(fd);
        }
        self.send_counted(there, fd)
    }

    /// Sends a connection that is counted at its target; gives it back if nobody takes it there.
    fn send_counted(&self, there: usize, fd: OwnedFd) -> Result<(), OwnedFd> {
        let sent = self.arrivals[there].try_send(fd);
        // Rule 4.
        sent.map_err(|error| {
            self.leave(there);
            error.into_inner()
        })
    }

    fn leave(&self, index: usize) {
        self.loads[index].live.fetch_sub(1, Ordering::Relaxed);
    }

    /// Measures how busy the loops are, if that was not done lately.
    fn sample(&self, now: u64) {
        let before = self.sampled_at.load(Ordering::Relaxed);
        let passed = now.saturating_sub(before);
        if u128::from(passed) < SAMPLE_PERIOD.as_nanos() {
            return;
        }
        let claimed =
            self.sampled_at
                .compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
        if claimed.is_err() {
            // Another loop does it.
            return;
        }
        for (load, target) in self.loads.iter().zip(&self.loops) {
            let worked = target.busy_nanos();
            let more = worked.saturating_sub(load.worked.swap(worked, Ordering::Relaxed));
            let busy = more.saturating_mul(WHOLE) / passed;
            load.busy.store(busy.min(WHOLE), Ordering::Relaxed);
        }
    }
}

/// How many connections more than the least loaded a loop may have before it gives some away: one,
/// so that few connections are spread; and a sixteenth, less than what the hash makes of many, so
/// that it is not made good to the last one.
fn slack(least: usize) -> usize {
    1 + least / 16
}

impl Post {
    /// The count of this loop's connections.
    pub(super) fn seats(&self) -> Seats {
        self.seats.clone()
    }

    /// Chooses a loop for a connection that this one accepted, and sends it there.
    pub(super) fn place(&mut self, fd: OwnedFd) -> Placed {
        let Seats { placement, index } = &self.seats;
        let here = *index;
        let there = match placement.balance {
            Balance::Kernel => here,
            _ if placement.loops.len() == 1 => here,
            Balance::RoundRobin => {
                let turn = self.turn;
                self.turn = (turn + 1) % placement.loops.len();
                turn
            }
            Balance::LeastLoaded => {
                placement.sample(context::tick_time());
                placement.least_loaded(here)
            }
        };
        let fd = if there == here {
            fd
        } else {
            match placement.hand_over(here, there, fd) {
                Ok(()) => {
                    placement.loops[here].count_hand_over();
                    return Placed::HandedOver;
                }
                Err(fd) => fd,
            }
        };
        self.seats.take();
        Placed::Here(fd)
    }

    /// A connection that another loop handed over; it is counted.
    pub(super) fn poll_arrived(&mut self, cx: &mut Context<'_>) -> Poll<OwnedFd> {
        match self.arrivals.poll_recv(cx) {
            Poll::Ready(Some(fd)) => Poll::Ready(fd),
            // It does not end before `close`: the placement has the senders.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Takes no more arrivals; gives those that were handed over before, which are counted.
    pub(super) fn close(&mut self) -> impl Iterator<Item = OwnedFd> {
        self.arrivals.close();
        std::iter::from_fn(|| self.arrivals.try_recv().ok())
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let Seats { placement, index } = self.seats.clone();
        // Rule 5. Nothing is there after an end in order.
        for fd in self.close() {
            placement.leave(index);
            let mut left = Some(fd);
            for step in 1..placement.loops.len() {
                let Some(fd) = left.take() else { break };
                let there = (index + step) % placement.loops.len();
                placement.loads[there].live.fetch_add(1, Ordering::Relaxed);
                left = placement.send_counted(there, fd).err();
            }
        }
    }
}

impl Seats {
    /// Counts a connection.
    pub(super) fn take(&self) {
        let load = &self.placement.loads[self.index];
        load.live.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection has ended.
    pub(super) fn leave(&self) {
        self.placement.leave(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::driver::{apply, on_each_driver};
    use crate::{Builder, Runtime};
    use std::fs::File;

    fn runtime(loops: usize) -> Runtime {
        let builder = Builder::new().driver(crate::kit::driver::current());
        match builder.loops(loops).build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        }
    }

    fn descriptor() -> OwnedFd {
        File::open("/dev/null").unwrap().into()
    }

    fn set_live(placement: &Placement, live: &[usize]) {
        for (load, live) in placement.loads.iter().zip(live) {
            load.live.store(*live, Ordering::Relaxed);
        }
    }

    fn live(placement: &Placement) -> Vec<usize> {
        let live = |load: &CachePadded<Load>| load.live.load(Ordering::Relaxed);
        placement.loads.iter().map(live).collect()
    }

    fn placement_of_three() -> (Runtime, Arc<Placement>, Vec<Post>) {
        let runtime = runtime(3);
        let (placement, posts) = Placement::new(Balance::LeastLoaded, runtime.handle().loops());
        (runtime, placement, posts)
    }

    #[apply(on_each_driver)]
    fn a_loop_gives_away_what_is_beyond_the_slack() {
        let (_runtime, placement, _posts) = placement_of_three();
        for (live, here, there) in [
            ([0, 0, 0], 0, 0),
            ([1, 0, 0], 0, 0),
            ([2, 0, 0], 0, 1),
            ([2, 1, 0], 0, 2),
            ([0, 0, 2], 2, 0),
            ([105, 100, 98], 0, 0),
            ([106, 100, 98], 0, 2),
        ] {
            set_live(&placement, &live);
            assert_eq!(placement.least_loaded(here), there, "{live:?}");
        }
    }

    #[apply(on_each_driver)]
    fn being_busy_counts_within_the_slack_only() {
        let (_runtime, placement, _posts) = placement_of_three();
        for (live, busy, there) in [
            ([5, 5, 5], [250, 0, 0], 0),
            ([5, 5, 5], [251, 0, 0], 1),
            ([5, 5, 5], [900, 500, 100], 2),
            // More connections than are level with the least: not for them.
            ([5, 5, 7], [900, 500, 100], 1),
            // Nor to the idlest, if it has the most.
            ([9, 2, 4], [0, 900, 0], 1),
        ] {
            set_live(&placement, &live);
            for (load, busy) in placement.loads.iter().zip(busy) {
                load.busy.store(busy, Ordering::Relaxed);
            }
            assert_eq!(placement.least_loaded(0), there, "{live:?} {busy:?}");
        }
    }

    #[apply(on_each_driver)]
    fn what_nobody_takes_stays_and_is_not_counted_there() {
        let (_runtime, placement, mut posts) = placement_of_three();
        set_live(&placement, &[1_000, 0, 0]);
        for _ in 0..ARRIVALS {
            assert!(placement.hand_over(0, 1, descriptor()).is_ok());
        }
        assert!(placement.hand_over(0, 1, descriptor()).is_err());
        assert_eq!(live(&placement), [1_000, ARRIVALS, 0]);
        assert_eq!(posts[1].close().count(), ARRIVALS);
        assert!(placement.hand_over(0, 1, descriptor()).is_err());
        assert_eq!(live(&placement), [1_000, ARRIVALS, 0]);
        // Others were faster.
        set_live(&placement, &[1, 0, 3]);
        assert!(placement.hand_over(0, 2, descriptor()).is_err());
        assert_eq!(live(&placement), [1, 0, 3]);
    }

    #[apply(on_each_driver)]
    fn a_part_that_is_dropped_sends_on_what_it_has_not_served() {
        let (_runtime, placement, mut posts) = placement_of_three();
        set_live(&placement, &[100, 0, 0]);
        for _ in 0..7 {
            assert!(placement.hand_over(0, 1, descriptor()).is_ok());
        }
        drop(posts.remove(1));
        assert_eq!(live(&placement), [100, 0, 7]);
        drop(posts.remove(1));
        assert_eq!(live(&placement), [107, 0, 0]);
        assert_eq!(posts[0].arrivals.len(), 7);
        drop(posts);
        assert_eq!(live(&placement), [100, 0, 0]);
    }

    #[apply(on_each_driver)]
    fn in_turn_each_loop_gets_as_many() {
        let runtime = runtime(3);
        let (placement, mut posts) = Placement::new(Balance::RoundRobin, runtime.handle().loops());
        // On a loop's own thread, as it counts what it hands over.
        runtime.block_on(async {
            for _ in 0..30 {
                let _ = posts[0].place(descriptor());
            }
        });
        assert_eq!(live(&placement), [10, 10, 10]);
        assert_eq!(runtime.handle().stats()[0].handed_over, 20);
    }
}
