//! The clock that a loop lives by: `CLOCK_MONOTONIC`, or a [`VirtualClock`] that all loops of a
//! runtime share.

use super::quiet::Verdict;
use crate::driver::Park;
use crate::event_loop::{EventLoop, Siblings, Timers};
use crate::sys::{clock, inherit, lock};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where a virtual clock begins: a day after its zero, so that there is time before.
const START: u64 = 86_400 * 1_000_000_000;

/// Never jumps by itself.
const NEVER: u64 = u64::MAX;

thread_local! {
    /// The clock of the runtime that this thread, which is no loop's, belongs to.
    static OUTSIDE: RefCell<Option<Arc<VirtualClock>>> = const { RefCell::new(None) };
}

/// One loop's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoopClock {
    mock: Option<Arc<VirtualClock>>,
    /// The loop has told that it waits.
    told: Cell<bool>,
}

impl LoopClock {
    pub(crate) fn mock(clock: Arc<VirtualClock>) -> Self {
        LoopClock {
            mock: Some(clock),
            told: Cell::new(false),
        }
    }

    /// The clock, unless it is the real one.
    pub(in crate::event_loop) fn virtual_clock(&self) -> Option<Arc<VirtualClock>> {
        self.mock.clone()
    }

    /// Gives the clock the loops that it is to wake; false if it has others.
    pub(crate) fn attach(&self, siblings: &Arc<Siblings>) -> bool {
        self.mock.as_ref().is_none_or(|mock| mock.attach(siblings))
    }

    #[inline]
    pub(in crate::event_loop) fn now(&self) -> u64 {
        match &self.mock {
            None => clock::monotonic_nanos(),
            Some(mock) => mock.now(),
        }
    }

    /// A wheel for this clock: an exact one, for a clock that stands at deadlines.
    pub(in crate::event_loop) fn timers(&self) -> Rc<Timers> {
        match &self.mock {
            None => Timers::new(self.now()),
            Some(mock) => Timers::exact(mock.now()),
        }
    }

    /// How a loop that has announced its sleep is to wait, its next timer being due at `until`.
    /// `None`: not at all.
    pub(in crate::event_loop) fn park(
        &self,
        event_loop: &EventLoop,
        until: Option<u64>,
    ) -> Option<Park> {
        let mock = self.mock.as_deref();
        let timer = match mock {
            None => until,
            Some(mock) if until.is_some_and(|until| until <= mock.now()) => return None,
            Some(mock) => until.and_then(|until| mock.real_time_of(until)),
        };
        let siblings = &event_loop.shared.siblings;
        let mut wait = timer;
        if siblings.asks_for_quiet() {
            if !event_loop.settle() {
                return None;
            }
            self.told.set(true);
            match siblings.wait_quietly(event_loop, until) {
                Verdict::Again => return None,
                Verdict::Wait(None) => {}
                Verdict::Wait(Some(limit)) => {
                    wait = Some(wait.map_or(limit, |wait| wait.min(limit)));
                }
            }
        }
        Some(wait.map_or(Park::Forever, Park::Until))
    }

    /// The loop has waited.
    #[inline]
    pub(in crate::event_loop) fn awake(&self, event_loop: &EventLoop) {
        if self.told.take() {
            event_loop.shared.siblings.awake(event_loop.shared.index());
        }
    }

    /// Whether looking for work for a while may stand for a wait.
    pub(crate) fn may_spin(&self) -> bool {
        self.mock.is_none()
    }

    /// Until what is returned is dropped nobody has to move it: it jumps by itself, and once more,
    /// by `limit`, when that has passed in real time, as something may keep it from jumping.
    pub(crate) fn run_out(&self, limit: Duration) -> impl Drop + use<> {
        RunOut::begin(self.mock.clone(), limit)
    }
}

