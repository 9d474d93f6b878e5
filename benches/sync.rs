//! What it costs to agree: a lock that nobody else wants, and one that all want.
//!
//! ```text
//! cargo bench --bench sync
//! ```
//!
//! Tokio's types run on the same loops, so that only the types differ.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringmill::sync::{self, local};
use ringmill::{JoinHandle, Runtime, SpinPolicy};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tasks that want the same thing.
const TASKS: u64 = 64;

fn runtime(loops: usize) -> Runtime {
    ringmill::Builder::new()
        .loops(loops)
        .spin(SpinPolicy::Latency)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A bench of `$body`, which is repeated in a task that has made `$value`.
macro_rules! alone {
    ($group:ident, $runtime:ident, $name:literal, $value:ident = $make:expr, $body:expr) => {
        $group.bench_function($name, |b| {
            b.iter_custom(|rounds| {
                let $value = $make;
                $runtime.block_on(async {
                    let start = Instant::now();
                    for _ in 0..rounds {
                        $body;
                    }
                    start.elapsed()
                })
            });
        });
    };
}

fn uncontended(c: &mut Criterion) {
    let runtime = runtime(1);
    let mut group = c.benchmark_group("uncontended");
    group.throughput(Throughput::Elements(1));
    alone!(
        group,
        runtime,
        "local::Mutex",
        m = local::Mutex::new(0_u64),
        *m.lock().await += 1
    );
    alone!(
        group,
        runtime,
        "Mutex",
        m = sync::Mutex::new(0_u64),
        *m.lock().await += 1
    );
    alone!(
        group,
        runtime,
        "tokio Mutex",
        m = tokio::sync::Mutex::new(0_u64),
        *m.lock().await += 1
    );
    alone!(
        group,
        runtime,
        "local::RwLock, read",
        l = local::RwLock::new(0_u64),
        {
            black_box(*l.read().await);
        }
    );
    alone!(
        group,
        runtime,
        "RwLock, read",
        l = sync::RwLock::new(0_u64),
        {
            black_box(*l.read().await);
        }
    );
    alone!(
        group,
        runtime,
        "tokio RwLock, read",
        l = tokio::sync::RwLock::new(0_u64),
        {
            black_box(*l.read().await);
        }
    );
    alone!(
        group,
        runtime,
        "local::Semaphore",
        s = local::Semaphore::new(8),
        {
            black_box(s.acquire().await.is_ok());
        }
    );
    alone!(group, runtime, "Semaphore", s = sync::Semaphore::new(8), {
        black_box(s.acquire().await.is_ok());
    });
    alone!(
        group,
        runtime,
        "tokio Semaphore",
        s = tokio::sync::Semaphore::new(8),
        {
            black_box(s.acquire().await.is_ok());
        }
    );
    alone!(
        group,
        runtime,
        "local::MVar, update",
        v = local::MVar::new(0_u64),
        {
            v.update(|value| *value += 1).await;
        }
    );
    alone!(
        group,
        runtime,
        "MVar, update",
        v = sync::MVar::new(0_u64),
        {
            v.update(|value| *value += 1).await;
        }
    );
    alone!(group, runtime, "local::Notify", n = local::Notify::new(), {
        n.notify_one();
        n.notified().await;
    });
    alone!(group, runtime, "Notify", n = sync::Notify::new(), {
        n.notify_one();
        n.notified().await;
    });
    alone!(
        group,
        runtime,
        "tokio Notify",
        n = tokio::sync::Notify::new(),
        {
            n.notify_one();
            n.notified().await;
        }
    );
    group.finish();
}

/// A bench of 64 tasks of one loop that each repeat `$body`.
macro_rules! together {
    ($group:ident, $runtime:ident, $name:literal, $value:ident = $make:expr, $body:expr) => {
        $group.bench_function($name, |b| {
            b.iter_custom(|rounds| {
                let each = rounds.div_ceil(TASKS);
                let made = Rc::new($make);
                $runtime.block_on(async {
                    let start = Instant::now();
                    let tasks: Vec<_> = (0..TASKS)
                        .map(|_| {
                            let $value = made.clone();
                            ringmill::spawn(async move {
                                for _ in 0..each {
                                    $body;
                                }
                            })
                        })
                        .collect();
                    ended(tasks).await;
                    start.elapsed()
                })
            });
        });
    };
}

async fn ended(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

/// Each holds the lock over a turn of the loop, so that all others wait.
fn one_loop(c: &mut Criterion) {
    let runtime = runtime(1);
    let mut group = c.benchmark_group("64 tasks of one loop");
    group.throughput(Throughput::Elements(1));
    together!(
        group,
        runtime,
        "local::Mutex",
        m = local::Mutex::new(0_u64),
        {
            let mut value = m.lock().await;
            ringmill::yield_now().await;
            *value += 1;
        }
    );
    together!(group, runtime, "Mutex", m = sync::Mutex::new(0_u64), {
        let mut value = m.lock().await;
        ringmill::yield_now().await;
        *value += 1;
    });
    together!(
        group,
        runtime,
        "tokio Mutex",
        m = tokio::sync::Mutex::new(0_u64),
        {
            let mut value = m.lock().await;
            ringmill::yield_now().await;
            *value += 1;
        }
    );
    group.finish();
}

/// Times 64 tasks on two loops, each of which does what `work` says.
fn on_two<V, F>(runtime: &Runtime, value: V, rounds: u64, work: fn(Arc<V>, u64) -> F) -> Duration
where
    V: Send + Sync + 'static,
    F: Future<Output = ()> + 'static,
{
    let value = Arc::new(value);
    let each = rounds.div_ceil(TASKS);
    let handle = runtime.handle();
    runtime.block_on(async {
        let start = Instant::now();
        let tasks = (0..TASKS).map(|task| {
            let value = value.clone();
            handle.spawn_on(task as usize % 2, move || work(value, each))
        });
        ended(tasks.collect()).await;
        start.elapsed()
    })
}

fn two_loops(c: &mut Criterion) {
    let runtime = runtime(2);
    let mut group = c.benchmark_group("64 tasks on two loops");
    group.throughput(Throughput::Elements(1));
    group.bench_function("Mutex", |b| {
        b.iter_custom(|rounds| {
            on_two(
                &runtime,
                sync::Mutex::new(0_u64),
                rounds,
                |m: Arc<sync::Mutex<u64>>, each| async move {
                    for _ in 0..each {
                        *m.lock().await += 1;
                    }
                },
            )
        });
    });
    group.bench_function("tokio Mutex", |b| {
        b.iter_custom(|rounds| {
            on_two(
                &runtime,
                tokio::sync::Mutex::new(0_u64),
                rounds,
                |m: Arc<tokio::sync::Mutex<u64>>, each| async move {
                    for _ in 0..each {
                        *m.lock().await += 1;
                    }
                },
            )
        });
    });
    group.bench_function("Mutex, held over a turn", |b| {
        b.iter_custom(|rounds| {
            on_two(
                &runtime,
                sync::Mutex::new(0_u64),
                rounds,
                |m: Arc<sync::Mutex<u64>>, each| async move {
                    for _ in 0..each {
                        let mut value = m.lock().await;
                        ringmill::yield_now().await;
                        *value += 1;
                    }
                },
            )
        });
    });
    group.bench_function("tokio Mutex, held over a turn", |b| {
        b.iter_custom(|rounds| {
            on_two(
                &runtime,
                tokio::sync::Mutex::new(0_u64),
                rounds,
                |m: Arc<tokio::sync::Mutex<u64>>, each| async move {
                    for _ in 0..each {
                        let mut value = m.lock().await;
                        ringmill::yield_now().await;
                        *value += 1;
                    }
                },
            )
        });
    });
    group.bench_function("MVar, update", |b| {
        b.iter_custom(|rounds| {
            on_two(
                &runtime,
                sync::MVar::new(0_u64),
                rounds,
                |v: Arc<sync::MVar<u64>>, each| async move {
                    for _ in 0..each {
                        v.update(|value| *value += 1).await;
                    }
                },
            )
        });
    });
    group.bench_function("RwLock, read", |b| {
        b.iter_custom(|rounds| {
            on_two(
                &runtime,
                sync::RwLock::new(0_u64),
                rounds,
                |l: Arc<sync::RwLock<u64>>, each| async move {
                    for _ in 0..each {
                        black_box(*l.read().await);
                    }
                },
            )
        });
    });
    group.bench_function("tokio RwLock, read", |b| {
        b.iter_custom(|rounds| {
            on_two(
                &runtime,
                tokio::sync::RwLock::new(0_u64),
                rounds,
                |l: Arc<tokio::sync::RwLock<u64>>, each| async move {
                    for _ in 0..each {
                        black_box(*l.read().await);
                    }
                },
            )
        });
    });
    group.finish();
}

criterion_group!(benches, uncontended, one_loop, two_loops);
criterion_main!(benches);
