//! The loop's timers: a hierarchical timing wheel with its nodes in the sleeping futures.
//!
//! For the loop, which owns one [`Timers`] and calls [`Timers::advance`] once a tick, and for
//! `time/`, whose futures embed a [`Timer`]. Arming and cancelling are O(1) and allocate nothing.
//!
//! The wheel is scheme 7 of Varghese & Lauck, "Hashed and hierarchical timing wheels" (SOSP 1987),
//! with bitmaps of the slots in use as in Tokio's. A deadline rounds up to the wheel's tick, so
//! nothing fires early; its distance chooses the level, from slots of one tick to slots of years.
//! When time comes near a slot its timers move down a level. The paper's wheel moves them at once,
//! as the kernel's did before 4.8: with a million timers the loop stands still for tens of
//! milliseconds. Here a slot may start to move one slot's length ahead, a batch at a time, and
//! only what is left when its time comes moves at once. Each slot also knows its earliest tick, so
//! a loop sleeps to that and wakes for no move.
//!
//! **Order.** Timers fire in the order of their ticks; those of one tick in the order in which
//! they were armed. A timer that [`Timer::reset`] moves to later stays where it is until the wheel
//! comes by, and is armed anew then: putting off a timeout touches no other timer.
//!
//! # Rules
//! 1. A timer in a list is pinned and not dropped: only `Pin<&mut Timer>` leads into a list, and
//!    dropping a timer takes it out.
//! 2. `Place::Listed` names the wheel and the list that the timer is in, and that wheel is alive:
//!    dropping a wheel takes every timer out. Its address is fixed: it only exists in an `Rc`.
//! 3. Everything stays on one thread, as timers and wheels are neither `Send` nor `Sync`.
//! 4. Every field that another timer or the wheel touches is a `Cell`, reached by shared
//!    reference; `Timer` is `!Unpin`, so a `&mut` to it or around it claims no exclusive access.
//! 5. Foreign code (a waker's clone, wake or drop) runs only while all lists are consistent, and
//!    nothing that was read from a list before is used after.

mod levels;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
mod timer;

pub(crate) use timer::Timer;

use crate::sys::contained;
use levels::{LEVELS, Levels, SLOTS, Slot};
use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

/// One `advance` moves at least this many timers ahead of their time, about 5 µs of work,
const MIN_MOVES: u64 = 64;
/// and at most this many, so that it stays below 0.1 ms;
const MAX_MOVES: u64 = 512;
/// between the two, one for each 2^10 ns since the last call: less than a tenth of the time.
const NS_PER_MOVE_BITS: u32 = 10;

/// Lists after those of the wheel's slots: timers that `advance` is about to fire,
const FIRING: usize = LEVELS * SLOTS;
/// timers reset to a time already past, for the next `advance`,
const OVERDUE: usize = FIRING + 1;
/// and timers so late that the clock never gets there.
const NEVER: usize = FIRING + 2;
const LISTS: usize = FIRING + 3;

/// One loop's timers.
pub(crate) struct Timers {
    /// The time of the last `advance`, in ns.
    now: Cell<u64>,
    closed: Cell<bool>,
    len: Cell<usize>,
    levels: Levels,
    /// 34 kB, of which a loop touches the few that are in use.
    lists: Box<[List; LISTS]>,
}

struct List {
    head: Link,
    tail: Link,
    /// No timer here has an earlier tick; exact unless one was cancelled, reset or moved since.
    earliest: Cell<u64>,
}

type Link = Cell<Option<NonNull<Timer>>>;

#[derive(Clone, Copy)]
enum Place {
    /// In no list; the next poll arms it.
    Idle,
    /// In this list of this wheel.
    Listed { wheel: NonNull<Timers>, list: u16 },
    /// Fired, until the next reset.
    Elapsed,
}

impl Timers {
    /// A wheel that stands at `now_ns`. Its own share of a timer's lateness is below 16.4 µs.
    pub(crate) fn new(now_ns: u64) -> Rc<Timers> {
        Timers::with(now_ns, Levels::new(now_ns))
    }

