//! The end of a runtime: everything of it ends, and nothing is left.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::tcp::ANY;
use kit::wait::{eventually, here, soon, until};
use kit::{block_on, child, hush, process, runtime};
use ringmill::blocking::{compute, spawn_blocking};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{Handle, LoopRef, spawn, yield_now};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

#[apply(on_each_driver)]
fn a_runtime_within_a_runtime_is_refused_and_the_outer_one_goes_on() {
    child::alone(
        "a_runtime_within_a_runtime_is_refused_and_the_outer_one_goes_on",
        || {
            hush();
            let message = |nested: fn()| {
                let payload = block_on(async move {
                    let task = spawn(async move { nested() });
                    task.await.unwrap_err().into_panic()
                });
                match payload.downcast::<String>() {
                    Ok(text) => *text,
                    Err(payload) => (*payload.downcast_ref::<&str>().unwrap()).to_owned(),
                }
            };
            let expected = "`block_on` cannot be called from inside a task";
            let by_function = message(|| ringmill::block_on(async {}).unwrap());
            assert!(by_function.contains(expected), "{by_function}");
            let by_runtime = message(|| runtime(2).block_on(async {}));
            assert!(by_runtime.contains(expected), "{by_runtime}");
        },
    );
}

#[apply(on_each_driver)]
fn a_runtime_may_be_dropped_inside_another_ones_task() {
    child::alone("a_runtime_may_be_dropped_inside_another_ones_task", || {
        let inner = runtime(2);
        let dropped = Dropped::default();
        let guard = dropped.guard();
        drop(inner.handle().spawn_on(0, move || async move {
            let _guard = guard;
            pending::<()>().await;
        }));
        inner.block_on(yield_now());
        block_on(async move {
            drop(inner);
            yield_now().await;
            assert_eq!(LoopRef::current().unwrap().index(), 0);
            assert_eq!(spawn(async { 2 }).await.unwrap(), 2);
        });
        assert_eq!(dropped.count(), 1);
    });
}

#[apply(on_each_driver)]
fn dropping_a_runtime_ends_the_tasks_of_every_loop() {
    const TASKS: usize = 100;
    let dropped = Dropped::default();
    let started = Arc::new(AtomicUsize::new(0));
    let runtime = runtime(3);
    let mut tasks = Vec::new();
    for n in 0..TASKS {
        let (guard, started) = (dropped.guard(), started.clone());
        tasks.push(runtime.handle().spawn_on(n % 3, move || async move {
            let _guard = guard;
            started.fetch_add(1, Ordering::SeqCst);
            match n % 4 {
                0 => pending::<()>().await,
                1 => ringmill::time::sleep(Duration::from_secs(3_600)).await,
                2 => loop {
                    yield_now().await;
                },
                _ => {
                    let mut listener = TcpListener::bind(ANY).await.unwrap();
                    let _never = listener.accept().await;
                }
            }
        }));
    }
    runtime.block_on(until("all tasks", || {
        started.load(Ordering::SeqCst) == TASKS
    }));
    drop(runtime);
    assert_eq!(dropped.count(), TASKS);
    for task in tasks {
        assert!(here("the task", task).unwrap_err().is_cancelled());
    }
}

#[apply(on_each_driver)]
fn shutdown_lets_tasks_finish_that_were_only_just_sent() {
    for _ in 0..20 {
        let runtime = runtime(3);
        let done = Arc::new(AtomicUsize::new(0));
        for n in 0..30 {
            let done = done.clone();
            drop(runtime.handle().spawn_on(n % 3, move || async move {
                ringmill::time::sleep(Duration::from_millis(2)).await;
                done.fetch_add(1, Ordering::SeqCst);
            }));
        }
        let cancelled = runtime.shutdown(kit::wait::NEVER);
        assert_eq!((cancelled, done.load(Ordering::SeqCst)), (0, 30));
    }
}

#[apply(on_each_driver)]
fn shutdown_cancels_what_does_not_finish_and_counts_it() {
    let runtime = runtime(2);
    let started = Arc::new(AtomicUsize::new(0));
    for n in 0..6 {
        let started = started.clone();
        drop(runtime.handle().spawn_on(n % 2, move || async move {
            started.fetch_add(1, Ordering::SeqCst);
            pending::<()>().await;
        }));
    }
    runtime.block_on(until("all six", || started.load(Ordering::SeqCst) == 6));
    assert_eq!(runtime.shutdown(Duration::from_millis(20)), 6);
}

