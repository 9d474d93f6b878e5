//! Timers: none is early, no tick is lost.

use super::gap;
use crate::cut::Cut;
use futures_lite::StreamExt;
use ringmill::time::{Instant, Interval, interval, sleep, timeout};
use std::time::Duration;

const SHORT: Duration = Duration::from_micros(300);

pub async fn sleeping(cut: Cut) {
    let start = Instant::now();
    if cut.at(sleep(SHORT)).await.is_some() {
        assert!(start.elapsed() >= SHORT);
    }
}

pub async fn timing_out(cut: Cut) {
    let ended = cut.at(timeout(SHORT, std::future::pending::<()>())).await;
    assert!(ended.is_none_or(|ended| ended.is_err()));
    // And one that does not.
    let ended = cut.at(timeout(Duration::from_secs(600), gap())).await;
    assert!(ended.is_none_or(|ended| ended.is_ok()));
}

async fn ticking(tick: impl AsyncFn(&mut Interval) -> Option<Instant>) {
    let mut every = interval(SHORT);
    let mut last = None;
    for _ in 0..4 {
        let Some(tick) = tick(&mut every).await else {
            continue;
        };
        assert!(
            last.is_none_or(|last| tick - last == SHORT),
            "a tick was lost"
        );
        last = Some(tick);
    }
}

pub async fn tick(cut: Cut) {
    ticking(async |every| cut.at(every.tick()).await).await;
}

pub async fn ticks(cut: Cut) {
    ticking(async |every| cut.at(every.next()).await?).await;
}
