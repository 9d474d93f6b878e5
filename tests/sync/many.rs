//! Many tasks, on one loop and on several: exact counts, and no thread more.

use super::kit::driver::{apply, on_each_driver};
use super::kit::process::threads;
use super::kit::wait::{soon, until};
use super::kit::{child, hush, runtime};
use super::often;
use ringmill::sync::{self, Barrier, Event, MVar, Mutex, Notify, OnceCell, RwLock, Semaphore};
use ringmill::sync::{Lazy, local};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const LOOPS: usize = 3;

/// Runs `task` so many times on each loop in turn, and waits for all of them.
fn on_all<F>(tasks: usize, task: impl Fn(usize) -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let runtime = runtime(LOOPS);
    let handle = runtime.handle().clone();
    runtime.block_on(async move {
        let tasks: Vec<_> = (0..tasks)
            .map(|number| {
                let task = task.clone();
                handle.spawn_on(number % LOOPS, move || task(number))
            })
            .collect();
        for task in tasks {
            soon("a task", task).await.unwrap();
        }
    });
}

fn incremented(tasks: usize) {
    let before = Arc::new(AtomicUsize::new(0));
    let count = Arc::new(MVar::new(0));
    let (counted, seen) = (count.clone(), before.clone());
    on_all(tasks, move |_| {
        let (count, seen) = (counted.clone(), seen.clone());
        async move {
            // The loops' threads are there, and those of the test.
            let now = threads();
            let first = seen.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst);
            assert_eq!(first.map_or_else(|first| first, |_| now), now);
            count.update(|count| *count += 1).await;
        }
    });
    assert_eq!(count.blocking_take(), tasks);
}

#[apply(on_each_driver)]
fn a_thousand_tasks_increment_an_mvar_on_no_more_threads() {
    child::alone(
        "many::a_thousand_tasks_increment_an_mvar_on_no_more_threads",
        || incremented(1_000),
    );
}

#[apply(on_each_driver)]
fn a_hundred_thousand_tasks_increment_an_mvar_on_no_more_threads() {
    child::alone(
        "many::a_hundred_thousand_tasks_increment_an_mvar_on_no_more_threads",
        || incremented(often(5_000, 100_000)),
    );
}

#[apply(on_each_driver)]
fn tasks_of_all_loops_have_each_lock_alone() {
    let rounds = often(20, 200);
    let held = Arc::new((
        Mutex::new(0),
        RwLock::new(0),
        Semaphore::new(3),
        AtomicUsize::new(0),
    ));
    let all = held.clone();
    on_all(60, move |number| {
        let held = held.clone();
        async move {
            let (mutex, lock, semaphore, inside) = &*held;
            for round in 0..rounds {
                let mut value = mutex.lock().await;
                let before = *value;
                if round % 4 == 0 {
                    ringmill::yield_now().await;
                }
                *value = before + 1;
                drop(value);
                if round % 3 == 0 {
                    *lock.write().await += 1;
                } else {
                    let value = lock.read().await;
                    let before = *value;
                    ringmill::yield_now().await;
                    assert_eq!(*value, before);
                }
                let wants = 1 + number % 3;
                let permits = semaphore.acquire_many(wants).await.unwrap();
                assert!(inside.fetch_add(wants, Ordering::SeqCst) + wants <= 3);
                ringmill::yield_now().await;
                inside.fetch_sub(wants, Ordering::SeqCst);
                drop(permits);
            }
        }
    });
    let (mutex, lock, semaphore, _) = &*all;
    assert_eq!(*mutex.blocking_lock(), 60 * rounds);
    assert_eq!(*lock.blocking_read(), 60 * rounds.div_ceil(3));
    assert_eq!((semaphore.available_permits(), semaphore.waiting()), (3, 0));
}

#[apply(on_each_driver)]
fn values_go_from_loop_to_loop_through_an_mvar() {
    let rounds = often(50, 1_000);
    let place = Arc::new(MVar::empty());
    let sum = Arc::new(AtomicUsize::new(0));
    let total = sum.clone();
    on_all(12, move |number| {
        let (place, sum) = (place.clone(), sum.clone());
        async move {
            for round in 0..rounds {
                if number % 2 == 0 {
                    place.put(round).await;
                } else {
                    sum.fetch_add(place.take().await, Ordering::SeqCst);
                }
            }
        }
    });
    assert_eq!(total.load(Ordering::SeqCst), 6 * rounds * (rounds - 1) / 2);
}

#[apply(on_each_driver)]
fn companies_pass_a_barrier_together_and_initialise_once() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let all = Arc::new((
        Barrier::new(9),
        AtomicUsize::new(0),
        OnceCell::new(),
        Event::new(),
    ));
    let after = all.clone();
    on_all(9, move |_| {
        let (all, made) = (all.clone(), made.clone());
        async move {
            let (barrier, leaders, cell, event) = &*all;
            for round in 0..20 {
                if barrier.wait().await.is_leader() {
                    leaders.fetch_add(1, Ordering::SeqCst);
                }
                barrier.wait().await;
                assert_eq!(leaders.load(Ordering::SeqCst), round + 1);
                barrier.wait().await;
            }
            let value = cell.get_or_init(async || {
                ringmill::yield_now().await;
                made.fetch_add(1, Ordering::SeqCst)
            });
            assert_eq!(*value.await, 0);
            if barrier.wait().await.is_leader() {
                event.set();
            }
            event.wait().await;
        }
    });
    assert_eq!(after.1.load(Ordering::SeqCst), 20);
    assert_eq!(counted.load(Ordering::SeqCst), 1);
}

