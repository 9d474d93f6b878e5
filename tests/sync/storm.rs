//! Everything at once, in an order of chance: tasks that ask, and go away at any point.

use super::kit::driver::{apply, on_each_driver};
use super::kit::random::Random;
use super::kit::runtime;
use super::kit::wait::soon;
use super::often;
use ringmill::sync::{MVar, Mutex, Notify, RwLock, Semaphore};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

/// Runs `future` for `polls` polls at most; it is dropped then, wherever it is.
async fn for_some_polls<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            // Not to wait for its turn, but to be dropped around it.
            if left == 0 {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }
    })
    .await
}

#[derive(Default)]
struct Counts {
    locked: AtomicUsize,
    wrote: AtomicUsize,
    updated: AtomicUsize,
}

#[apply(on_each_driver)]
fn whoever_is_dropped_wherever_nothing_is_lost() {
    const LOOPS: usize = 2;
    const TASKS: usize = 40;
    const PERMITS: usize = 5;
    let rounds = often(100, 3_000);
    let seed = Random::seeded().next();
    let shared = Arc::new((
        (Mutex::new(0), RwLock::new(0), MVar::new(0)),
        (Semaphore::new(PERMITS), AtomicUsize::new(0)),
        (Notify::new(), Counts::default()),
    ));
    let runtime = runtime(LOOPS);
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let shared = shared.clone();
                handle.spawn_on(number % LOOPS, move || async move {
                    let ((mutex, lock, place), (semaphore, out), (notify, counts)) = &*shared;
                    let mut random = Random::with_seed(seed.wrapping_add(number as u64));
                    for _ in 0..rounds {
                        let polls = random.below(4);
                        let yields = random.once_in(2);
                        match random.below(6) {
                            0 => {
                                if let Some(mut value) = for_some_polls(polls, mutex.lock()).await {
                                    let before = *value;
                                    if yields {
                                        ringmill::yield_now().await;
                                    }
                                    *value = before + 1;
                                    counts.locked.fetch_add(1, Ordering::Relaxed);
                                }
                            }
                            1 => {
                                if let Some(mut value) = for_some_polls(polls, lock.write()).await {
                                    *value += 1;
                                    counts.wrote.fetch_add(1, Ordering::Relaxed);
                                    let value = value.downgrade();
                                    if yields {
                                        ringmill::yield_now().await;
                                    }
                                    drop(value);
                                }
                            }
                            2 => {
                                if let Some(value) = for_some_polls(polls, lock.read()).await {
                                    let before = *value;
                                    if yields {
                                        ringmill::yield_now().await;
                                    }
                                    assert_eq!(*value, before);
                                }
                            }
                            3 => {
                                let update = place.update(|value| *value += 1);
                                if for_some_polls(polls, update).await.is_some() {
                                    counts.updated.fetch_add(1, Ordering::Relaxed);
                                }
                            }
                            4 => {
                                // Whoever takes it puts it back, so putting never waits for long.
                                if let Some(value) = for_some_polls(polls, place.take()).await {
                                    if yields {
                                        ringmill::yield_now().await;
                                    }
                                    place.put(value).await;
                                }
                            }
                            _ => {
                                let wants = 1 + random.below(PERMITS as u64) as usize;
                                let asked = semaphore.acquire_many(wants);
                                if let Some(permits) = for_some_polls(polls, asked).await {
                                    let now = out.fetch_add(wants, Ordering::SeqCst) + wants;
                                    assert!(now <= PERMITS);
                                    if yields {
                                        ringmill::yield_now().await;
                                    }
                                    out.fetch_sub(wants, Ordering::SeqCst);
                                    drop(permits);
                                }
                                notify.notify_one();
                                let _ = for_some_polls(polls, notify.notified()).await;
                            }
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            soon("a task", task).await.unwrap();
        }
        let ((mutex, lock, place), (semaphore, _), (notify, counts)) = &*shared;
        let counted = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        assert_eq!(
            *soon("the mutex", mutex.lock()).await,
            counted(&counts.locked)
        );
        assert_eq!(
            *soon("the lock", lock.write()).await,
            counted(&counts.wrote)
        );
        assert_eq!(
            soon("the value", place.take()).await,
            counted(&counts.updated)
        );
        assert!(counted(&counts.updated) > 0 && counted(&counts.wrote) > 0);
        assert_eq!(
            (semaphore.available_permits(), semaphore.waiting()),
            (PERMITS, 0)
        );
        assert_eq!((mutex.statistics().waiting, notify.waiting()), (0, 0));
    });
}