    /// A wheel with ticks of 1 ns, for a clock that jumps from deadline to deadline.
    #[cfg_attr(
        not(feature = "test-util"),
        allow(dead_code, reason = "for clocks of tests")
    )]
    pub(crate) fn exact(now_ns: u64) -> Rc<Timers> {
        Timers::with(now_ns, Levels::exact(now_ns))
    }

    fn with(now_ns: u64, levels: Levels) -> Rc<Timers> {
        Rc::new(Timers {
            now: Cell::new(now_ns),
            closed: Cell::new(false),
            len: Cell::new(0),
            levels,
            lists: Box::new([const { List::new() }; LISTS]),
        })
    }

    fn has_reached(&self, deadline: u64) -> bool {
        deadline <= self.now.get()
    }

    /// How many timers are armed, those that never fire included.
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// When to call [`advance`](Timers::advance) next, in ns: no timer is due before, and one is
    /// then, unless the earliest was cancelled or reset meanwhile.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        if !self.lists[OVERDUE].is_empty() || !self.lists[FIRING].is_empty() {
            return Some(self.now.get());
        }
        let earliest = |slot: Slot| self.lists[slot.index()].earliest.get();
        self.levels
            .firsts()
            .map(earliest)
            .min()
            .map(|tick| self.levels.time_of(tick))
    }

    /// Moves on to `now_ns`, wakes what is due by then, and says how many timers fired.
    ///
    /// Time does not run backwards: an earlier `now_ns` counts as the latest one seen. A waker may
    /// do anything to any timer; timers that it makes due wait for the next call. A waker that
    /// panics has had its turn.
    pub(crate) fn advance(&self, now_ns: u64) -> usize {
        let passed = now_ns.saturating_sub(self.now.get());
        self.now.set(self.now.get() + passed);
        if self.len.get() == 0 {
            self.levels.set_tick(self.levels.tick_at(self.now.get()));
            return 0;
        }
        // SAFETY: no foreign code runs here.
        while let Some(timer) = unsafe { self.pop(OVERDUE) } {
            self.append(timer, FIRING, 0);
        }
        let target = self.levels.tick_at(self.now.get());
        while let Some(start) = self.levels.next().filter(|&start| start <= target) {
            self.levels.set_tick(start);
            for slot in Slot::starting_at(start) {
                self.move_down(slot, u64::MAX);
            }
        }
        self.levels.set_tick(target);
        let fired = self.fire();

        let mut moves = (passed >> NS_PER_MOVE_BITS).clamp(MIN_MOVES, MAX_MOVES);
        for slot in self.levels.movable() {
            moves -= self.move_down(slot, moves);
        }
        fired
    }

    /// Wakes all timers in `FIRING`.
    fn fire(&self) -> usize {
        let mut fired = 0;
        // SAFETY: the reference is not used after the waker has run.
        while let Some(timer) = unsafe { self.pop(FIRING) } {
            timer.place.set(Place::Elapsed);
            self.len.set(self.len.get() - 1);
            fired += 1;
            if let Some(waker) = timer.waker.take() {
                contained(|| waker.wake());
            }
        }
        fired
    }

    /// Takes every timer out, without waking it, and takes no more in. The timers stay pending
    /// until they are polled in another loop.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.len.set(0);
        for list in 0..LISTS {
            // SAFETY: no foreign code runs here.
            while let Some(timer) = unsafe { self.pop(list) } {
                timer.place.set(Place::Idle);
            }
        }
    }

    /// Arms a timer that is in no list.
    fn insert(&self, timer: &Timer) {
        if self.closed.get() {
            timer.place.set(Place::Idle);
            return;
        }
        self.len.set(self.len.get() + 1);
        self.push(timer, OVERDUE);
    }

    /// Takes a timer out of its list, if it is in one.
    fn remove(timer: &Timer) {
        if let Place::Listed { wheel, list } = timer.place.get() {
            // SAFETY: rules 2 and 3.
            let wheel = unsafe { wheel.as_ref() };
            wheel.unlink(timer, list as usize);
            wheel.len.set(wheel.len.get() - 1);
            timer.place.set(Place::Idle);
        }
    }

    /// Moves a timer that waits to where its new deadline belongs. One that was put off may stay
    /// in its slot, which comes first.
    fn rearm(timer: &Timer, put_off: bool) {
        if let Place::Listed { wheel, list } = timer.place.get() {
            if put_off && (list as usize) < FIRING {
                return;
            }
            Timers::remove(timer);
            // SAFETY: rules 2 and 3; no foreign code has run since the timer was in the wheel.
            unsafe { wheel.as_ref() }.insert(timer);
        }
    }

    /// Whether a timer has fired or its deadline has come, be its tick over or not.
    fn is_due(timer: &Timer) -> bool {
        match timer.place.get() {
            Place::Idle => false,
            // SAFETY: rules 2 and 3.
            Place::Listed { wheel, .. } => unsafe { wheel.as_ref() }.has_reached(timer.deadline()),
            Place::Elapsed => true,
        }
    }

    /// Puts a timer that is in no list where its deadline belongs, which is `due` if it has passed.
    fn push(&self, timer: &Timer, due: usize) {
        match self.levels.tick_of(timer.deadline.get()) {
            None => self.append(timer, NEVER, u64::MAX),
            Some(tick) if tick <= self.levels.tick() => self.append(timer, due, tick),
            Some(tick) => self.append(timer, self.levels.slot_for(tick).index(), tick),
        }
    }

    /// Moves at most `limit` timers of a slot one level down, or as far as they must, and those
    /// whose tick has come to `FIRING`. Says how many moved.
    fn move_down(&self, slot: Slot, limit: u64) -> u64 {
        for moved in 0..limit {
            // SAFETY: no foreign code runs here.
            let Some(timer) = (unsafe { self.pop(slot.index()) }) else {
                return moved;
            };
            let tick = self.levels.tick_of(timer.deadline.get());
            match tick.filter(|&tick| slot.contains(tick)) {
                Some(tick) => match self.levels.below(slot, tick) {
                    Some(lower) => self.append(timer, lower.index(), tick),
                    None => self.append(timer, FIRING, tick),
                },
                // Put off since it was armed.
                None => self.push(timer, FIRING),
            }
        }
        limit
    }

    /// Takes the first timer out of a list. Its place is wrong until the caller sets it.
    ///
    /// # Safety
    /// The reference must not be used after foreign code has run, which may drop the timer.
    unsafe fn pop(&self, list: usize) -> Option<&Timer> {
        // SAFETY: rules 1 and 3, and the caller's promise.
        let timer = unsafe { self.lists[list].head.get()?.as_ref() };
        self.unlink(timer, list);
        Some(timer)
    }

    /// Adds a timer that is in no list at the end of this one.
    fn append(&self, timer: &Timer, list: usize, tick: u64) {
        let into = &self.lists[list];
        let link = Some(NonNull::from(timer));
        let tail = into.tail.replace(link);
        timer.prev.set(tail);
        timer.next.set(None);
        match tail {
            // SAFETY: rules 1 and 3.
            Some(tail) => unsafe { tail.as_ref() }.next.set(link),
            None => {
                into.head.set(link);
                self.levels.set_occupied(list);
            }
        }
        if tick < into.earliest.get() {
            into.earliest.set(tick);
        }
        timer.place.set(Place::Listed {
            wheel: NonNull::from(self),
            list: list as u16,
        });
    }

    /// What is in a list, for the tests.
    #[cfg(test)]
    fn listed(&self, list: usize) -> Vec<&Timer> {
        let mut next = self.lists[list].head.get();
        std::iter::from_fn(|| {
            // SAFETY: rules 1 and 3.
            let timer = unsafe { next?.as_ref() };
            next = timer.next.get();
            Some(timer)
        })
        .collect()
    }

    /// Takes a timer out of the list that it is in. Its place is wrong until the caller sets it.
    fn unlink(&self, timer: &Timer, list: usize) {
        let from = &self.lists[list];
        let (prev, next) = (timer.prev.get(), timer.next.get());
        match prev {
            // SAFETY: rules 1 and 3.
            Some(prev) => unsafe { prev.as_ref() }.next.set(next),
            None => from.head.set(next),
        }
        match next {
            // SAFETY: rules 1 and 3.
            Some(next) => unsafe { next.as_ref() }.prev.set(prev),
            None => from.tail.set(prev),
        }
        if prev.is_none() && next.is_none() {
            from.earliest.set(u64::MAX);
            self.levels.set_vacant(list);
        }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.close();
    }
}

impl List {
    const fn new() -> List {
        List {
            head: Cell::new(None),
            tail: Cell::new(None),
            earliest: Cell::new(u64::MAX),
        }
    }

    fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }
}
