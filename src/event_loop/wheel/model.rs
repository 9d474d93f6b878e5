//! The wheel against a sorted model, under random use.

use super::tests::{Log, START, TICK, armed, poll};
use super::*;
use std::collections::BTreeSet;
use std::mem;
use std::pin::Pin;

/// xorshift64*, so that a failure can be had again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Every magnitude up to `bits` bits is equally likely.
    fn magnitude(&mut self, bits: u32) -> u64 {
        let shift = 64 - self.next() % u64::from(bits + 1);
        self.next().checked_shr(shift as u32).unwrap_or(0)
    }
}

/// Walks every list and checks what the module's documentation says about them.
pub(super) fn check(timers: &Timers) {
    let mut count = 0;
    for list in 0..LISTS {
        let List {
            head,
            tail,
            earliest,
        } = &timers.lists[list];
        let mut prev = None;
        let mut link = head.get();
        for timer in timers.listed(list) {
            assert_eq!((link, prev), (Some(NonNull::from(timer)), timer.prev.get()));
            assert!(
                matches!(timer.place.get(), Place::Listed { list: at, .. } if at as usize == list)
            );
            if list < FIRING {
                let slot = Slot::of(earliest.get(), (list / SLOTS) as u32);
                let tick = timers.levels.tick_of(timer.deadline());
                assert!(tick.is_none_or(|tick| earliest.get() <= tick));
                let current = Slot::of(timers.levels.tick(), slot.level).number;
                assert!(slot.index() == list && slot.number > current);
                assert!(slot.number >> 6 <= (current >> 6) + 1);
            }
            count += 1;
            (prev, link) = (link, timer.next.get());
        }
        assert_eq!((link, tail.get()), (None, prev));
        if list < FIRING {
            let slot = Slot {
                level: (list / SLOTS) as u32,
                number: (list % SLOTS) as u64,
            };
            assert_eq!(timers.levels.is_occupied(slot), prev.is_some());
        }
        assert!(prev.is_some() || earliest.get() == u64::MAX);
    }
    assert_eq!(count, timers.len());
}

/// Random arming, cancelling, resetting and advancing, compared with a sorted set after each step.
fn agrees_with_model(timers: Rc<Timers>, seed: u64, steps: usize, bits: u32) {
    const COUNT: usize = 300;
    let mut random = Random(seed);
    let log = Log::default();
    let mut now = timers.now.get();
    let mut slots: Vec<Option<Pin<Box<Timer>>>> = (0..COUNT).map(|_| None).collect();
    // (tick, number) of all that are waiting; the second set can never fire.
    let mut model = BTreeSet::new();
    let mut never = BTreeSet::new();
    let mut fired_in_all = 0;
    for step in 0..steps {
        let number = random.below(COUNT);
        let later = now.saturating_add(random.magnitude(bits));
        let mut forget = |timer: &Pin<Box<Timer>>| match timers.levels.tick_of(timer.deadline()) {
            Some(tick) => model.remove(&(tick, number)),
            None => never.remove(&number),
        };
        match random.below(10) {
            0..=3 => {
                if let Some(old) = slots[number].take() {
                    forget(&old);
                }
                let mut timer = Box::pin(Timer::new(later));
                let ready = poll(&mut timer, &timers, &log.waker(number)).is_ready();
                assert_eq!(ready, later <= now);
                match timers.levels.tick_of(later) {
                    _ if ready => false,
                    Some(tick) => model.insert((tick, number)),
                    None => never.insert(number),
                };
                slots[number] = Some(timer);
            }
            4..=5 => {
                if let Some(old) = slots[number].take() {
                    forget(&old);
                }
            }
            6..=7 => {
                if let Some(timer) = &mut slots[number] {
                    let waits = forget(timer);
                    let early = later.saturating_sub(random.magnitude(bits));
                    let deadline = if random.below(2) == 0 { later } else { early };
                    timer.as_mut().reset(deadline);
                    match timers.levels.tick_of(deadline) {
                        _ if !waits => false,
                        Some(tick) => model.insert((tick, number)),
                        None => never.insert(number),
                    };
                }
            }
            _ => {
                now = match (random.below(3), timers.next_deadline()) {
                    (0, Some(next)) => next.max(now),
                    (1, _) => now,
                    _ => later.saturating_sub(random.magnitude(bits)).max(now),
                };
                let tick = timers.levels.tick_at(now);
                let waiting = model.split_off(&(tick.saturating_add(1), 0));
                let due = mem::replace(&mut model, waiting);
                let before = timers.levels.tick();
                let count = timers.advance(now);
                let mut fired = log.take();
                assert_eq!(count, fired.len());
                fired_in_all += count;
                // Those reset to the past fire first, in the order of their resets.
                let tick_of = |&number: &usize| {
                    let deadline = slots[number].as_ref().unwrap().deadline();
                    timers
                        .levels
                        .tick_of(deadline)
                        .filter(|&tick| tick > before)
                };
                assert!(fired.iter().map(tick_of).is_sorted());
                fired.sort();
                let mut due: Vec<usize> = due.iter().map(|&(_, number)| number).collect();
                due.sort();
                assert_eq!(fired, due, "step {step} of seed {seed}");
                for number in fired {
                    let timer = slots[number].as_ref().unwrap();
                    assert!(timer.is_elapsed() && timer.deadline() <= now);
                }
            }
        }
        assert_eq!(timers.len(), model.len() + never.len());
        let first = model.first().map(|&(tick, _)| timers.levels.time_of(tick));
        match (timers.next_deadline(), first) {
            (Some(next), Some(first)) => assert!(next <= first.max(now) && next >= now),
            (next, first) => assert!(first.is_none() && next.is_none_or(|next| next >= now)),
        }
        if step % CHECK_EVERY == 0 {
            check(&timers);
        }
    }
    assert!(cfg!(miri) || fired_in_all > steps / 100);
    drop(timers);
    assert!(
        slots
            .iter()
            .flatten()
            .all(|timer| !matches!(timer.place.get(), Place::Listed { .. }))
    );
}

const STEPS: usize = if cfg!(miri) { 200 } else { 20_000 };
const CHECK_EVERY: usize = if cfg!(miri) { 100 } else { 16 };

#[test]
fn random_use_fires_exactly_what_is_due() {
    // From a few ticks, where most timers share lists, to centuries, where most cascade.
    for (seed, bits) in [(1, 18), (2, 24), (3, 34), (4, 44), (5, 63)] {
        agrees_with_model(Timers::new(START), seed, STEPS, bits);
        agrees_with_model(Timers::exact(START), seed + 10, STEPS, bits - 12);
        agrees_with_model(Timers::new(0), seed + 20, STEPS, bits);
    }
}

#[test]
fn the_end_of_time_is_like_any_other_time() {
    for seed in 1..20 {
        let start = u64::MAX - (1 << 40);
        agrees_with_model(Timers::new(start), seed, STEPS / 20, 36);
        agrees_with_model(Timers::exact(start), seed + 20, STEPS / 20, 36);
    }
    let log = Log::default();
    let timers = Timers::new(START);
    let last = u64::MAX - 2 * TICK + 1;
    let _timer = armed(&timers, last, &log.waker(1));
    let _never = armed(&timers, u64::MAX, &log.waker(2));
    assert_eq!(timers.next_deadline(), Some(last));
    assert_eq!(timers.advance(last - 1), 0);
    assert_eq!(timers.advance(u64::MAX), 1);
    assert_eq!((timers.next_deadline(), timers.len()), (None, 1));
}
