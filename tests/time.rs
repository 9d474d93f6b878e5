//! Time: timers are never early, never lost, and cost nothing once they are gone.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::random::Random;
use kit::wait::{soon, until};
use kit::{block_on, runtime};
use ringmill::time::{
    Instant, MissedTickPolicy, interval, interval_at, sleep, sleep_until, timeout, timeout_at,
};
use ringmill::{spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Timers of one granule of the wheel (2^14 ns) may fire in any order.
const GRANULE: Duration = Duration::from_nanos(1 << 14);

/// Keeps the loop from its timers until `deadline` has passed.
fn hog(deadline: Instant) {
    while Instant::now() <= deadline {
        std::hint::spin_loop();
    }
}

#[apply(on_each_driver)]
fn no_sleep_ends_early() {
    let mut random = Random::seeded();
    block_on(async {
        let tasks: Vec<_> = (0..2_000)
            .map(|_| {
                let nanos = random.below(30_000_000);
                spawn(async move {
                    let wanted = Duration::from_nanos(nanos);
                    let (start, by_std) = (Instant::now(), std::time::Instant::now());
                    sleep(wanted).await;
                    assert!(start.elapsed() >= wanted);
                    assert!(by_std.elapsed() >= wanted);
                })
            })
            .collect();
        for task in tasks {
            soon("a sleep", task).await.unwrap();
        }
    });
}

#[apply(on_each_driver)]
fn a_sleep_in_the_past_is_over_at_its_first_poll() {
    block_on(async {
        let mut cx = Context::from_waker(Waker::noop());
        let past = Instant::now() - Duration::from_secs(1);
        assert!(pin!(sleep(Duration::ZERO)).poll(&mut cx).is_ready());
        assert!(pin!(sleep_until(past)).poll(&mut cx).is_ready());
        assert!(pin!(sleep(Duration::MAX)).poll(&mut cx).is_pending());
    });
}

#[apply(on_each_driver)]
fn a_hundred_thousand_timers_fire_once_each_in_order() {
    const TIMERS: usize = 100_000;
    let mut random = Random::seeded();
    let runtime = runtime(1);
    let fired = Rc::new(RefCell::new(Vec::with_capacity(TIMERS)));
    runtime.block_on(async {
        let start = Instant::now() + Duration::from_millis(600);
        let tasks: Vec<_> = (0..TIMERS)
            .map(|_| {
                let deadline = start + Duration::from_nanos(random.below(400_000_000));
                let fired = fired.clone();
                spawn(async move {
                    let mut sleep = pin!(sleep_until(deadline));
                    let waits =
                        poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending())).await;
                    // On a machine so slow that the first deadlines come before the last timers
                    // are armed, those have no order to keep.
                    let in_time = waits && Instant::now() < start;
                    if waits {
                        sleep.await;
                    }
                    assert!(Instant::now() >= deadline);
                    fired.borrow_mut().push((deadline, in_time));
                })
            })
            .collect();
        for task in tasks {
            soon("a timer", task).await.unwrap();
        }
    });
    let fired = fired.borrow();
    assert_eq!(fired.len(), TIMERS);
    let mut latest = fired[0].0;
    for &(deadline, _) in fired.iter().filter(|(_, in_time)| *in_time) {
        assert!(
            deadline + GRANULE > latest,
            "{:?} out of order",
            latest - deadline
        );
        latest = latest.max(deadline);
    }
    assert_eq!(runtime.handle().stats()[0].timers, 0);
}

#[apply(on_each_driver)]
fn timers_that_are_dropped_leave_nothing() {
    let runtime = runtime(1);
    runtime.block_on(async {
        let mut cx = Context::from_waker(Waker::noop());
        let mut sleeps: Vec<_> = (0..100_000)
            .map(|n| Box::pin(sleep(Duration::from_secs(1 + n % 100_000))))
            .collect();
        for sleep in &mut sleeps {
            assert!(sleep.as_mut().poll(&mut cx).is_pending());
        }
        // The gauge follows at the end of a tick.
        sleep(Duration::from_millis(1)).await;
        let armed = ringmill::Handle::current().stats()[0].timers;
        assert!(armed >= 100_000, "{armed} armed");
    });
    runtime.block_on(yield_now());
    assert_eq!(runtime.handle().stats()[0].timers, 0);
}

