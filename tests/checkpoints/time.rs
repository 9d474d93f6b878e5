//! Time.

use crate::kit::block_on;
use crate::kit::driver::{apply, on_each_driver};
use crate::kit::wait::soon;
use crate::table::{Table, next};
use ringmill::scope::{CancelScope, shield};
use ringmill::time::{Instant, Interval, interval_at, sleep, sleep_until, timeout};
use ringmill::yield_now;
use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// With so many ticks in the past that none has to be waited for.
fn late() -> Interval {
    let second = Duration::from_secs(1);
    interval_at(Instant::now() - 1000 * second, second)
}

pub async fn look_at(table: &Table) {
    table
        .row("runtime::yield_now::YieldNow", async || yield_now().await)
        .await;

    let sleep_name = "time::sleep::Sleep";
    table
        .row(sleep_name, async || sleep(Duration::ZERO).await)
        .await;
    table.waits(sleep_name, sleep(HOUR), || ()).await;
    let soon = Instant::now() + Duration::from_millis(1);
    table
        .waits(sleep_name, sleep_until(soon), || {
            while Instant::now() <= soon {}
        })
        .await;

    let mut every = late();
    let mut expected = every.tick().await;
    let tick = async || {
        let second = every.period();
        assert_eq!(every.tick().await, expected + second);
        expected += second;
    };
    table.row("time::interval::tick", tick).await;
    let stream = async || {
        let second = every.period();
        assert_eq!(next(&mut every).await, Some(expected + second));
        expected += second;
    };
    table.row("time::interval::Interval", stream).await;

    // What is ready at once is a checkpoint if what it bounds is.
    let timeout_name = "time::timeout::Timeout";
    let never = || timeout(Duration::ZERO, pending::<()>());
    table
        .row(timeout_name, async || assert!(never().await.is_err()))
        .await;
    let bounded = async || timeout(HOUR, sleep(Duration::ZERO)).await.unwrap();
    table.row(timeout_name, bounded).await;
    table
        .waits(timeout_name, timeout(HOUR, pending::<()>()), || ())
        .await;
}

#[apply(on_each_driver)]
fn a_deadline_bounds_what_is_shielded_although_nobody_is_told() {
    block_on(async {
        let told = Cell::new(false);
        let scope = CancelScope::new();
        drop(scope.token().cancel());
        let ended = scope.run(async {
            let bounded = timeout(Duration::from_millis(1), shield(pending::<()>()));
            told.set(bounded.await.is_err());
        });
        assert!(soon("the deadline", ended).await.is_err());
        assert!(!told.get());
    });
}
