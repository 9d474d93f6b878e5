//! `spawn_anywhere`: idle loops take what waits, each task is run once, and stays where it began.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::wait::{NEVER, eventually, here, soon};
use kit::{occupy, runtime};
use ringmill::{Handle, LoopRef, spawn, spawn_anywhere, yield_now};
use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

const LOOPS: usize = 3;

fn this_loop() -> usize {
    LoopRef::current().unwrap().index()
}

fn stolen(handle: &Handle) -> u64 {
    handle.stats().iter().map(|stats| stats.stolen).sum()
}

/// Each round of tasks can only end if every loop is in the middle of one at the same time.
#[apply(on_each_driver)]
fn idle_loops_take_what_was_spawned_on_a_busy_one() {
    const ROUNDS: usize = 200;
    let runtime = runtime(LOOPS);
    let ran: Arc<[AtomicUsize; LOOPS]> = Arc::default();
    let all_at_it = Arc::new(Barrier::new(LOOPS));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..ROUNDS * LOOPS)
            .map(|_| {
                let (ran, all_at_it) = (ran.clone(), all_at_it.clone());
                spawn_anywhere(move || async move {
                    all_at_it.wait();
                    ran[this_loop()].fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        for task in tasks {
            soon("a task", task).await.unwrap();
        }
    });
    let ran = ran.each_ref().map(|ran| ran.load(Ordering::Relaxed));
    assert_eq!(ran, [ROUNDS; LOOPS]);
    assert_eq!(stolen(runtime.handle()) as usize, ROUNDS * (LOOPS - 1));
}

#[apply(on_each_driver)]
fn what_is_spawned_here_is_left_alone_by_idle_loops() {
    let runtime = runtime(LOOPS);
    runtime.block_on(async {
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                spawn(async {
                    yield_now().await;
                    assert_eq!(this_loop(), 0);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(stolen(runtime.handle()), 0);
    let others = &runtime.handle().stats()[1..];
    assert!(others.iter().all(|stats| stats.polls == 0), "{others:?}");
}

#[apply(on_each_driver)]
fn a_task_stays_where_it_began_wherever_it_is_woken() {
    let runtime = runtime(LOOPS);
    let handle = runtime.handle().clone();
    let tasks: Vec<_> = (0..300)
        .map(|n| {
            let (wake, mut woken) = ringmill::channel::oneshot::channel();
            let task = handle.spawn_anywhere(move || async move {
                // Neither `Send` nor ever on another thread.
                let began = Rc::new(Cell::new(this_loop()));
                yield_now().await;
                assert_eq!(this_loop(), began.get());
                assert_eq!((&mut woken).await, Ok(n));
                assert_eq!(this_loop(), began.get());
                ringmill::time::sleep(Duration::from_micros(50)).await;
                assert_eq!(this_loop(), began.get());
                n
            });
            (wake, task)
        })
        .collect();
    let waker = thread::spawn(move || {
        let wake = |(n, (wake, task)): (usize, (ringmill::channel::oneshot::Sender<usize>, _))| {
            wake.send(n).unwrap();
            task
        };
        tasks.into_iter().enumerate().map(wake).collect::<Vec<_>>()
    });
    runtime.block_on(async {
        kit::wait::until("all to be woken", || waker.is_finished()).await;
        for (n, task) in waker.join().unwrap().into_iter().enumerate() {
            assert_eq!(soon("a task", task).await.unwrap(), n);
        }
    });
}

#[apply(on_each_driver)]
fn sleeping_loops_are_woken_for_a_task() {
    let runtime = runtime(LOOPS);
    // The first loop does not run: nobody is awake who would take it anyhow.
    for n in 0..1_000 {
        let task = runtime.handle().spawn_anywhere(move || async move {
            assert_ne!(this_loop(), 0);
            n
        });
        assert_eq!(here("the task", task).unwrap(), n);
    }
}

#[apply(on_each_driver)]
fn from_many_threads_and_loops_each_task_is_run_once() {
    const TASKS: usize = if cfg!(debug_assertions) {
        5_000
    } else {
        100_000
    };
    let runtime = runtime(LOOPS);
    let handle = runtime.handle().clone();
    let ran: Arc<Vec<AtomicUsize>> = Arc::new((0..5 * TASKS).map(|_| 0.into()).collect());
    let task = |n: usize| {
        let ran = ran.clone();
        move || async move {
            if n.is_multiple_of(3) {
                yield_now().await;
            }
            ran[n].fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for thread in 0..2 {
            let (handle, task) = (handle.clone(), &task);
            scope.spawn(move || {
                for n in 0..TASKS {
                    drop(handle.spawn_anywhere(task(thread * TASKS + n)));
                }
            });
        }
        runtime.block_on(async {
            for spawner in 2..5 {
                let ran = ran.clone();
                handle.loops()[spawner - 2].spawn(move || async move {
                    for n in 0..TASKS {
                        let ran = ran.clone();
                        drop(spawn_anywhere(move || async move {
                            ran[spawner * TASKS + n].fetch_add(1, Ordering::Relaxed);
                        }));
                        if n.is_multiple_of(64) {
                            yield_now().await;
                        }
                    }
                });
            }
            let total = || {
                ran.iter()
                    .map(|ran| ran.load(Ordering::Relaxed))
                    .sum::<usize>()
            };
            kit::wait::until("all tasks", || total() >= 5 * TASKS).await;
        });
    });
    assert_eq!(runtime.shutdown(NEVER), 0);
    assert!(ran.iter().all(|ran| ran.load(Ordering::Relaxed) == 1));
}

#[apply(on_each_driver)]
fn a_busy_loop_starts_its_own_between_other_tasks() {
    let runtime = runtime(1);
    runtime.block_on(async {
        let over = Rc::new(Cell::new(false));
        // Always ready.
        let busy = spawn({
            let over = over.clone();
            async move {
                while !over.get() {
                    yield_now().await;
                }
            }
        });
        soon("the task", spawn_anywhere(|| async {})).await.unwrap();
        over.set(true);
        busy.await.unwrap();
    });
}

#[apply(on_each_driver)]
fn a_task_that_is_aborted_while_it_waits_never_begins() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let (dropped, began) = (Dropped::default(), Arc::new(AtomicBool::new(false)));
    // Loop 0 does not run, loop 1 is occupied.
    let occupied = occupy(&handle, 1);
    let task = handle.spawn_anywhere({
        let (guard, began) = (dropped.guard(), began.clone());
        move || async move {
            began.store(true, Ordering::Relaxed);
            drop(guard);
        }
    });
    task.abort();
    assert_eq!(dropped.count(), 0);
    drop(occupied);
    assert!(here("the task", task).unwrap_err().is_cancelled());
    eventually("the closure's end", || dropped.count() == 1);
    assert!(!began.load(Ordering::Relaxed));
}

#[apply(on_each_driver)]
fn a_panic_comes_back_through_the_handle() {
    kit::hush();
    let runtime = runtime(2);
    let task = runtime.handle().spawn_anywhere(|| async {
        if this_loop() < 2 {
            panic!("{}", kit::ON_PURPOSE);
        }
    });
    assert!(here("the task", task).unwrap_err().is_panic());
}

#[apply(on_each_driver)]
fn what_waits_at_the_end_of_the_runtime_is_cancelled() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let dropped = Dropped::default();
    let occupied = occupy(&handle, 1);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let guard = dropped.guard();
            handle.spawn_anywhere(move || async move {
                let _guard = guard;
                pending::<()>().await;
            })
        })
        .collect();
    // While loop 1 is still in its task, so that most are cancelled unbegun.
    let end = thread::spawn(move || {
        thread::yield_now();
        drop(occupied);
    });
    drop(runtime);
    end.join().unwrap();
    for task in tasks {
        assert!(here("the end", task).unwrap_err().is_cancelled());
    }
    assert_eq!(dropped.count(), 100);
    let late = handle.spawn_anywhere(|| async {});
    assert!(here("the end", late).unwrap_err().is_cancelled());
}

#[apply(on_each_driver)]
fn a_shutdown_waits_for_what_nobody_has_begun() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let ran = Arc::new(AtomicUsize::new(0));
    let occupied = occupy(&handle, 1);
    for _ in 0..100 {
        let ran = ran.clone();
        drop(handle.spawn_anywhere(move || async move {
            yield_now().await;
            ran.fetch_add(1, Ordering::Relaxed);
        }));
    }
    let end = thread::spawn(move || drop(occupied));
    assert_eq!(runtime.shutdown(NEVER), 0);
    end.join().unwrap();
    assert_eq!(ran.load(Ordering::Relaxed), 100);
}

