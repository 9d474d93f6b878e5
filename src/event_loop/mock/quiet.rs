//! Whether all loops of a runtime wait, and nothing is under way between them.
//!
//! A loop with nothing to do looks at the kernel once more ([`EventLoop::settle`]) and then tells
//! that it waits. The last one to do so has found the runtime quiet.
//!
//! # The protocol
//!
//! 1. What one loop does may reach another through the kernel, where nobody sees it: bytes of a
//!    connection. So work has a *generation*: whoever has polled a task or submitted something since it
//!    last told that it waits begins a new one, and what others told in an older one is void, as far
//!    as they wait for the kernel. The last loop wakes those, and they look at the kernel and tell
//!    again. Looking is no work, so this ends. A loop of which the kernel has no operation can
//!    only be reached by 2, and sleeps on.
//! 2. What reaches a loop otherwise comes through its inbox, which then no longer says that it
//!    sleeps. Who decides looks at all inboxes: a loop that tells has pushed all it had to push
//!    before, under the lock that telling takes.
//! 3. Jobs of the pools are counted; a job pushes its result before it is taken from the count, and
//!    the count is read before the inboxes. A job may reach a loop through the kernel as well, so
//!    its end begins a generation; that of the last one has the first loop tell again.
//! 4. A loop takes back what it told before it does anything else. One that does not run, as its
//!    thread is not in `block_on` or has not come so far, counts as busy; one that has ended does
//!    not count.
//! 5. Who begins to ask for quiet wakes all loops *after* it has said so: by the inbox's nudge, which
//!    a loop that is about to sleep cannot miss.

use super::clock::VirtualClock;
use crate::driver::Park;
use crate::event_loop::{EventLoop, LoopShared, Siblings, context};
use crate::sys::{clock, contained, lock};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::task::Waker;

/// How long all must have waited, in nanoseconds of real time, where a loop waits for a descriptor.
///
/// Bytes sent over loopback are handed to the receiver within the send, by a softirq; but the kernel
/// bounds what it does there at a time, and leaves the rest to its thread or to the next interrupt.
/// The latest one is the tick, every 4 ms with the usual 250 Hz. (Measured under eight such tests
/// at a time on two processors: without this one exchange in thirty thousand came too late.)
const DELIVERY: u64 = 5_000_000;

/// What is known of the waiting of a runtime's loops.
pub(in crate::event_loop) struct Quiet {
    state: Mutex<State>,
    /// How many wait for the runtime to be quiet.
    waiters: AtomicUsize,
    jobs: AtomicUsize,
    /// The runtime's clock, unless it is the real one.
    clock: OnceLock<Arc<VirtualClock>>,
}

struct State {
    generation: u64,
    /// Since when all is quiet, by the monotonic clock.
    since: Option<u64>,
    loops: Vec<Told>,
    waiters: Vec<Waiter>,
    next_waiter: u64,
}

struct Told {
    what: What,
    /// What the loop had done by the time that it last told.
    work: u64,
}

#[derive(Clone, Copy)]
enum What {
    /// It does not run.
    Away,
    /// It has something to do, or has not told otherwise.
    Awake,
    Waits(Waits),
    /// It has ended.
    Gone,
}

/// A loop waited.
#[derive(Clone, Copy)]
struct Waits {
    generation: u64,
    /// Its next timer.
    deadline: Option<u64>,
    /// The kernel has operations of it.
    for_kernel: bool,
}

/// Waits for the runtime to be quiet for so long.
struct Waiter {
    id: u64,
    cushion: u64,
    waker: Waker,
}

/// What a loop that waits is to do.
pub(super) enum Verdict {
    /// Look again: time has moved on, or somebody was woken.
    Again,
    /// Wait; until the monotonic clock says so, if there is a time.
    Wait(Option<u64>),
}

/// What all loops have waited for.
enum Due {
    Waiters(u64),
    Jump { to: u64, threshold: u64 },
}

