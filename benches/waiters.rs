//! What a correlated reply costs: on one loop, and with replies from another.
//!
//! ```text
//! cargo bench --bench waiters
//! ```

use criterion::{Criterion, criterion_group, criterion_main};
use ringmill::channel::mpsc;
use ringmill::correlation::Waiters;
use ringmill::{Runtime, SpinPolicy};
use std::hint::black_box;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
/// Waits in a batch.
const BATCH: u64 = 64;

fn runtime(loops: usize, spin: SpinPolicy) -> Runtime {
    ringmill::Builder::new()
        .loops(loops)
        .spin(spin)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn waiters(c: &mut Criterion) {
    let here = runtime(1, SpinPolicy::Efficient);
    c.bench_function("register, reply, await", |b| {
        b.iter_custom(|rounds| {
            let waiters = Waiters::<u64, u64>::new();
            here.block_on(async {
                let start = Instant::now();
                for id in 0..rounds {
                    let Ok(waiter) = waiters.register(id, HOUR) else {
                        continue;
                    };
                    black_box(waiters.reply(id, id).ok());
                    black_box(waiter.await.ok());
                }
                start.elapsed()
            })
        });
    });
    c.bench_function("64 tasks wait and are replied to", |b| {
        b.iter_custom(|rounds| {
            let waiters = Waiters::<u64, u64>::new();
            here.block_on(async {
                let start = Instant::now();
                let mut tasks = Vec::with_capacity(BATCH as usize);
                for batch in 0..rounds.div_ceil(BATCH) {
                    let ids = batch * BATCH..(batch + 1) * BATCH;
                    for id in ids.clone() {
                        tasks.extend(waiters.register(id, HOUR).ok().map(ringmill::spawn));
                    }
                    ringmill::yield_now().await;
                    for id in ids {
                        black_box(waiters.reply(id, id).ok());
                    }
                    for task in tasks.drain(..) {
                        black_box(task.await.ok());
                    }
                }
                start.elapsed()
            })
        });
    });
    let two = runtime(2, SpinPolicy::Latency);
    let handle = two.handle().clone();
    c.bench_function("64 tasks are replied to by another loop", |b| {
        b.iter_custom(|rounds| {
            let waiters = Waiters::<u64, u64>::new();
            let (sender, mut receiver) = mpsc::channel(1024);
            let replying = waiters.clone();
            let receiving = handle.spawn_on(1, move || async move {
                while let Some(id) = receiver.recv().await {
                    black_box(replying.reply(id, id).ok());
                }
            });
            two.block_on(async {
                let start = Instant::now();
                let mut tasks = Vec::with_capacity(BATCH as usize);
                for batch in 0..rounds.div_ceil(BATCH) {
                    for id in batch * BATCH..(batch + 1) * BATCH {
                        tasks.extend(waiters.register(id, HOUR).ok().map(ringmill::spawn));
                        black_box(sender.send(id).await.ok());
                    }
                    for task in tasks.drain(..) {
                        black_box(task.await.ok());
                    }
                }
                let elapsed = start.elapsed();
                drop(sender);
                black_box(receiving.await.ok());
                elapsed
            })
        });
    });
}

criterion_group!(benches, waiters);
criterion_main!(benches);
