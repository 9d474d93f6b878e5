//! The wheel's promises, one by one; the model test is beside this file.

use super::model::check;
use super::*;
use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

pub(super) const TICK: u64 = 1 << 14;
/// Half a year of uptime.
pub(super) const START: u64 = 15_768_000_123_456_789;

/// Appends its number to a log.
struct Logging(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for Logging {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    pub(super) fn waker(&self, number: usize) -> Waker {
        Waker::from(Arc::new(Logging(number, self.0.clone())))
    }

    pub(super) fn take(&self) -> Vec<usize> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

/// Runs a closure on this thread when woken: the foreign code that a waker may be.
struct Running;

thread_local! {
    static ON_WAKE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

impl Wake for Running {
    fn wake(self: Arc<Self>) {
        let run = ON_WAKE.take();
        if let Some(run) = run {
            run();
        }
    }
}

fn on_wake(run: impl FnOnce() + 'static) -> Waker {
    ON_WAKE.set(Some(Box::new(run)));
    Waker::from(Arc::new(Running))
}

pub(super) fn poll(timer: &mut Pin<Box<Timer>>, timers: &Rc<Timers>, waker: &Waker) -> Poll<()> {
    timer
        .as_mut()
        .poll_elapsed(&mut Context::from_waker(waker), || timers.clone())
}

pub(super) fn armed(timers: &Rc<Timers>, deadline: u64, waker: &Waker) -> Pin<Box<Timer>> {
    let mut timer = Box::pin(Timer::new(deadline));
    assert!(poll(&mut timer, timers, waker).is_pending());
    timer
}

#[test]
fn every_level_fires_on_its_tick_and_wakes_the_loop_once() {
    for bits in 0..64 {
        let log = Log::default();
        let timers = Timers::new(START);
        let deadline = START + (1 << bits);
        let _timer = armed(&timers, deadline, &log.waker(7));
        let due = timers.next_deadline().unwrap();
        assert!((deadline..deadline + TICK).contains(&due) && due.is_multiple_of(TICK));
        assert_eq!(timers.advance(due - 1), 0);
        assert_eq!(timers.next_deadline(), Some(due));
        assert_eq!(timers.advance(due), 1);
        assert_eq!(
            (log.take(), timers.len(), timers.next_deadline()),
            (vec![7], 0, None)
        );
    }
}

#[test]
fn one_tick_fires_in_the_order_of_arming_and_ticks_in_order() {
    let log = Log::default();
    let timers = Timers::new(0);
    let mut all = Vec::new();
    // The first half is armed from afar and cascades, the second from nearby.
    let far = 1 << 40;
    for number in 0..100 {
        if number == 50 {
            timers.advance(far - 40 * TICK);
        }
        let late = if number % 2 == 0 { 2 * TICK } else { TICK };
        all.push(armed(
            &timers,
            far + late - number % 7,
            &log.waker(number as usize),
        ));
    }
    assert_eq!(timers.advance(far * 2), 100);
    let expected: Vec<usize> = (1..100).step_by(2).chain((0..100).step_by(2)).collect();
    assert_eq!(log.take(), expected);
}

#[test]
fn a_large_slot_moves_ahead_in_batches_and_keeps_its_order() {
    let log = Log::default();
    let timers = Timers::new(0);
    let slot_ns = TICK << 12;
    let deadline = 3 * slot_ns - TICK;
    let waiting = |level: usize| {
        let lists = level * SLOTS..(level + 1) * SLOTS;
        lists.map(|list| timers.listed(list).len()).sum::<usize>()
    };
    let mut all: Vec<_> = (0..1000)
        .map(|number| armed(&timers, deadline, &log.waker(number)))
        .collect();
    timers.advance(slot_ns - 1);
    assert_eq!(waiting(2), 1000);
    // The slot before has begun: any number of calls moves few at a time.
    for call in 1..5 {
        timers.advance(slot_ns);
        let moved = call * MIN_MOVES as usize;
        assert_eq!((waiting(2), waiting(1)), (1000 + call - 1 - moved, moved));
        all.push(armed(&timers, deadline, &log.waker(all.len())));
    }
    timers.advance(slot_ns + (1 << 24));
    let moved = (4 * MIN_MOVES + MAX_MOVES) as usize;
    assert_eq!((waiting(2), waiting(1)), (1004 - moved, moved));
    check(&timers);
    // What is left moves when the slot's time comes.
    timers.advance(2 * slot_ns);
    assert_eq!(waiting(2), 0);
    all.push(armed(&timers, deadline, &log.waker(all.len())));
    assert_eq!(timers.advance(deadline), 1005);
    assert!(log.take().into_iter().eq(0..1005));
}

#[test]
fn a_postponed_timer_fires_once_at_its_last_deadline() {
    let log = Log::default();
    let timers = Timers::exact(START);
    let mut timer = armed(&timers, START + 10, &log.waker(1));
    for later in 1..100 {
        timer.as_mut().reset(START + 10 * later);
    }
    // One idle wake-up for the first deadline, none for those between.
    assert_eq!(timers.next_deadline(), Some(START + 10));
    assert_eq!(timers.advance(START + 10), 0);
    assert_eq!(timers.next_deadline(), Some(START + 990));
    timer.as_mut().reset(START + 20);
    assert_eq!(timers.advance(START + 20), 1);
    assert_eq!(log.take(), [1]);
    timer.as_mut().reset(START + 5000);
    assert!(!timer.is_elapsed());
    assert_eq!(timers.len(), 0);
}

#[test]
fn a_timer_reset_to_the_past_fires_at_the_next_advance() {
    let log = Log::default();
    let timers = Timers::new(START);
    let mut timer = armed(&timers, u64::MAX, &log.waker(1));
    timer.as_mut().reset(START - TICK);
    assert_eq!(timers.next_deadline(), Some(START));
    assert_eq!(timers.advance(0), 1);
    assert_eq!(log.take(), [1]);
}

#[test]
fn a_poll_finds_a_due_timer_before_its_tick_ends() {
    let timers = Timers::new(TICK);
    let mut timer = armed(&timers, TICK + 10, Waker::noop());
    timers.advance(TICK + 10);
    assert_eq!(timers.len(), 1);
    assert!(poll(&mut timer, &timers, Waker::noop()).is_ready());
    assert_eq!(timers.len(), 0);
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let log = Log::default();
    let timers = Timers::new(START);
    let mut timer = armed(&timers, START + 1, &log.waker(1));
    assert!(poll(&mut timer, &timers, &log.waker(2)).is_pending());
    timers.advance(START + TICK);
    assert_eq!(log.take(), [2]);
    assert!(poll(&mut timer, &timers, Waker::noop()).is_ready());
}

#[test]
fn a_waker_may_drop_arm_and_reset_timers() {
    let log = Log::default();
    let timers = Timers::new(START);
    let spare = Rc::new(RefCell::new(Vec::<Pin<Box<Timer>>>::new()));
    let waker = on_wake({
        let (spare, log, timers) = (spare.clone(), log.clone(), timers.clone());
        move || {
            let mut spare = spare.borrow_mut();
            drop(spare.remove(0));
            spare[0].as_mut().reset(START + 9 * TICK);
            spare[1].as_mut().reset(0);
            spare.push(armed(&timers, START + 8 * TICK, &log.waker(5)));
            drop(spare.remove(2));
            timers.advance(START + 2 * TICK);
        }
    });
    let _first = armed(&timers, START + 1, &waker);
    for number in 1..=4 {
        spare
            .borrow_mut()
            .push(armed(&timers, START + 1, &log.waker(number)));
    }
    // 1 and 4 are dropped, 2 is moved, and the nested advance fires 3.
    assert_eq!(timers.advance(START + TICK), 1);
    assert_eq!(log.take(), [3]);
    check(&timers);
    assert_eq!(timers.advance(START + 20 * TICK), 2);
    assert_eq!(log.take(), [5, 2]);
}

#[test]
fn a_waker_that_rearms_into_the_past_does_not_hold_advance() {
    let timers = Timers::new(START);
    let timer = Rc::new(RefCell::new(Box::pin(Timer::new(START + 1))));
    let again = timer.clone();
    let wheel = timers.clone();
    let first = armed(
        &timers,
        START + 1,
        &on_wake(move || {
            let mut again = again.borrow_mut();
            assert!(poll(&mut again, &wheel, Waker::noop()).is_pending());
            again.as_mut().reset(START);
        }),
    );
    timer.borrow_mut().as_mut().reset(START + 5 * TICK);
    assert_eq!(timers.advance(START + TICK), 1);
    assert_eq!(timers.advance(START + TICK), 1);
    assert!(first.is_elapsed() && timer.borrow().is_elapsed());
}

#[test]
fn a_waker_that_panics_costs_no_other_timer() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            // Of no size, as what is thrown here is leaked.
            std::panic::resume_unwind(Box::new(()));
        }
    }
    let log = Log::default();
    let timers = Timers::new(START);
    let bomb = on_wake(|| std::panic::resume_unwind(Box::new(Bomb)));
    let all = [log.waker(1), bomb, log.waker(3)].map(|waker| armed(&timers, START + 1, &waker));
    assert_eq!(timers.advance(START + TICK), 3);
    assert_eq!(log.take(), [1, 3]);
    assert!(all.iter().all(|timer| timer.is_elapsed()));
}

