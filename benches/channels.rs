//! What a message costs: one way between two loops, to and fro, and once.
//!
//! ```text
//! cargo bench --bench channels
//! ```
//!
//! flume and Tokio's channels run on the same two loops, so that only the channels differ.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringmill::channel::{mpsc, oneshot, spsc};
use ringmill::{JoinHandle, Runtime, SpinPolicy};
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Room in the channels; the figure that issue trackers and READMEs compare at.
const CAPACITY: usize = 1024;
/// Messages in a batch.
const BATCH: usize = 64;

/// Two loops that spin, so that messages are measured and not the waking of processors.
fn runtime(spin: SpinPolicy) -> Runtime {
    ringmill::Builder::new()
        .loops(2)
        .spin(spin)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

const SPINNING: SpinPolicy = SpinPolicy::Latency;

/// Times `receive` on the first loop, while `send` runs on the second.
fn one_way<S, R>(
    runtime: &Runtime,
    send: impl FnOnce() -> S + Send + 'static,
    receive: impl FnOnce() -> R,
) -> Duration
where
    S: Future<Output = ()> + 'static,
    R: Future<Output = ()>,
{
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let start = Instant::now();
        let sending: JoinHandle<()> = handle.spawn_on(1, send);
        receive().await;
        let elapsed = start.elapsed();
        black_box(sending.await.ok());
        elapsed
    })
}

fn ours(c: &mut Criterion) {
    let runtime = runtime(SPINNING);
    let mut group = c.benchmark_group("one way");
    group.throughput(Throughput::Elements(1));
    group.bench_function("mpsc", |b| {
        b.iter_custom(|rounds| {
            let (sender, mut receiver) = mpsc::channel(CAPACITY);
            let send = move || async move {
                for round in 0..rounds {
                    sender.send(round).await.unwrap();
                }
            };
            one_way(&runtime, send, || async move {
                while let Some(message) = receiver.recv().await {
                    black_box(message);
                }
            })
        });
    });
    group.bench_function("mpsc, recv_many", |b| {
        b.iter_custom(|rounds| {
            let (sender, mut receiver) = mpsc::channel(CAPACITY);
            let send = move || async move {
                for round in 0..rounds {
                    sender.send(round).await.unwrap();
                }
            };
            one_way(&runtime, send, || async move {
                let mut messages = Vec::with_capacity(BATCH);
                while receiver.recv_many(&mut messages, BATCH).await > 0 {
                    messages.drain(..).for_each(|message| {
                        black_box(message);
                    });
                }
            })
        });
    });
    group.bench_function("mpsc, unbounded", |b| {
        b.iter_custom(|rounds| {
            let (sender, mut receiver) = mpsc::unbounded();
            let send = move || async move {
                for round in 0..rounds {
                    sender.send(round).unwrap();
                }
            };
            one_way(&runtime, send, || async move {
                while let Some(message) = receiver.recv().await {
                    black_box(message);
                }
            })
        });
    });
    group.bench_function("spsc", |b| {
        b.iter_custom(|rounds| {
            let (mut sender, mut receiver) = spsc::channel(CAPACITY);
            let send = move || async move {
                for round in 0..rounds {
                    sender.send(round).await.unwrap();
                }
            };
            one_way(&runtime, send, || async move {
                while let Some(message) = receiver.recv().await {
                    black_box(message);
                }
            })
        });
    });
    group.bench_function("spsc, batches of 64", |b| {
        b.iter_custom(|rounds| {
            let (mut sender, mut receiver) = spsc::channel(CAPACITY);
            let send = move || async move {
                let (mut batch, mut left) = (VecDeque::with_capacity(BATCH), rounds);
                while left > 0 {
                    let size = left.min(BATCH as u64);
                    batch.extend(left - size..left);
                    left -= size;
                    sender.send_many(&mut batch).await.unwrap();
                }
            };
            one_way(&runtime, send, || async move {
                let mut messages = Vec::with_capacity(BATCH);
                while receiver.recv_many(&mut messages, BATCH).await > 0 {
                    messages.drain(..).for_each(|message| {
                        black_box(message);
                    });
                }
            })
        });
    });
    group.finish();
}

