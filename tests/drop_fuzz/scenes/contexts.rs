//! Contexts and correlation: a future has its values until it is dropped, and nobody has them after; a
//! reply comes to its waiter or is told of.

use super::gap;
use crate::cut::Cut;
use ringmill::context::Context;
use ringmill::correlation::Waiters;
use ringmill::{spawn, task_local};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

task_local! { static NUMBER: u32; }

struct Sees;

impl Drop for Sees {
    fn drop(&mut self) {
        assert_eq!(NUMBER.get(), 7);
    }
}

async fn looking() {
    let _sees = Sees;
    gap().await;
    assert_eq!(NUMBER.get(), 7);
}

pub async fn scope(cut: Cut) {
    cut.at(NUMBER.scope(7, looking())).await;
    assert!(NUMBER.try_get().is_err());
}

pub async fn attached(cut: Cut) {
    let context = Context::current().with(&NUMBER, 7);
    cut.at(context.attach(looking())).await;
    assert!(NUMBER.try_get().is_err());
}

pub async fn waiter(cut: Cut) {
    let unclaimed = Arc::new(AtomicU32::new(0));
    let waiters = Waiters::<u64, u32>::builder()
        .on_unclaimed({
            let unclaimed = unclaimed.clone();
            move |_, _, _| {
                unclaimed.fetch_add(1, Ordering::SeqCst);
            }
        })
        .build();
    let long = Duration::from_secs(600);
    let waiter = waiters.register(1, long).unwrap();
    let replying = spawn({
        let waiters = waiters.clone();
        async move {
            gap().await;
            waiters.reply(1, 7)
        }
    });
    let reply = cut.at(waiter).await;
    let told = replying.await.unwrap();
    assert!(reply.is_none_or(|reply| reply == Ok(7)));
    assert!(told.is_ok() || reply.is_none());
    let came = u32::from(reply.is_some()) + unclaimed.load(Ordering::SeqCst);
    assert_eq!((came, waiters.stats().in_flight), (1, 0));
    // The id is free.
    drop(waiters.register(1, long).unwrap());
}
