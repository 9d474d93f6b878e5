//! What a task costs: spawn and join, a child of a scope, a wake, a yield; and task-locals.
//!
//! ```text
//! cargo bench --bench tasks
//! ```

use criterion::{Criterion, criterion_group, criterion_main};
use ringmill::scope::{NoValue, scope};
use std::future::poll_fn;
use std::hint::black_box;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Tasks that are under way at the same time where that matters.
const BATCH: u64 = 64;

fn runtime() -> ringmill::Runtime {
    ringmill::Builder::new()
        .loops(1)
        .spin(ringmill::SpinPolicy::Efficient)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Times `rounds` runs of a future on a loop.
fn timed<F: Future<Output = ()>>(runtime: &ringmill::Runtime, run: impl FnOnce() -> F) -> Duration {
    runtime.block_on(async {
        let start = Instant::now();
        run().await;
        start.elapsed()
    })
}

fn spawn_join(c: &mut Criterion) {
    let runtime = runtime();
    c.bench_function("spawn + join, one at a time", |b| {
        b.iter_custom(|rounds| {
            timed(&runtime, || async move {
                for round in 0..rounds {
                    let joined = ringmill::spawn(async move { black_box(round) }).await;
                    black_box(joined.ok());
                }
            })
        });
    });
    c.bench_function("spawn + join, 64 at a time", |b| {
        b.iter_custom(|rounds| {
            timed(&runtime, || async move {
                let mut tasks = Vec::with_capacity(BATCH as usize);
                for _ in 0..rounds.div_ceil(BATCH) {
                    for round in 0..BATCH {
                        tasks.push(ringmill::spawn(async move { black_box(round) }));
                    }
                    for task in tasks.drain(..) {
                        black_box(task.await.ok());
                    }
                }
            })
        });
    });
}

fn scope_children(c: &mut Criterion) {
    let runtime = runtime();
    c.bench_function("scope child + join, one at a time", |b| {
        b.iter_custom(|rounds| {
            timed(&runtime, || async move {
                let opened = scope(async |s| {
                    for round in 0..rounds {
                        let child = s.spawn(async move { Ok(black_box(round)) });
                        black_box(child.await?);
                    }
                    Ok::<_, NoValue>(())
                });
                black_box(opened.await.is_ok());
            })
        });
    });
    c.bench_function("scope child + join, 64 at a time", |b| {
        b.iter_custom(|rounds| {
            timed(&runtime, || async move {
                let opened = scope(async |s| {
                    let mut children = Vec::with_capacity(BATCH as usize);
                    for _ in 0..rounds.div_ceil(BATCH) {
                        for round in 0..BATCH {
                            children.push(s.spawn(async move { Ok(black_box(round)) }));
                        }
                        for child in children.drain(..) {
                            black_box(child.await?);
                        }
                    }
                    Ok::<_, NoValue>(())
                });
                black_box(opened.await.is_ok());
            })
        });
    });
    c.bench_function("a scope of 4 children", |b| {
        b.iter_custom(|rounds| {
            timed(&runtime, || async move {
                for _ in 0..rounds {
                    let opened = scope(async |s| {
                        for round in 0..4 {
                            s.spawn(async move {
                                black_box(round);
                            });
                        }
                        Ok::<_, NoValue>(())
                    });
                    black_box(opened.await.is_ok());
                }
            })
        });
    });
}

fn yields(c: &mut Criterion) {
    let runtime = runtime();
    c.bench_function("yield_now", |b| {
        b.iter_custom(|rounds| {
            timed(&runtime, || async move {
                for _ in 0..rounds {
                    ringmill::yield_now().await;
                }
            })
        });
    });
}

/// A place where a task leaves its waker for another one.
#[derive(Default)]
struct Turn {
    count: std::cell::Cell<u64>,
    waker: std::cell::Cell<Option<Waker>>,
}

impl Turn {
    async fn reaches(&self, count: u64) {
        poll_fn(|cx| {
            if self.count.get() >= count {
                return Poll::Ready(());
            }
            let waker = match self.waker.take() {
                Some(waker) if waker.will_wake(cx.waker()) => waker,
                _ => cx.waker().clone(),
            };
            self.waker.set(Some(waker));
            Poll::Pending
        })
        .await;
    }

    fn pass(&self) {
        self.count.set(self.count.get() + 1);
        if let Some(waker) = self.waker.take() {
            waker.wake_by_ref();
            self.waker.set(Some(waker));
        }
    }
}

fn wakes(c: &mut Criterion) {
    let runtime = runtime();
    c.bench_function("local wake, two tasks by turns", |b| {
        b.iter_custom(|rounds| {
            timed(&runtime, || async move {
                let turns = std::rc::Rc::new((Turn::default(), Turn::default()));
                let theirs = turns.clone();
                let other = ringmill::spawn(async move {
                    for round in 1..=rounds / 2 {
                        theirs.0.reaches(round).await;
                        theirs.1.pass();
                    }
                });
                for round in 1..=rounds / 2 {
                    turns.0.pass();
                    turns.1.reaches(round).await;
                }
                black_box(other.await.ok());
            })
        });
    });
}

ringmill::task_local!(static NUMBER: u64);

fn contexts(c: &mut Criterion) {
    let runtime = runtime();
    c.bench_function("spawn + join, 64 at a time, in a context", |b| {
        b.iter_custom(|rounds| {
            timed(&runtime, || {
                NUMBER.scope(7, async move {
                    let mut tasks = Vec::with_capacity(BATCH as usize);
                    for _ in 0..rounds.div_ceil(BATCH) {
                        for round in 0..BATCH {
                            tasks.push(ringmill::spawn(async move { black_box(round) }));
                        }
                        for task in tasks.drain(..) {
                            black_box(task.await.ok());
                        }
                    }
                })
            })
        });
    });
    c.bench_function("a task-local: one more scope", |b| {
        b.iter(|| NUMBER.sync_scope(black_box(7), || black_box(())));
    });
    NUMBER.sync_scope(7, || {
        c.bench_function("a task-local: a look", |b| b.iter(|| NUMBER.with(|n| *n)));
    });
}

criterion_group!(benches, spawn_join, scope_children, yields, wakes, contexts);
criterion_main!(benches);