impl Quiet {
    pub(in crate::event_loop) fn new(loops: usize) -> Self {
        let away = || Told {
            what: What::Away,
            work: 0,
        };
        Quiet {
            state: Mutex::new(State {
                generation: 0,
                since: None,
                loops: std::iter::repeat_with(away).take(loops).collect(),
                waiters: Vec::new(),
                next_waiter: 0,
            }),
            waiters: AtomicUsize::new(0),
            jobs: AtomicUsize::new(0),
            clock: OnceLock::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn tell(&self, index: usize, what: What) {
        let told = &mut self.state().loops[index].what;
        if !matches!(told, What::Gone) {
            *told = what;
        }
    }
}

impl Siblings {
    /// Whether somebody waits for all loops to wait.
    fn is_awaited_quiet(&self) -> bool {
        self.quiet.waiters.load(Ordering::Acquire) > 0
    }

    /// The loops live by this clock.
    pub(super) fn live_by(&self, clock: &Arc<VirtualClock>) {
        // A runtime is made with one clock.
        let _ = self.quiet.clock.set(clock.clone());
    }

    /// Whether it matters that all loops wait.
    pub(super) fn asks_for_quiet(&self) -> bool {
        let clock = self.quiet.clock.get();
        self.is_awaited_quiet() || clock.is_some_and(|clock| clock.autojump().is_some())
    }

    /// A loop takes back that it waits.
    pub(super) fn awake(&self, index: usize) {
        self.quiet.tell(index, What::Awake);
    }

    /// A loop that has announced its sleep, and has nothing to fetch, tells that it waits.
    pub(super) fn wait_quietly(&self, me: &EventLoop, deadline: Option<u64>) -> Verdict {
        let clock = self.quiet.clock.get().map(Arc::as_ref);
        let (index, work) = (me.shared.index(), me.work());
        let mut guard = self.quiet.state();
        let state = &mut *guard;
        if std::mem::replace(&mut state.loops[index].work, work) != work {
            state.begin_generation();
        }
        state.loops[index].what = What::Waits(Waits {
            generation: state.generation,
            deadline,
            for_kernel: me.driver.awaits_kernel(),
        });
        if !self.all_wait(state, index) {
            return Verdict::Wait(None);
        }
        let now = clock::monotonic_nanos();
        let since = *state.since.get_or_insert(now);
        let (due, after) = match state.due(clock) {
            Some(due @ Due::Waiters(cushion)) => (due, cushion),
            Some(due @ Due::Jump { threshold, .. }) => (due, threshold),
            None => return Verdict::Wait(None),
        };
        let at = since.saturating_add(after.max(state.delivery()));
        if now < at {
            return Verdict::Wait(Some(at));
        }
        state.since = None;
        state.loops[index].what = What::Awake;
        match due {
            Due::Waiters(cushion) => {
                let is_due = |waiter: &mut Waiter| waiter.cushion == cushion;
                let woken: Vec<Waiter> = state.waiters.extract_if(.., is_due).collect();
                self.quiet.waiters.fetch_sub(woken.len(), Ordering::Release);
                drop(guard);
                for waiter in woken {
                    contained(|| waiter.waker.wake());
                }
            }
            Due::Jump { to, .. } => {
                if let Some(clock) = clock {
                    clock.jump_to(to);
                }
                for (other, told) in state.loops.iter().enumerate() {
                    if let What::Waits(waits) = told.what
                        && waits.deadline.is_some_and(|deadline| deadline <= to)
                    {
                        self.rouse(other);
                    }
                }
            }
        }
        Verdict::Again
    }

    /// Whether all loops wait, and nothing is on its way to one; wakes those that told so before
    /// others did something.
    fn all_wait(&self, state: &State, me: usize) -> bool {
        // Rule 3: before the inboxes.
        if self.quiet.jobs.load(Ordering::Acquire) > 0 || !self.queues.is_empty() {
            return false;
        }
        let mut all = true;
        for (index, told) in state.loops.iter().enumerate() {
            let waits = match told.what {
                What::Gone => continue,
                What::Away | What::Awake => {
                    all = false;
                    continue;
                }
                What::Waits(waits) => waits,
            };
            let Some(shared) = self.loop_at(index) else {
                continue;
            };
            if !shared.inbox.is_asleep() {
                // Rule 2.
                all = false;
            } else if index != me && waits.for_kernel && waits.generation != state.generation {
                // Rule 1.
                all = false;
                shared.rouse();
            }
        }
        all
    }

    fn loop_at(&self, index: usize) -> Option<Arc<LoopShared>> {
        self.loops.get()?.get(index)?.upgrade()
    }

    fn rouse(&self, index: usize) {
        if let Some(shared) = self.loop_at(index) {
            shared.rouse();
        }
    }

    /// A job has ended.
    fn end_job(&self) {
        let mut state = self.asks_for_quiet().then(|| self.quiet.state());
        if let Some(state) = &mut state {
            // In one step with the count, for who decides.
            state.begin_generation();
        }
        let before = self.quiet.jobs.fetch_sub(1, Ordering::Release);
        drop(state);
        if before == 1 {
            self.rouse_first();
        }
    }

    /// One loop is to tell again: something has ended that others waited for.
    fn rouse_first(&self) {
        if self.asks_for_quiet() {
            self.rouse(0);
        }
    }

    /// Whether none of the loops will run again.
    pub(super) fn have_ended(&self) -> bool {
        let state = self.quiet.state();
        state
            .loops
            .iter()
            .all(|told| matches!(told.what, What::Gone))
    }

    /// Has every loop look around before it sleeps, or on.
    pub(super) fn rouse_all(&self) {
        let count = self.quiet.state().loops.len();
        for index in 0..count {
            self.rouse(index);
        }
    }

    /// Wakes `waker` once all loops have waited for `cushion` nanoseconds of real time. The number
    /// names the waiter.
    pub(crate) fn await_quiet(&self, cushion: u64, waker: Waker) -> u64 {
        let mut state = self.quiet.state();
        let id = state.next_waiter;
        state.next_waiter += 1;
        let waiter = Waiter { id, cushion, waker };
        state.waiters.push(waiter);
        self.quiet.waiters.fetch_add(1, Ordering::Release);
        drop(state);
        self.rouse_all();
        id
    }

    /// Has another waker woken; false if the waiter was woken already.
    pub(crate) fn still_awaits_quiet(&self, id: u64, waker: Waker) -> bool {
        let mut state = self.quiet.state();
        let waiter = state.waiters.iter_mut().find(|waiter| waiter.id == id);
        let old = waiter.map(|waiter| std::mem::replace(&mut waiter.waker, waker));
        drop(state);
        old.is_some()
    }

    /// The waiter waits no more.
    pub(crate) fn forget_quiet(&self, id: u64) {
        let mut state = self.quiet.state();
        let place = state.waiters.iter().position(|waiter| waiter.id == id);
        let left = place.map(|place| state.waiters.remove(place));
        if left.is_some() {
            self.quiet.waiters.fetch_sub(1, Ordering::Release);
        }
        drop(state);
        drop(left);
    }
}

impl State {
    /// Something was done that others may notice.
    fn begin_generation(&mut self) {
        self.generation += 1;
        self.since = None;
    }

    fn waits(&self) -> impl Iterator<Item = Waits> {
        self.loops.iter().filter_map(|told| match told.what {
            What::Waits(waits) => Some(waits),
            What::Away | What::Awake | What::Gone => None,
        })
    }

    /// What the kernel may need to deliver what was sent before all waited.
    fn delivery(&self) -> u64 {
        if self.waits().any(|waits| waits.for_kernel) {
            DELIVERY
        } else {
            0
        }
    }

    /// What happens next while all loops wait: the waiters with the shortest cushion before a jump
    /// that would come as soon.
    fn due(&self, clock: Option<&VirtualClock>) -> Option<Due> {
        let deadlines = self.waits().filter_map(|waits| waits.deadline);
        let threshold = clock.and_then(VirtualClock::autojump);
        let jump = deadlines.min().zip(threshold);
        let cushion = self.waiters.iter().map(|waiter| waiter.cushion).min();
        match (cushion, jump) {
            (Some(cushion), jump) if jump.is_none_or(|(_, threshold)| cushion <= threshold) => {
                Some(Due::Waiters(cushion))
            }
            (_, Some((to, threshold))) => Some(Due::Jump { to, threshold }),
            (_, None) => None,
        }
    }
}

impl EventLoop {
    /// Sends and fetches until there is nothing more of either; false if there is something to do
    /// then. For a loop that has announced its sleep.
    pub(super) fn settle(&self) -> bool {
        // Whoever was told of a task for any loop by this announcement looks for it.
        self.slept.set(true);
        let counters = self.driver.counters();
        let moved = || (counters.sqes.get(), counters.cqes.get());
        loop {
            let before = moved();
            self.turn(Park::Poll);
            self.driver.reap();
            if !self.ready.is_empty() {
                return false;
            }
            if moved() == before && !self.driver.wants_turn() {
                // What was fetched may have been the signal that was to end the wait.
                return self.shared.inbox.is_asleep();
            }
        }
    }

    /// A count of what others may notice of this loop: what its tasks did, and what it has asked of
    /// the kernel.
    fn work(&self) -> u64 {
        self.shared.metrics.polls.get() + self.driver.counters().sqes.get()
    }
}

impl LoopShared {
    /// The loop runs until what is returned is dropped.
    pub(in crate::event_loop) fn begin_presence(&self) -> impl Drop + use<> {
        let siblings = self.siblings.clone();
        let index = self.index();
        siblings.quiet.tell(index, What::Awake);
        Presence { siblings, index }
    }

    /// The loop has ended.
    pub(in crate::event_loop) fn end_presence(&self) {
        self.siblings.quiet.tell(self.index(), What::Gone);
        self.siblings.rouse_first();
    }
}

struct Presence {
    siblings: Arc<Siblings>,
    index: usize,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.siblings.quiet.tell(self.index, What::Away);
    }
}

/// The runtime that a pool's jobs keep from being quiet.
#[derive(Clone, Default)]
pub(crate) struct Disturbs(Weak<Siblings>);

impl Disturbs {
    /// That of these loops.
    pub(crate) fn loops(siblings: &Arc<Siblings>) -> Self {
        Disturbs(Arc::downgrade(siblings))
    }

    /// Work outside of the loops begins, and ends when what is returned is dropped. It is that of
    /// the loop that runs on this thread, if one does.
    pub(crate) fn begin(&self) -> Disturbance {
        let here = context::shared().map(|shared| shared.siblings.clone());
        let siblings = here.or_else(|| self.0.upgrade());
        if let Some(siblings) = &siblings {
            siblings.quiet.jobs.fetch_add(1, Ordering::Relaxed);
        }
        Disturbance(siblings)
    }

    /// This thread's time is that runtime's from now on.
    pub(crate) fn share_clock(&self) {
        let siblings = self.0.upgrade();
        VirtualClock::share(siblings.as_ref().and_then(|it| it.quiet.clock.get()));
    }
}

/// Work outside of the loops that a task may wait for.
#[must_use]
pub(crate) struct Disturbance(Option<Arc<Siblings>>);

impl Drop for Disturbance {
    fn drop(&mut self) {
        if let Some(siblings) = &self.0 {
            siblings.end_job();
        }
    }
}