/// A virtual clock at the end of its runtime.
struct RunOut {
    clock: Option<Arc<VirtualClock>>,
    autojump: Option<u64>,
    /// Ends the thread that waits for the limit, and that thread.
    waits: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl RunOut {
    fn begin(clock: Option<Arc<VirtualClock>>, limit: Duration) -> Self {
        let autojump = clock.as_ref().and_then(|clock| clock.autojump());
        let waits = clock.clone().and_then(|clock| {
            clock.set_autojump(Some(0));
            let (over, is_over) = mpsc::channel();
            let wait = move || {
                if is_over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                    clock.advance(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
                }
            };
            // Without a thread it is as good as it can be.
            let thread = inherit::thread("ringmill-limit", wait).ok()?;
            Some((over, thread))
        });
        RunOut {
            clock,
            autojump,
            waits,
        }
    }
}

impl Drop for RunOut {
    fn drop(&mut self) {
        if let Some((over, thread)) = self.waits.take() {
            drop(over);
            // It has nothing to panic with.
            let _ = thread.join();
        }
        if let Some(clock) = &self.clock {
            // Another runtime may live by it after this one.
            clock.set_autojump(self.autojump);
        }
    }
}

/// Now, on a thread that runs no loop.
pub(in crate::event_loop) fn outside() -> u64 {
    let shared = OUTSIDE.try_with(|clock| clock.borrow().as_ref().map(|clock| clock.now()));
    match shared {
        Ok(Some(now)) => now,
        Ok(None) | Err(_) => clock::monotonic_nanos(),
    }
}

/// Time that does not pass by itself, or at another rate. All times are in nanoseconds.
pub(crate) struct VirtualClock {
    hand: Mutex<Hand>,
    /// How long, of real time, all loops must have waited before it jumps; or `NEVER`.
    autojump: AtomicU64,
    loops: Mutex<Weak<Siblings>>,
}

/// Virtual time is `at` plus `rate` times the real time that has passed since `since`.
struct Hand {
    at: u64,
    since: u64,
    rate: f64,
}

impl Hand {
    fn now(&self) -> u64 {
        if self.rate == 0.0 {
            return self.at;
        }
        let passed = clock::monotonic_nanos().saturating_sub(self.since);
        self.at.saturating_add((passed as f64 * self.rate) as u64)
    }

    fn set(&mut self, at: u64) {
        self.at = at;
        self.since = clock::monotonic_nanos();
    }
}

impl VirtualClock {
    pub(crate) fn new(rate: f64, autojump: Option<u64>) -> Arc<Self> {
        Arc::new(VirtualClock {
            hand: Mutex::new(Hand {
                at: START,
                since: clock::monotonic_nanos(),
                rate,
            }),
            autojump: AtomicU64::new(autojump.unwrap_or(NEVER)),
            loops: Mutex::new(Weak::new()),
        })
    }

    /// Where it began.
    pub(crate) fn start() -> u64 {
        START
    }

    pub(crate) fn now(&self) -> u64 {
        lock(&self.hand).now()
    }

    /// Moves on by `nanos`, and has the loops look at it.
    pub(crate) fn advance(&self, nanos: u64) {
        let mut hand = lock(&self.hand);
        let now = hand.now();
        hand.set(now.saturating_add(nanos));
        drop(hand);
        self.wake_loops();
    }

    /// Moves on to `nanos`, if that is ahead, and has the loops look at it.
    pub(crate) fn advance_to(&self, nanos: u64) {
        self.jump_to(nanos);
        self.wake_loops();
    }

    /// Moves on to `nanos`, if that is ahead.
    pub(super) fn jump_to(&self, nanos: u64) {
        let mut hand = lock(&self.hand);
        let now = hand.now();
        hand.set(now.max(nanos));
    }

    pub(crate) fn set_rate(&self, rate: f64) {
        let mut hand = lock(&self.hand);
        let now = hand.now();
        hand.set(now);
        hand.rate = rate;
        drop(hand);
        self.wake_loops();
    }

    pub(crate) fn set_autojump(&self, threshold: Option<u64>) {
        let threshold = threshold.map_or(NEVER, |nanos| nanos.min(NEVER - 1));
        self.autojump.store(threshold, Ordering::Release);
        self.wake_loops();
    }

    pub(super) fn autojump(&self) -> Option<u64> {
        let threshold = self.autojump.load(Ordering::Acquire);
        (threshold != NEVER).then_some(threshold)
    }

    /// When it will be `deadline`, by the monotonic clock; `None` if that does not come by itself.
    fn real_time_of(&self, deadline: u64) -> Option<u64> {
        let hand = lock(&self.hand);
        if hand.rate == 0.0 {
            return None;
        }
        // Rounded up: a wait that ended early would be followed by many short ones.
        let left = deadline.saturating_sub(hand.at) as f64 / hand.rate;
        let left = (left.ceil() as u64).saturating_add(1);
        Some(hand.since.saturating_add(left))
    }

    fn attach(self: &Arc<Self>, siblings: &Arc<Siblings>) -> bool {
        let mut loops = lock(&self.loops);
        // A handle that outlives its runtime keeps what loops know of each other.
        let is_free = loops.upgrade().is_none_or(|loops| loops.have_ended());
        if is_free {
            *loops = Arc::downgrade(siblings);
            siblings.live_by(self);
        }
        is_free
    }

    /// Each loop is to look at the clock before it sleeps, or on.
    fn wake_loops(&self) {
        let loops = lock(&self.loops).upgrade();
        if let Some(loops) = loops {
            loops.rouse_all();
        }
    }

    /// This thread goes by it from now on, where it runs no loop.
    pub(super) fn share(clock: Option<&Arc<VirtualClock>>) {
        OUTSIDE.set(clock.cloned());
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = lock(&self.hand).rate;
        f.debug_struct("VirtualClock")
            .field("now", &self.now())
            .field("rate", &rate)
            .field("autojump", &self.autojump())
            .finish()
    }
}