#[apply(on_each_driver)]
fn runtimes_that_come_and_go_leave_nothing_behind() {
    child::alone("runtimes_that_come_and_go_leave_nothing_behind", || {
        let round = |n: usize| {
            let runtime = runtime(1 + n % 3);
            let handle = runtime.handle().clone();
            runtime.block_on(async {
                for task in handle.spawn_on_each(|_| async {
                    let mut listener = TcpListener::bind(ANY).await.unwrap();
                    let address = listener.local_addr().unwrap();
                    let client = TcpStream::connect(address).await.unwrap();
                    let (mut server, _) = listener.accept().await.unwrap();
                    server.write_all(b"x").await.unwrap();
                    // Left behind on purpose: with a read in flight, an accept, a timer.
                    drop(spawn(async move {
                        let mut client = client;
                        let _ = client.read_exact(&mut [0; 9]).await;
                    }));
                    drop(spawn(async move {
                        let _keep = server;
                        let _ = listener.accept().await;
                    }));
                    drop(spawn(ringmill::time::sleep(Duration::from_secs(3_600))));
                    yield_now().await;
                }) {
                    soon("a loop", task).await.unwrap();
                }
                let ids = [spawn_blocking(std::process::id), compute(std::process::id)];
                for id in ids {
                    soon("a job", id).await.unwrap();
                }
            });
        };
        // What the process makes once (the memory of allocator arenas, of thread stacks) is there
        // after a few.
        for n in 0..12 {
            round(n);
        }
        // Those of the pools end by themselves, once they are told to, and have a loop's signal until
        // then. The test harness has two.
        let pools_end = || eventually("the pools' end", || process::threads() <= 2);
        pools_end();
        let (before, mappings) = (process::open_files(), process::mappings());
        for n in 0..120 {
            round(n);
        }
        pools_end();
        assert_eq!(process::open_files(), before);
        let more = process::mappings().saturating_sub(mappings);
        assert!(more < 20, "{more} mappings more");
    });
}

#[apply(on_each_driver)]
fn what_outlives_its_runtime_is_harmless() {
    child::alone("what_outlives_its_runtime_is_harmless", || {
        let before = process::descriptors();
        let runtime = runtime(1);
        let mut cx = Context::from_waker(Waker::noop());
        let (listener, near, mut far, lease, connect, sleep, task) = runtime.block_on(async {
            let mut listener = TcpListener::bind(ANY).await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut near = TcpStream::connect(address).await.unwrap();
            let (mut far, _) = listener.accept().await.unwrap();
            far.write_all(b"leased").await.unwrap();
            let lease = soon("a lease", near.recv()).await.unwrap().unwrap();
            // Unread on one end, unsent on the other, and everything else under way.
            far.write_all(b"never read").await.unwrap();
            let mut connect = Box::pin(TcpStream::connect(address));
            assert!(connect.as_mut().poll(&mut cx).is_pending());
            let mut sleep = Box::pin(ringmill::time::sleep(Duration::from_secs(3_600)));
            assert!(sleep.as_mut().poll(&mut cx).is_pending());
            let task = spawn(pending::<()>());
            (listener, near, far, lease, connect, sleep, task)
        });
        drop(runtime);
        assert_eq!(&lease[..], b"leased");
        assert!(here("the task", task).unwrap_err().is_cancelled());
        // Whoever waits for what will never come is told so, and not left waiting.
        let waits = catch_unwind(AssertUnwindSafe(|| {
            far.poll_read(&mut cx, &mut [0; 8]).is_pending()
        }));
        assert!(waits.is_err(), "it would have waited for ever");
        drop((near, connect, sleep));
        drop((listener, lease, far));
        assert_eq!(process::descriptors(), before);
    });
}

#[apply(on_each_driver)]
fn a_handle_kept_does_not_keep_descriptors() {
    child::alone("a_handle_kept_does_not_keep_descriptors", || {
        drop(runtime(2));
        let before = process::descriptors();
        let kept: Vec<Handle> = (0..10).map(|_| runtime(2).handle().clone()).collect();
        assert_eq!(process::descriptors(), before);
        assert_eq!(kept.len(), 10);
    });
}

/// Starts a task on another loop, which starts the next.
fn hop(handle: &ringmill::Handle, left: usize, anywhere: bool, done: Arc<AtomicUsize>) {
    if left == 0 {
        done.fetch_add(1, Ordering::SeqCst);
        return;
    }
    let next = {
        let handle = handle.clone();
        move || async move { hop(&handle, left - 1, anywhere, done) }
    };
    if anywhere {
        drop(handle.spawn_anywhere(next));
    } else {
        drop(handle.spawn_on(left % 3, next));
    }
}

#[apply(on_each_driver)]
fn shutdown_waits_for_tasks_that_each_start_another_elsewhere() {
    for anywhere in [true, false] {
        for _ in 0..20 {
            let runtime = runtime(3);
            let done = Arc::new(AtomicUsize::new(0));
            hop(runtime.handle(), 300, anywhere, done.clone());
            let cancelled = runtime.shutdown(kit::wait::NEVER);
            assert_eq!((cancelled, done.load(Ordering::SeqCst)), (0, 1));
        }
    }
}
