//! What a timer costs beside few and beside a million others.
//!
//! ```text
//! cargo bench --bench timers
//! ```

use criterion::{Criterion, criterion_group, criterion_main};
use ringmill::time::{Sleep, sleep};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Live timers, each with a deadline of its own within the next hours.
const LIVE: [u64; 2] = [1_000, 1_000_000];

/// The next of a sequence that looks random (xorshift).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn far(state: &mut u64) -> Duration {
    Duration::from_millis(60_000 + next(state) % 10_000_000)
}

async fn armed(timer: &mut Pin<Box<Sleep>>) {
    poll_fn(|cx| {
        let _ = timer.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

fn insert_cancel(c: &mut Criterion) {
    for live in LIVE {
        let runtime = ringmill::Builder::new()
            .loops(1)
            .spin(ringmill::SpinPolicy::Efficient)
            .build()
            .unwrap_or_else(|error| panic!("{error}"));
        let mut state = 0x2545_f491_4f6c_dd1d;
        let others = runtime.block_on(async {
            let mut others = Vec::with_capacity(live as usize);
            for _ in 0..live {
                let mut timer = Box::pin(sleep(far(&mut state)));
                armed(&mut timer).await;
                others.push(timer);
            }
            others
        });
        c.bench_function(&format!("insert + cancel, {live} live"), |b| {
            b.iter_custom(|rounds| {
                runtime.block_on(async {
                    let start = Instant::now();
                    for _ in 0..rounds {
                        let mut timer = pin!(sleep(far(&mut state)));
                        poll_fn(|cx| {
                            let _ = timer.as_mut().poll(cx);
                            Poll::Ready(())
                        })
                        .await;
                    }
                    start.elapsed()
                })
            });
        });
        runtime.block_on(async { drop(others) });
    }
}

criterion_group!(benches, insert_cancel);
criterion_main!(benches);
