//! On plain threads and plain executors: the same lines, blocking or polled by somebody else.

use super::kit::wait::here;
use super::often;
use ringmill::scope::CancelScope;
use ringmill::sync::{
    Barrier, CapacityLimiter, Condvar, Event, MVar, Mutex, Notify, OnceCell, RwLock, Semaphore,
};
use std::sync::{Arc, OnceLock};
use std::thread;

const THREADS: usize = 4;

#[test]
fn threads_share_every_type_by_blocking() {
    let rounds = often(500, 10_000);
    let (mutex, lock, place) = (Mutex::new(0), RwLock::new(0), MVar::new(0));
    let semaphore = Semaphore::new(2);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..rounds {
                    *mutex.blocking_lock() += 1;
                    *lock.blocking_write() += 1;
                    place.blocking_update(|value| *value += 1);
                    let permits = semaphore.blocking_acquire_many(2).unwrap();
                    drop((permits, *lock.blocking_read()));
                }
            });
        }
    });
    let all = THREADS * rounds;
    assert_eq!((mutex.into_inner(), lock.into_inner()), (all, all));
    assert_eq!(place.blocking_take(), all);
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn threads_hand_values_over_by_put_and_take() {
    let rounds = often(500, 10_000);
    let place = MVar::empty();
    let sum: usize = thread::scope(|scope| {
        let takers = [0; 2]
            .map(|_| scope.spawn(|| (0..rounds).map(|_| place.blocking_take()).sum::<usize>()));
        for _ in 0..2 {
            scope.spawn(|| (0..rounds).for_each(|value| place.blocking_put(value)));
        }
        takers.map(|taker| taker.join().unwrap()).iter().sum()
    });
    assert_eq!(sum, rounds * (rounds - 1));
}

#[test]
fn threads_wait_for_events_barriers_and_condvars() {
    let (event, barrier) = (Event::new(), Barrier::new(THREADS));
    let (count, changed) = (Mutex::new(0), Condvar::new());
    let leaders = thread::scope(|scope| {
        let threads = [0; THREADS].map(|_| {
            scope.spawn(|| {
                event.blocking_wait();
                let leaders = (0..50)
                    .filter(|_| barrier.blocking_wait().is_leader())
                    .count();
                let mut count = count.blocking_lock();
                *count += 1;
                changed.notify_all();
                while *count < THREADS {
                    count = changed.blocking_wait(count);
                }
                leaders
            })
        });
        event.set();
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(leaders.iter().sum::<usize>(), 50);
}

#[test]
fn a_plain_executor_runs_them_too() {
    let cell = OnceCell::new();
    let notify = Arc::new(Notify::new());
    let limiter = CapacityLimiter::new(1);
    let token = limiter.blocking_acquire_on_behalf_of("main").unwrap();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            here("the notice", notify.notified());
            *here("the value", cell.get_or_init(async || 7))
        });
        let third = scope.spawn(|| {
            let token = here("a token", limiter.acquire_on_behalf_of("third"));
            token.map(|token| *token.borrower())
        });
        notify.notify_one();
        drop(token);
        assert_eq!(other.join().unwrap(), 7);
        assert_eq!(third.join().unwrap(), Ok("third"));
    });
}

#[test]
fn what_blocks_a_thread_is_not_held_up_for_ever_by_a_cancelled_scope() {
    let mutex = Mutex::new(());
    let scope = CancelScope::new();
    let token = scope.token();
    let run = scope.run(async {
        drop(token.cancel());
        drop(mutex.blocking_lock());
    });
    assert!(here("the end", run).is_ok());
}

#[test]
fn a_thread_s_last_destructors_may_wait() {
    struct Last(Arc<Mutex<u32>>);
    impl Drop for Last {
        fn drop(&mut self) {
            *self.0.blocking_lock() += 1;
        }
    }
    thread_local! {
        static LAST: OnceLock<Last> = const { OnceLock::new() };
    }
    let mutex = Arc::new(Mutex::new(0));
    let other = mutex.clone();
    let thread = thread::spawn(move || {
        // Before what waiting itself keeps in the thread, and so destroyed after it.
        assert!(LAST.with(|last| last.set(Last(other.clone())).is_ok()));
        *other.blocking_lock() += 1;
    });
    thread.join().unwrap();
    assert_eq!(*mutex.blocking_lock(), 2);
}