#[test]
fn timers_outlive_their_wheel() {
    let log = Log::default();
    let timers = Timers::new(START);
    let mut all = [1, 2, 3].map(|n| armed(&timers, START + n, &log.waker(n as usize)));
    timers.close();
    assert_eq!((timers.len(), timers.next_deadline()), (0, None));
    assert!(poll(&mut all[0], &timers, &log.waker(1)).is_pending());
    assert_eq!(timers.advance(START + 5 * TICK), 0);
    drop(timers);
    all[1].as_mut().reset(START + 10);
    let next = Timers::new(START);
    for timer in &mut all {
        assert!(poll(timer, &next, &log.waker(9)).is_pending());
    }
    let [first, ..] = all;
    drop(first);
    assert_eq!(next.advance(START + TICK), 2);
    assert_eq!((log.take(), next.len()), (vec![9, 9], 0));
}

#[test]
fn a_waker_may_close_the_wheel_and_drop_it() {
    let log = Log::default();
    let timers = Timers::new(START);
    let wheel = timers.clone();
    let _first = armed(
        &timers,
        START + 1,
        &on_wake(move || {
            wheel.close();
            drop(wheel);
        }),
    );
    let second = armed(&timers, START + 1, &log.waker(2));
    assert_eq!(timers.advance(START + TICK), 1);
    assert!(log.take().is_empty() && !second.is_elapsed());
}

#[test]
fn a_timer_is_small() {
    assert_eq!(size_of::<Timer>(), 56);
    assert!(size_of::<[List; LISTS]>() <= 34 * 1024);
}

#[test]
fn equal_timers_of_an_exact_wheel_fire_in_the_order_of_arming_across_levels() {
    for far in [1, 63, 64, 65, 4_097, 1 << 20, (1 << 36) + 1, 1 << 50] {
        let log = Log::default();
        let timers = Timers::exact(START);
        let deadline = START + far;
        let mut all = Vec::new();
        // The distance halves: each is armed from another level, beside timers that fire before.
        let mut left = far;
        while left > 0 {
            timers.advance(deadline - left);
            for _ in 0..3 {
                all.push(armed(&timers, deadline, &log.waker(all.len())));
            }
            left /= 2;
        }
        assert_eq!(timers.next_deadline(), Some(deadline));
        assert_eq!(timers.advance(deadline), all.len());
        assert!(log.take().into_iter().eq(0..all.len()));
    }
}