#[apply(on_each_driver)]
fn one_notice_wakes_one_task_on_whatever_loop() {
    let all = Arc::new((Notify::new(), Notify::new(), AtomicUsize::new(0)));
    on_all(LOOPS * 4, move |number| {
        let all = all.clone();
        async move {
            let (work, done, left) = &*all;
            if number != 0 {
                work.notified().await;
                left.fetch_add(1, Ordering::SeqCst);
                done.notify_one();
                return;
            }
            until("the workers", || work.waiting() == LOOPS * 4 - 1).await;
            for round in 1..LOOPS * 2 {
                work.notify_one();
                done.notified().await;
                assert_eq!(left.load(Ordering::SeqCst), round);
            }
            work.notify_waiters();
        }
    });
}

#[apply(on_each_driver)]
fn tasks_of_a_loop_share_without_atomics() {
    runtime(1).block_on(async {
        let all = Rc::new((local::Mutex::new(0), local::Semaphore::new(2), Cell::new(0)));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let all = all.clone();
                ringmill::spawn(async move {
                    for _ in 0..often(20, 200) {
                        let mut value = all.0.lock().await;
                        let before = *value;
                        ringmill::yield_now().await;
                        *value = before + 1;
                        drop(value);
                        let permit = all.1.acquire().await.unwrap();
                        all.2.set(all.2.get() + 1);
                        ringmill::yield_now().await;
                        assert!(all.2.get() <= 2);
                        all.2.set(all.2.get() - 1);
                        drop(permit);
                    }
                })
            })
            .collect();
        for task in tasks {
            soon("a task", task).await.unwrap();
        }
        assert_eq!(*all.0.lock().await, 50 * often(20, 200));
    });
}

#[apply(on_each_driver)]
fn a_task_that_panics_gives_its_lock_back_unpoisoned() {
    hush();
    runtime(1).block_on(async {
        let (mutex, has) = (Arc::new(Mutex::new(1)), Arc::new(Event::new()));
        let (other, tells) = (mutex.clone(), has.clone());
        let task = ringmill::spawn(async move {
            let mut value = other.lock().await;
            *value = 2;
            tells.set();
            // Until somebody waits for it.
            while other.statistics().waiting == 0 {
                ringmill::yield_now().await;
            }
            panic!("{}", super::kit::ON_PURPOSE);
        });
        soon("the task has it", has.wait()).await;
        assert_eq!(*soon("the lock", mutex.lock()).await, 2);
        assert!(task.await.unwrap_err().is_panic());
    });
}

#[apply(on_each_driver)]
fn an_aborted_task_leaves_the_line() {
    runtime(1).block_on(async {
        let mutex = Arc::new(Mutex::new(()));
        let held = mutex.lock().await;
        let wait = |mutex: &Arc<Mutex<()>>| {
            let mutex = mutex.clone();
            ringmill::spawn(async move { drop(mutex.lock().await) })
        };
        let tasks: Vec<_> = (0..3).map(|_| wait(&mutex)).collect();
        until("three wait", || mutex.statistics().waiting == 3).await;
        tasks[0].abort();
        tasks[1].abort();
        until("one waits", || mutex.statistics().waiting == 1).await;
        drop(held);
        let mut ended = Vec::new();
        for task in tasks {
            ended.push(soon("a task", task).await.is_ok());
        }
        assert_eq!(ended, [false, false, true]);
        assert!(mutex.try_lock().is_ok());
    });
}

/// What never waits still lets the others of its loop run.
#[apply(on_each_driver)]
fn a_task_that_never_waits_yields_when_its_turn_is_spent() {
    runtime(1).block_on(async {
        let stop = Rc::new(Cell::new(false));
        let set = stop.clone();
        let other = ringmill::spawn(async move { set.set(true) });
        let (mutex, lock) = (sync::Mutex::new(()), local::RwLock::new(()));
        let (place, cell) = (MVar::new(0), OnceCell::new());
        let (event, notify) = (Event::new(), local::Notify::new());
        event.set();
        let work = async {
            while !stop.get() {
                drop(mutex.lock().await);
                drop(lock.read().await);
                place.update(|value| *value += 1).await;
                cell.get_or_init(async || 1).await;
                event.wait().await;
                notify.notify_one();
                notify.notified().await;
            }
        };
        soon("the other task", work).await;
        other.await.unwrap();
    });
}

#[apply(on_each_driver)]
fn a_lazy_static_is_made_once_for_all_loops() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static VALUE: Lazy<usize> = Lazy::new(|| {
        Box::pin(async {
            ringmill::yield_now().await;
            MADE.fetch_add(1, Ordering::SeqCst) + 1
        })
    });
    on_all(30, |_| async { assert_eq!(*VALUE.get().await, 1) });
    assert_eq!(MADE.load(Ordering::SeqCst), 1);
}
