//! `Limiter`: so many at a time of each kind, in the order of their coming.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::runtime;
use kit::wait::{soon, until};
use ringmill::blocking::{Limiter, spawn_blocking};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[apply(on_each_driver)]
fn a_limiter_lets_so_many_at_a_time_through_for_each_key() {
    const LIMIT: usize = 3;
    runtime(1).block_on(async {
        let limiter = Limiter::new(LIMIT);
        let at_once: Arc<[AtomicUsize; 2]> = Arc::default();
        let most = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let (limiter, at_once, most) = (limiter.clone(), at_once.clone(), most.clone());
                ringmill::spawn(async move {
                    let key = number % 2;
                    let permit = limiter.acquire(key).await;
                    let job = spawn_blocking(move || {
                        let now = at_once[key].fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        at_once[key].fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    });
                    job.await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            soon("a task", task).await.unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= LIMIT);
        assert_eq!((limiter.in_use(&0), limiter.in_use(&1)), (0, 0));
    });
}

#[apply(on_each_driver)]
fn a_limiter_serves_in_order_and_a_place_given_up_is_the_next_ones() {
    runtime(1).block_on(async {
        let limiter = Limiter::new(1);
        let first = limiter.try_acquire("key").unwrap();
        assert!(limiter.try_acquire("key").is_none());
        assert!(limiter.try_acquire("other").is_some());
        let order: Arc<std::sync::Mutex<Vec<usize>>> = Arc::default();
        let wait = |number: usize| {
            let (limiter, order) = (limiter.clone(), order.clone());
            ringmill::spawn(async move {
                let _permit = limiter.acquire("key").await;
                order.lock().unwrap().push(number);
            })
            .abort_on_drop()
        };
        let mut waiting: Vec<_> = (0..5).map(wait).collect();
        until("the line", || limiter.waiting(&"key") == 5).await;
        // The one whose turn would be next, and one in the middle.
        drop(waiting.remove(0));
        drop(waiting.remove(1));
        until("the line", || limiter.waiting(&"key") == 3).await;
        drop(first);
        for task in waiting {
            soon("a turn", task).await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [1, 3, 4]);
        assert_eq!((limiter.in_use(&"key"), limiter.waiting(&"key")), (0, 0));
    });
}
