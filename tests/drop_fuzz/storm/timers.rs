//! What has no socket: timers, joins, turns.

use crate::chance::Storm;
use ringmill::time::{Instant, interval, sleep, timeout};
use ringmill::{Handle, spawn, yield_now};
use std::future::pending;
use std::time::Duration;

/// Sleeps, time-outs and ticks.
pub async fn wait(storm: Storm) {
    let period = Duration::from_micros(200);
    let mut every = interval(period);
    let mut last = None;
    while storm.rages() {
        let micros = Duration::from_micros(storm.below(400) as u64);
        match storm.below(4) {
            0 => {
                let start = Instant::now();
                if storm.cut(sleep(micros)).await.is_some() {
                    assert!(start.elapsed() >= micros);
                }
            }
            1 => {
                let ended = storm.cut(timeout(micros, pending::<()>())).await;
                assert!(ended.is_none_or(|ended| ended.is_err()));
            }
            2 => {
                let inner = sleep(Duration::from_micros(storm.below(400) as u64));
                let _ = storm.cut(timeout(micros, inner)).await;
            }
            _ => {
                if let Some(tick) = storm.cut(every.tick()).await {
                    if let Some(last) = last {
                        assert_eq!(tick - last, period, "a tick was lost");
                    }
                    last = Some(tick);
                }
            }
        }
    }
}

/// Tasks of this loop and others, joined, detached, aborted.
pub async fn join(storm: Storm, runtime: Handle) {
    let loops = runtime.loops().len();
    while storm.rages() {
        let number = storm.below(1_000);
        let turns = storm.below(4);
        let work = move || async move {
            for _ in 0..turns {
                yield_now().await;
            }
            number
        };
        let mut task = match storm.below(2) {
            0 => spawn(work()),
            _ => runtime.spawn_on(storm.below(loops), work),
        };
        let _ = storm.cut(yield_now()).await;
        match storm.below(4) {
            0 => drop(task.abort_on_drop()),
            1 => drop(task),
            _ => loop {
                if let Some(output) = storm.cut(&mut task).await {
                    assert_eq!(output.unwrap(), number);
                    break;
                }
            },
        }
    }
}
