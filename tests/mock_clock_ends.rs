//! The mock clock where time or a runtime ends: rates and advances beyond all bounds, shutdowns, a
//! clock's next runtime.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::{build, builder};
use ringmill::blocking::spawn_blocking;
use ringmill::test_util::{MockClock, wait_all_blocked_for};
use ringmill::time::{Instant, sleep};
use ringmill::{Runtime, spawn, yield_now};
use std::sync::mpsc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(20);

#[track_caller]
fn runtime(loops: usize, clock: &MockClock) -> Runtime {
    build(builder(loops).mock_clock(clock))
}

#[apply(on_each_driver)]
fn a_rate_at_which_a_timer_comes_in_ten_thousand_years_is_waited_for_asleep() {
    let clock = MockClock::with_rate(1e-9);
    let runtime = runtime(1, &clock);
    runtime.block_on(async {
        drop(spawn(sleep(3_600 * SECOND)));
        wait_all_blocked_for(MOMENT).await;
    });
    assert!(runtime.handle().stats()[0].parks < 100);
}

#[apply(on_each_driver)]
fn a_clock_at_the_end_of_time_stands() {
    let clock = MockClock::manual();
    let runtime = runtime(1, &clock);
    runtime.block_on(async {
        let nap = spawn(sleep(3_600 * SECOND));
        clock.advance(Duration::MAX);
        nap.await.unwrap();
        let tasks: Vec<_> = (0..100).map(|_| spawn(yield_now())).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(Instant::now() + SECOND == Instant::now());
    });
}

#[apply(on_each_driver)]
fn a_shutdown_ends_also_where_a_job_keeps_time_from_jumping() {
    let clock = MockClock::autojump();
    let runtime = build(builder(2).mock_clock(&clock).drain_timeout(MOMENT));
    let (go_on, may_go_on) = mpsc::channel::<()>();
    runtime.block_on(async {
        let waits = spawn(spawn_blocking(move || may_go_on.recv()));
        yield_now().await;
        drop(waits);
    });
    assert_eq!(runtime.shutdown(MOMENT), 1);
    drop(go_on);
}

#[apply(on_each_driver)]
fn a_shutdown_ends_also_where_a_task_never_waits() {
    let clock = MockClock::manual();
    let runtime = runtime(1, &clock);
    runtime.block_on(async {
        drop(spawn(async {
            loop {
                yield_now().await;
            }
        }));
    });
    assert_eq!(runtime.shutdown(MOMENT), 1);
}

#[apply(on_each_driver)]
fn a_clock_is_its_own_again_after_a_shutdown() {
    let clock = MockClock::manual();
    assert_eq!(runtime(1, &clock).shutdown(SECOND), 0);
    let second = runtime(1, &clock);
    second.block_on(async {
        let nap = spawn(sleep(SECOND));
        // It would have jumped before.
        wait_all_blocked_for(MOMENT).await;
        assert!(!nap.is_finished());
    });
}

#[apply(on_each_driver)]
fn a_handle_that_is_left_does_not_keep_the_clock() {
    let clock = MockClock::manual();
    let first = runtime(2, &clock);
    let handle = first.handle().clone();
    drop(first);
    let second = runtime(2, &clock);
    second.block_on(async {
        let nap = spawn(sleep(SECOND));
        clock.advance(SECOND);
        nap.await.unwrap();
    });
    drop(handle);
}