/// The loop that is told of a task is also given one that blocks: the first is not to wait for that,
/// as other loops sleep.
#[apply(on_each_driver)]
fn a_task_does_not_wait_for_one_that_blocks_while_others_sleep() {
    let runtime = runtime(LOOPS);
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        for round in 0..60 {
            let (began, has_begun) = mpsc::channel();
            let handle = handle.clone();
            let (blocked, is_over) = ringmill::channel::oneshot::channel();
            thread::spawn(move || {
                drop(handle.spawn_anywhere(move || async move { began.send(()).unwrap() }));
                drop(handle.spawn_on(1 + round % 2, move || async move {
                    let begun = has_begun.recv_timeout(NEVER).is_ok();
                    blocked.send(begun).unwrap();
                }));
            });
            assert!(soon("the end", is_over).await.unwrap(), "round {round}");
        }
    });
}

/// The loop that is told of a task leaves `block_on` instead.
#[apply(on_each_driver)]
fn a_task_is_begun_though_the_loop_that_was_told_of_it_stops() {
    let runtime = runtime(LOOPS);
    let handle = runtime.handle();
    for round in 0..60 {
        let occupied = occupy(handle, 2);
        let (began, has_begun) = mpsc::channel();
        let (end, ended) = ringmill::channel::oneshot::channel();
        let from_outside = thread::spawn({
            let handle = handle.clone();
            move || {
                drop(handle.spawn_anywhere(move || async move { began.send(()).unwrap() }));
                end.send(()).unwrap();
            }
        });
        runtime.block_on(soon("the end", ended)).unwrap();
        let begun = has_begun.recv_timeout(NEVER);
        assert!(begun.is_ok(), "round {round}");
        from_outside.join().unwrap();
        drop(occupied);
    }
}