#[apply(on_each_driver)]
fn timers_fire_while_a_task_is_always_ready() {
    block_on(async {
        let busy = spawn(async {
            loop {
                yield_now().await;
            }
        });
        for _ in 0..20 {
            soon("a timer", sleep(Duration::from_micros(500))).await;
        }
        busy.abort();
    });
}

#[apply(on_each_driver)]
fn timers_that_came_due_while_the_loop_was_held_up_all_fire() {
    block_on(async {
        let start = Instant::now();
        let last = start + Duration::from_millis(6);
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..100_u32)
            .rev()
            .map(|n| {
                let order = order.clone();
                spawn(async move {
                    sleep_until(start + GRANULE * 2 * (n + 1)).await;
                    order.borrow_mut().push(n);
                })
            })
            .collect();
        yield_now().await;
        hog(last);
        for task in tasks {
            soon("a timer", task).await.unwrap();
        }
        assert!(order.borrow().is_sorted());
        assert_eq!(order.borrow().len(), 100);
    });
}

#[apply(on_each_driver)]
fn a_sleep_can_be_put_off_and_brought_forward() {
    block_on(async {
        let start = Instant::now();
        let mut put_off = pin!(sleep(Duration::from_millis(1)));
        let mut forward = pin!(sleep(Duration::from_secs(3_600)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(put_off.as_mut().poll(&mut cx).is_pending());
        assert!(forward.as_mut().poll(&mut cx).is_pending());
        put_off.as_mut().reset(start + Duration::from_millis(10));
        forward.as_mut().reset(start + Duration::from_millis(2));
        soon("the sleep brought forward", forward.as_mut()).await;
        assert!(start.elapsed() >= Duration::from_millis(2));
        soon("the sleep put off", put_off.as_mut()).await;
        assert!(start.elapsed() >= Duration::from_millis(10));
        put_off.as_mut().reset(start + Duration::from_millis(12));
        soon("its second round", put_off.as_mut()).await;
        assert!(start.elapsed() >= Duration::from_millis(12));
    });
}

#[apply(on_each_driver)]
fn a_timeout_asks_the_future_first_and_drops_it_when_it_is_late() {
    block_on(async {
        assert_eq!(timeout(Duration::ZERO, ready(3)).await, Ok(3));
        let past = Instant::now() - Duration::from_secs(1);
        assert_eq!(timeout_at(past, ready(4)).await, Ok(4));

        let start = Instant::now();
        let dropped = Rc::new(Cell::new(false));
        struct Tell(Rc<Cell<bool>>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let tell = Tell(dropped.clone());
        let late = timeout(Duration::from_millis(2), async move {
            let _tell = tell;
            pending::<()>().await;
        });
        let error = late.await.unwrap_err();
        assert!(start.elapsed() >= Duration::from_millis(2));
        assert!(dropped.get());
        let error = std::io::Error::from(error);
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    });
}

#[apply(on_each_driver)]
fn a_timeout_ends_a_future_that_is_never_done_being_ready() {
    block_on(async {
        let busy = async {
            loop {
                yield_now().await;
            }
        };
        let ended: Result<(), _> = timeout(Duration::from_millis(2), busy).await;
        assert!(ended.is_err());
        // Not even one that spends the task's whole budget at each poll.
        let greedy = poll_fn(|cx| {
            loop {
                if pin!(sleep(Duration::ZERO)).poll(cx).is_pending() {
                    return Poll::<()>::Pending;
                }
            }
        });
        assert!(timeout(Duration::from_millis(2), greedy).await.is_err());
    });
}

/// A tick that was taken: planned for when, and between which two readings of the clock.
struct Taken {
    before: Instant,
    planned: Instant,
    after: Instant,
}

impl Taken {
    /// Whether it was taken at least this late, or less, if the readings of the clock tell.
    fn is_late_by(&self, bound: Duration) -> Option<bool> {
        if self.before - self.planned >= bound {
            Some(true)
        } else if self.after - self.planned < bound {
            Some(false)
        } else {
            None
        }
    }
}

const PERIOD: Duration = Duration::from_millis(3);

/// Takes 30 ticks, every tenth of them after the loop was held up for five periods.
fn take(policy: MissedTickPolicy) -> Vec<Taken> {
    block_on(async {
        let mut every = interval_at(Instant::now() + PERIOD, PERIOD);
        every.set_missed_tick_policy(policy);
        let mut taken: Vec<Taken> = Vec::new();
        for n in 1..=30 {
            if n % 10 == 0 {
                hog(Instant::now() + PERIOD * 5);
            }
            let before = Instant::now();
            let planned = soon("a tick", every.tick()).await;
            let after = Instant::now();
            assert!(after >= planned);
            taken.push(Taken {
                before,
                planned,
                after,
            });
        }
        let late = |taken: &&Taken| taken.is_late_by(PERIOD) == Some(true);
        assert!(taken.iter().filter(late).count() >= 3);
        taken
    })
}

#[apply(on_each_driver)]
fn burst_makes_up_for_missed_ticks() {
    for two in take(MissedTickPolicy::Burst).windows(2) {
        assert_eq!(two[1].planned, two[0].planned + PERIOD);
    }
}

#[apply(on_each_driver)]
fn skip_leaves_missed_ticks_out_and_keeps_the_beat() {
    let all = take(MissedTickPolicy::Skip);
    for two in all.windows(2) {
        let since = two[1].planned - all[0].planned;
        assert_eq!(since.as_nanos() % PERIOD.as_nanos(), 0);
        assert!(two[1].planned > two[0].planned);
        match two[0].is_late_by(PERIOD) {
            Some(true) => assert!(two[1].planned > two[0].before),
            Some(false) => assert_eq!(two[1].planned, two[0].planned + PERIOD),
            None => {}
        }
    }
}

#[apply(on_each_driver)]
fn delay_begins_anew_from_a_late_tick() {
    /// What counts as late, by the documentation.
    const LATE: Duration = Duration::from_millis(1);
    for two in take(MissedTickPolicy::Delay).windows(2) {
        match two[0].is_late_by(LATE) {
            Some(true) => {
                assert!(two[1].planned >= two[0].before + PERIOD);
                assert!(two[1].planned <= two[0].after + PERIOD);
            }
            Some(false) => assert_eq!(two[1].planned, two[0].planned + PERIOD),
            None => {}
        }
    }
}

#[apply(on_each_driver)]
fn a_dropped_tick_loses_none() {
    block_on(async {
        let mut every = interval(Duration::from_millis(20));
        let first = every.tick().await;
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            // A poll that finds the tick due takes it; none is, unless the machine stood still.
            if let Poll::Ready(tick) = pin!(every.tick()).poll(&mut cx) {
                assert_eq!(tick - first, Duration::from_millis(20));
                return;
            }
        }
        let second = soon("the tick", every.tick()).await;
        assert_eq!(second - first, Duration::from_millis(20));
    });
}

#[apply(on_each_driver)]
fn every_loop_keeps_its_own_timers() {
    let runtime = runtime(3);
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let tasks = handle.spawn_on_each(|_| async {
            for _ in 0..50 {
                let start = Instant::now();
                sleep(Duration::from_micros(300)).await;
                assert!(start.elapsed() >= Duration::from_micros(300));
            }
        });
        for task in tasks {
            soon("a loop", task).await.unwrap();
        }
        until("no timer", || {
            let stats = ringmill::Handle::current().stats();
            stats.iter().skip(1).all(|stats| stats.timers == 0)
        })
        .await;
    });
}

#[test]
#[should_panic = "this must be called on a Ringmill loop"]
fn a_sleep_polled_outside_of_a_loop_says_so() {
    let mut cx = Context::from_waker(Waker::noop());
    let _ = pin!(sleep(Duration::from_secs(1))).poll(&mut cx);
}
