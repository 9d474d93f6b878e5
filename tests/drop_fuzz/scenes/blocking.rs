//! Pools: a job that has not begun does not begin, one that has comes to its end.

use super::gap;
use crate::cut::Cut;
use crate::kit::wait::until;
use ringmill::blocking::{Limiter, compute, spawn_blocking};
use ringmill::spawn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how often what it was taken into began, and ended or was dropped.
#[derive(Clone, Default)]
struct Counts(Arc<[AtomicUsize; 2]>);

struct Inside(Counts);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0[1].fetch_add(1, Ordering::SeqCst);
    }
}

impl Counts {
    fn job(&self) -> impl FnOnce() -> usize + Send + 'static {
        let inside = Inside(self.clone());
        move || inside.0.0[0].fetch_add(1, Ordering::SeqCst) + 1
    }

    async fn check(&self, is_done: bool) {
        until("the job's end", || self.0[1].load(Ordering::SeqCst) == 1).await;
        let began = self.0[0].load(Ordering::SeqCst);
        assert!(began == 1 || !is_done && began == 0);
    }
}

pub async fn job(cut: Cut) {
    let counts = Counts::default();
    let done = cut.at(spawn_blocking(counts.job())).await;
    assert!(done.as_ref().is_none_or(|done| matches!(done, Ok(1))));
    counts.check(done.is_some()).await;
}

pub async fn computing(cut: Cut) {
    let counts = Counts::default();
    let done = cut.at(compute(counts.job())).await;
    assert!(done.as_ref().is_none_or(|done| matches!(done, Ok(1))));
    counts.check(done.is_some()).await;
}

/// The place of one who gave up goes to the next.
pub async fn acquire(cut: Cut) {
    let limiter = Limiter::new(1);
    let permit = limiter.acquire("key").await;
    let giving_back = spawn(async move {
        gap().await;
        drop(permit);
    });
    let behind = spawn({
        let limiter = limiter.clone();
        async move {
            gap().await;
            drop(limiter.acquire("key").await);
        }
    });
    drop(cut.at(limiter.acquire("key")).await);
    giving_back.await.unwrap();
    behind.await.unwrap();
    assert_eq!((limiter.in_use(&"key"), limiter.waiting(&"key")), (0, 0));
}
