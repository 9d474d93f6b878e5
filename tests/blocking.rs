//! Closures on pools: they block no loop, none is lost, and what goes wrong comes back.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::wait::{NEVER, eventually, here, soon};
use kit::{builder, child, hush, process, runtime};
use ringmill::blocking::{
    Pool, cancellation, compute, is_cancelled, spawn_blocking, try_compute, try_spawn_blocking,
};
use ringmill::{Handle, LoopRef, channel::oneshot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

#[apply(on_each_driver)]
fn a_closure_runs_beside_the_loop_and_its_value_comes_back() {
    let runtime = runtime(1);
    runtime.block_on(async {
        let home = thread::current().id();
        let there = || (thread::current().id(), Handle::try_current().is_some());
        for job in [spawn_blocking(there), compute(there)] {
            let (id, has_handle) = soon("the value", job).await.unwrap();
            assert_ne!(id, home);
            assert!(has_handle);
        }
    });
    // Counted after the value is on its way.
    let handle = runtime.handle();
    eventually("the counts", || {
        (handle.blocking_stats().ran, handle.compute_stats().ran) == (1, 1)
    });
}

/// The loop would stand still if one of the closures ran on it: they end only together with a task.
#[apply(on_each_driver)]
fn as_many_closures_block_at_once_as_there_are() {
    const CLOSURES: usize = 40;
    runtime(1).block_on(async {
        let all = Arc::new(Barrier::new(CLOSURES));
        let jobs: Vec<_> = (0..CLOSURES)
            .map(|_| {
                let all = all.clone();
                spawn_blocking(move || all.wait().is_leader())
            })
            .collect();
        let mut leaders = 0;
        for job in jobs {
            leaders += usize::from(soon("all of them", job).await.unwrap());
        }
        assert_eq!(leaders, 1);
    });
}

#[apply(on_each_driver)]
fn a_panic_comes_back_and_costs_no_thread() {
    const CLOSURES: usize = if cfg!(debug_assertions) {
        5_000
    } else {
        100_000
    };
    hush();
    let runtime = builder(1)
        .blocking_pool(Pool::builder("p").threads(4))
        .build()
        .unwrap();
    runtime.block_on(async {
        let dropped = Dropped::default();
        for round in 0..CLOSURES / 1_000 {
            let jobs: Vec<_> = (0..1_000)
                .map(|number| {
                    let guard = dropped.guard();
                    let work = move || {
                        let _guard = guard;
                        assert!(number % 10 != 0, "{}", kit::ON_PURPOSE);
                        number
                    };
                    if round % 2 == 0 {
                        spawn_blocking(work)
                    } else {
                        compute(work)
                    }
                })
                .collect();
            for (number, job) in jobs.into_iter().enumerate() {
                match soon("a result", job).await {
                    Ok(value) => assert_eq!(value, number),
                    Err(error) => assert!(error.is_panic() && number % 10 == 0, "{error}"),
                }
            }
        }
        assert_eq!(dropped.count(), CLOSURES);
    });
    let handle = runtime.handle();
    eventually("the counts", || {
        handle.blocking_stats().ran + handle.compute_stats().ran == CLOSURES as u64
    });
    let threads = handle.blocking_stats().threads;
    assert!(threads <= 4, "{threads} threads");
}

#[apply(on_each_driver)]
fn a_closure_can_ask_its_loop_and_wait() {
    let runtime = runtime(2);
    runtime.block_on(async {
        let home = LoopRef::current().unwrap();
        let ask = move || {
            let there = || async { LoopRef::current().unwrap().index() };
            let answers = [0, 1].map(|index| {
                let target = Handle::current().loops()[index].clone();
                target.call_blocking(there).unwrap()
            });
            (answers, home.call_blocking(|| async { 6 * 7 }).unwrap())
        };
        let answer = soon("the answer", spawn_blocking(ask)).await.unwrap();
        assert_eq!(answer, ([0, 1], 42));
        // On the loop itself it would never end.
        let home = LoopRef::current().unwrap();
        hush();
        let refused = catch_unwind(AssertUnwindSafe(|| home.call_blocking(|| async {})));
        assert!(refused.is_err());
    });
    let other = runtime.handle().loops()[1].clone();
    drop(runtime);
    assert!(other.call_blocking(|| async {}).unwrap_err().is_cancelled());
}

#[apply(on_each_driver)]
fn threads_are_named_and_not_pinned() {
    let runtime = builder(2).pin(true).build().unwrap();
    let allowed = processors();
    runtime.block_on(async {
        let look = || {
            let name = thread::current().name().unwrap().to_owned();
            (name, processors())
        };
        let (name, run_on) = soon("a look", spawn_blocking(look)).await.unwrap();
        assert!(name.starts_with("ringmill-blocking-"), "{name}");
        assert_eq!(run_on, allowed);
        let (name, run_on) = soon("a look", compute(look)).await.unwrap();
        assert!(name.starts_with("ringmill-cpu-"), "{name}");
        assert_eq!(run_on, allowed);
        let own = Pool::builder("db").build();
        let (name, run_on) = soon("a look", own.spawn(look)).await.unwrap();
        assert!(name.starts_with("db-"), "{name}");
        assert_eq!(run_on, allowed);
    });
}

/// The processors of the calling thread, as the kernel shows them.
fn processors() -> String {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("Cpus_allowed:"));
    line.unwrap().to_owned()
}

