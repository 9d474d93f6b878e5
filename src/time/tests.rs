//! What the futures promise on a loop. The wheel's own tests are beside it.

use super::*;
use crate::kit::driver::{self, apply, on_each_driver};
use futures_core::Stream;
use std::future::{pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_micros(300);

fn on_a_loop<T>(future: impl Future<Output = T>) -> T {
    let builder = crate::Builder::new().driver(driver::current());
    builder.loops(1).build().expect("a loop").block_on(future)
}

#[apply(on_each_driver)]
fn a_sleep_is_never_short() {
    on_a_loop(async {
        let start = Instant::now();
        sleep(SHORT).await;
        assert!(start.elapsed() >= SHORT);
        sleep(Duration::ZERO).await;
        sleep_until(start).await;
    });
}

#[apply(on_each_driver)]
fn a_sleep_tells_its_deadline_and_that_it_is_over() {
    on_a_loop(async {
        let deadline = Instant::now() + SHORT;
        let mut sleep = pin!(sleep_until(deadline));
        assert_eq!((sleep.deadline(), sleep.is_elapsed()), (deadline, false));
        sleep.as_mut().await;
        assert!(sleep.is_elapsed() && Instant::now() >= deadline);
        sleep.as_mut().reset(deadline + HOUR);
        assert!(!sleep.is_elapsed());
        sleep.as_mut().reset(deadline);
        sleep.await;
    });
}

#[apply(on_each_driver)]
fn a_future_that_is_ready_wins_even_past_its_deadline() {
    on_a_loop(async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        let past = Instant::now() - HOUR;
        assert_eq!(timeout_at(past, ready(2)).await, Ok(2));
    });
}

#[apply(on_each_driver)]
fn a_timeout_of_zero_polls_once() {
    on_a_loop(async {
        let mut polls = 0;
        let counting = poll_fn(|_| {
            polls += 1;
            Poll::<()>::Pending
        });
        assert!(timeout(Duration::ZERO, counting).await.is_err());
        assert_eq!(polls, 1);
    });
}

#[apply(on_each_driver)]
fn a_busy_future_does_not_outlast_its_deadline() {
    on_a_loop(async {
        let busy = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(timeout(SHORT, busy).await.is_err());
    });
}

#[apply(on_each_driver)]
fn timeouts_nest_and_the_shorter_one_counts() {
    on_a_loop(async {
        let inner = timeout(HOUR, pending::<()>());
        assert!(timeout(SHORT, inner).await.is_err());
        let inner = timeout(SHORT, pending::<()>());
        assert!(
            timeout(HOUR, inner)
                .await
                .expect("the outer one has time")
                .is_err()
        );
    });
}

#[apply(on_each_driver)]
fn forever_is_not_over_at_once() {
    on_a_loop(async {
        assert!(timeout(SHORT, sleep(Duration::MAX)).await.is_err());
    });
}

#[apply(on_each_driver)]
fn an_interval_ticks_as_planned() {
    on_a_loop(async {
        let mut every = interval(SHORT);
        let first = every.tick().await;
        for n in 1..5 {
            let tick = every.tick().await;
            assert_eq!(tick, first + SHORT * n);
            assert!(Instant::now() >= tick);
        }
        let tick = poll_fn(|cx| Pin::new(&mut every).poll_next(cx)).await;
        assert_eq!(tick, Some(first + SHORT * 5));
    });
}

#[apply(on_each_driver)]
fn a_dropped_tick_is_not_lost() {
    on_a_loop(async {
        let start = Instant::now() + SHORT;
        let mut every = interval_at(start, HOUR);
        assert!(timeout(Duration::ZERO, every.tick()).await.is_err());
        assert_eq!(every.tick().await, start);
    });
}

#[apply(on_each_driver)]
fn a_reset_interval_ticks_one_period_later() {
    on_a_loop(async {
        let mut every = interval_at(Instant::now() + HOUR, SHORT);
        let now = Instant::now();
        every.reset();
        assert!(every.tick().await >= now + SHORT);
    });
}

#[test]
fn timers_stay_on_their_loop() {
    /// Two ways to be found for what is `Send`, so that naming it does not compile.
    trait NotSend<Way> {
        fn holds() {}
    }
    impl<T: ?Sized> NotSend<()> for T {}
    impl<T: ?Sized + Send> NotSend<u8> for T {}
    <Sleep as NotSend<_>>::holds();
    <Interval as NotSend<_>>::holds();
    <Timeout<()> as NotSend<_>>::holds();
}

#[test]
fn a_sleep_is_as_small_as_its_timer() {
    assert_eq!(size_of::<Sleep>(), 56);
    // And a word, where the future has no room for saying that it is gone.
    assert_eq!(size_of::<Timeout<&u64>>(), 64);
    assert_eq!(size_of::<Timeout<u64>>(), 72);
}