fn peers(c: &mut Criterion) {
    let runtime = runtime(SPINNING);
    let mut group = c.benchmark_group("one way");
    group.throughput(Throughput::Elements(1));
    group.bench_function("flume", |b| {
        b.iter_custom(|rounds| {
            let (sender, receiver) = flume::bounded(CAPACITY);
            let send = move || async move {
                for round in 0..rounds {
                    sender.send_async(round).await.unwrap();
                }
            };
            one_way(&runtime, send, || async move {
                while let Ok(message) = receiver.recv_async().await {
                    black_box(message);
                }
            })
        });
    });
    group.bench_function("tokio::sync::mpsc", |b| {
        b.iter_custom(|rounds| {
            let (sender, mut receiver) = tokio::sync::mpsc::channel(CAPACITY);
            let send = move || async move {
                for round in 0..rounds {
                    sender.send(round).await.unwrap();
                }
            };
            one_way(&runtime, send, || async move {
                while let Some(message) = receiver.recv().await {
                    black_box(message);
                }
            })
        });
    });
    group.finish();
}

fn ping_pong(c: &mut Criterion) {
    for (name, spin) in [("spinning", SPINNING), ("sleeping", SpinPolicy::Efficient)] {
        let runtime = runtime(spin);
        let mut group = c.benchmark_group(format!("ping-pong, {name}"));
        group.bench_function("mpsc", |b| {
            b.iter_custom(|rounds| {
                let (ping, mut pinged) = mpsc::channel(1);
                let (pong, mut ponged) = mpsc::channel(1);
                let answer = move || async move {
                    while let Some(round) = pinged.recv().await {
                        pong.send(round).await.unwrap();
                    }
                };
                one_way(&runtime, answer, || async move {
                    for round in 0..rounds {
                        ping.send(round).await.unwrap();
                        black_box(ponged.recv().await);
                    }
                })
            });
        });
        group.bench_function("tokio::sync::mpsc", |b| {
            b.iter_custom(|rounds| {
                let (ping, mut pinged) = tokio::sync::mpsc::channel(1);
                let (pong, mut ponged) = tokio::sync::mpsc::channel(1);
                let answer = move || async move {
                    while let Some(round) = pinged.recv().await {
                        pong.send(round).await.unwrap();
                    }
                };
                one_way(&runtime, answer, || async move {
                    for round in 0..rounds {
                        ping.send(round).await.unwrap();
                        black_box(ponged.recv().await);
                    }
                })
            });
        });
        group.finish();
    }
}

fn call(c: &mut Criterion) {
    let mut group = c.benchmark_group("call to another loop");
    for (name, spin) in [("spinning", SPINNING), ("sleeping", SpinPolicy::Efficient)] {
        let runtime = runtime(spin);
        let other = runtime.handle().loops()[1].clone();
        group.bench_function(name, |b| {
            b.iter_custom(|rounds| {
                runtime.block_on(async {
                    let start = Instant::now();
                    for round in 0..rounds {
                        black_box(other.call(move || async move { round }).await.ok());
                    }
                    start.elapsed()
                })
            });
        });
    }
    group.finish();
}

fn once(c: &mut Criterion) {
    let runtime = runtime(SpinPolicy::Efficient);
    let mut group = c.benchmark_group("oneshot: make, send, receive");
    group.bench_function("oneshot", |b| {
        b.iter_custom(|rounds| {
            runtime.block_on(async {
                let start = Instant::now();
                for round in 0..rounds {
                    let (sender, receiver) = oneshot::channel();
                    black_box(sender.send(round).ok());
                    black_box(receiver.await.ok());
                }
                start.elapsed()
            })
        });
    });
    group.bench_function("tokio::sync::oneshot", |b| {
        b.iter_custom(|rounds| {
            runtime.block_on(async {
                let start = Instant::now();
                for round in 0..rounds {
                    let (sender, receiver) = tokio::sync::oneshot::channel();
                    black_box(sender.send(round).ok());
                    black_box(receiver.await.ok());
                }
                start.elapsed()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, ours, peers, ping_pong, call, once);
criterion_main!(benches);