#[apply(on_each_driver)]
fn a_computation_splits_over_the_pool() {
    let runtime = builder(1).compute_threads(3).build().unwrap();
    runtime.block_on(async {
        // Each part waits for the other: they end only if they run at the same time.
        let job = compute(|| {
            let both = Barrier::new(2);
            rayon_core::join(|| both.wait().is_leader(), || both.wait().is_leader())
        });
        let (one, other) = soon("both parts", job).await.unwrap();
        assert!(one != other);
    });
}

/// A thread of the CPU pool that waits for its parts may take another job meanwhile.
#[apply(on_each_driver)]
fn jobs_that_nest_each_know_their_own_cancellation() {
    let runtime = builder(1).compute_threads(1).build().unwrap();
    runtime.block_on(async {
        let outer = compute(|| {
            let inner = Handle::current().compute(is_cancelled);
            // The only thread runs the inner job here, as it has nothing else to do.
            while !inner.is_finished() {
                rayon_core::yield_now();
            }
            (here("the inner job", inner).unwrap(), is_cancelled())
        });
        assert_eq!(soon("the outer job", outer).await.unwrap(), (false, false));
    });
}

#[apply(on_each_driver)]
fn the_end_of_a_runtime_cancels_what_waits_and_lets_finish_what_runs() {
    let runtime = builder(1)
        .blocking_pool(Pool::builder("one").threads(1))
        .drain_timeout(NEVER)
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    let (began, has_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let runs = handle.spawn_blocking(move || {
        began.send(()).unwrap();
        let _ = may_go_on.recv();
        "finished"
    });
    has_begun.recv_timeout(NEVER).unwrap();
    let dropped = Dropped::default();
    let queued: Vec<_> = (0..10)
        .map(|_| {
            let guard = dropped.guard();
            handle.spawn_blocking(move || drop(guard))
        })
        .collect();
    let ends = {
        let dropped = dropped.clone();
        thread::spawn(move || {
            // All that waited is gone, though the thread is busy.
            eventually("the drops", || dropped.count() == 10);
            drop(go_on);
        })
    };
    drop(runtime);
    ends.join().unwrap();
    assert_eq!(here("what ran", runs).unwrap(), "finished");
    for job in queued {
        assert!(here("what waited", job).unwrap_err().is_cancelled());
    }
    let late = handle.spawn_blocking(|| ());
    assert!(here("what comes late", late).unwrap_err().is_cancelled());
    let late = handle.compute(|| ());
    assert!(here("what comes late", late).unwrap_err().is_cancelled());
}

/// From many threads at once, with threads that come and go: each closure is run once.
#[apply(on_each_driver)]
fn outside_of_a_runtime_there_is_no_pool_and_that_is_said() {
    hush();
    for refused in [
        catch_unwind(|| drop(spawn_blocking(|| ()))),
        catch_unwind(|| drop(compute(|| ()))),
    ] {
        let message = *refused.unwrap_err().downcast::<&str>().unwrap();
        assert!(message.contains("Handle::spawn_blocking"), "{message}");
    }
    runtime(1).block_on(async {
        soon("a job", try_spawn_blocking(|| ()).unwrap())
            .await
            .unwrap();
        soon("a job", try_compute(|| ()).unwrap()).await.unwrap();
    });
}

/// ASYNC-01 and ASYNC-02: what blocks on a loop holds up that loop and no other; in a pool it holds
/// up none.
#[apply(on_each_driver)]
fn what_blocks_holds_up_its_own_loop_alone_and_in_a_pool_none() {
    const BLOCK: Duration = Duration::from_millis(200);
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    // How long a task on a loop, that has nothing to wait for, waits while `block` is under way.
    let delay = |target: usize, beside: Arc<AtomicBool>| {
        let target = handle.loops()[target].clone();
        thread::spawn(move || {
            eventually("the block", || beside.load(Ordering::SeqCst));
            target.call_blocking(|| async {}).unwrap();
            beside.load(Ordering::SeqCst)
        })
    };
    for where_to in ["loop", "spawn_blocking", "compute"] {
        let blocks = Arc::new(AtomicBool::new(false));
        let (done, is_done) = oneshot::channel();
        let work = {
            let blocks = blocks.clone();
            move || {
                blocks.store(true, Ordering::SeqCst);
                thread::sleep(BLOCK);
                blocks.store(false, Ordering::SeqCst);
                done.send(()).unwrap();
            }
        };
        // Whether a call to each loop came back while it still blocked.
        let same = delay(1, blocks.clone());
        let other = delay(0, blocks.clone());
        match where_to {
            "loop" => drop(handle.spawn_on(1, move || async move { work() })),
            "compute" => handle.compute(work).detach().unwrap(),
            _ => handle.spawn_blocking(work).detach().unwrap(),
        }
        runtime
            .block_on(soon("the end of the block", is_done))
            .unwrap();
        assert_eq!(same.join().unwrap(), where_to != "loop", "{where_to}");
        assert!(other.join().unwrap(), "{where_to}");
    }
}

/// A part of a computation may run in the middle of another job: it asks for its own.
#[apply(on_each_driver)]
fn a_part_of_a_computation_asks_for_its_own_job() {
    let runtime = builder(1).compute_threads(2).build().unwrap();
    runtime.block_on(async {
        let (began, has_begun) = mpsc::channel();
        let mut unwanted = compute(move || {
            began.send(()).unwrap();
            while !is_cancelled() {
                thread::yield_now();
            }
            // Its thread has time for the parts of others now.
            let wanted = Handle::current().compute(|| {
                let mine = cancellation();
                rayon_core::join(|| mine.is_cancelled(), || mine.is_cancelled())
            });
            while !wanted.is_finished() {
                rayon_core::yield_now();
            }
            (cancellation().is_cancelled(), here("the other", wanted))
        });
        has_begun.recv_timeout(kit::wait::NEVER).unwrap();
        assert!(!unwanted.abort());
        let (own, other) = soon("the end", unwanted).await.unwrap();
        assert!(own);
        assert_eq!(other.unwrap(), (false, false));
    });
    assert!(!cancellation().is_cancelled());
}

#[apply(on_each_driver)]
fn runtimes_that_end_beside_their_first_computation_leave_no_thread() {
    child::alone(
        "runtimes_that_end_beside_their_first_computation_leave_no_thread",
        || {
            for _ in 0..300 {
                let runtime = builder(1).compute_threads(1).build().unwrap();
                let handle = runtime.handle().clone();
                let beside = thread::spawn(move || here("an end", handle.compute(|| ())).is_ok());
                drop(runtime);
                beside.join().unwrap();
            }
            eventually("the threads' end", || process::threads() <= 2);
        },
    );
}
