//! What an hour of virtual time costs under a mock clock that jumps: nearly all of it is the sleeps.

use criterion::{Criterion, criterion_group, criterion_main};
use ringmill::test_util::MockClock;
use ringmill::time::sleep;
use ringmill::{DriverKind, Runtime, spawn};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn jumping(driver: DriverKind, loops: usize) -> Runtime {
    let clock = MockClock::autojump();
    let builder = ringmill::Builder::new().driver(driver).loops(loops);
    builder
        .mock_clock(&clock)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// One sleep after the other: each is a jump.
async fn one_by_one() {
    for _ in 0..3_600 {
        sleep(SECOND).await;
    }
}

/// 1,000 tasks that sleep until an hour is over, each at times of its own.
async fn staggered() {
    let naps = |task: u32| async move {
        for _ in 0..3 {
            sleep(1_199 * SECOND + task * SECOND / 1_000).await;
        }
    };
    let tasks: Vec<_> = (0..1_000).map(|task| spawn(naps(task))).collect();
    for task in tasks {
        task.await.unwrap_or_else(|error| panic!("{error}"));
    }
}

fn hour(c: &mut Criterion) {
    for driver in [DriverKind::Uring, DriverKind::Epoll] {
        let runtime = jumping(driver, 1);
        c.bench_function(&format!("3600 sleeps of a second, {driver}"), |b| {
            b.iter(|| runtime.block_on(one_by_one()));
        });
        c.bench_function(&format!("1000 tasks over an hour, {driver}"), |b| {
            b.iter(|| runtime.block_on(staggered()));
        });
        drop(runtime);
        let runtime = jumping(driver, 2);
        c.bench_function(
            &format!("3600 sleeps of a second, {driver}, 2 loops"),
            |b| {
                b.iter(|| runtime.block_on(one_by_one()));
            },
        );
    }
}

criterion_group!(benches, hour);
criterion_main!(benches);
