//! Closures on pools: they block no loop, none is lost, and what goes wrong comes back.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::seccomp;
use kit::wait::{NEVER, eventually, here, soon};
use kit::{builder, hush, runtime};
use ringmill::blocking::{
    Pool, compute, is_cancelled, spawn_blocking, try_compute, try_spawn_blocking,
};
use ringmill::{Handle, LoopRef, channel::oneshot};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

/// Occupies so many threads of a pool until the sender is dropped; returns once all are.
fn occupy(pool: &Pool, count: usize) -> mpsc::Sender<()> {
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Arc::new(std::sync::Mutex::new(may_go_on));
    let all = Arc::new(Barrier::new(count + 1));
    for _ in 0..count {
        let (all, may_go_on) = (all.clone(), may_go_on.clone());
        let job = pool.spawn(move || {
            all.wait();
            let _ = may_go_on.lock().unwrap().recv();
        });
        job.detach().unwrap();
    }
    all.wait();
    go_on
}

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

#[test]
fn a_full_queue_gives_the_closure_back_or_lets_the_caller_wait() {
    let pool = Pool::builder("narrow").threads(1).queue(2).build();
    let occupied = occupy(&pool, 1);
    let queued: Vec<_> = (0..2).map(|n| pool.try_spawn(move || n).unwrap()).collect();
    let refused = pool.try_spawn(|| 7).unwrap_err();
    assert_eq!((refused.0)(), 7);
    assert_eq!((pool.stats().waiting, pool.stats().rejected), (2, 1));

    // In the order in which they are awaited first.
    let order: Arc<std::sync::Mutex<Vec<usize>>> = Arc::default();
    let (sender, mut waiting) = ringmill::channel::mpsc::unbounded();
    for n in 0..3 {
        let order = order.clone();
        let mut job = pool.spawn(move || order.lock().unwrap().push(n));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::Pin::new(&mut job).poll(&mut cx).is_pending());
        let job = job.detach().unwrap_err();
        sender.send(job).unwrap();
    }
    drop(sender);
    drop(occupied);
    for (n, job) in queued.into_iter().enumerate() {
        assert_eq!(here("a job", job).unwrap(), n);
    }
    while let Some(job) = waiting.blocking_recv() {
        here("a job", job).unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
    assert_eq!(pool.stats().threads, 1);
}

#[test]
fn who_waits_for_room_and_goes_away_passes_its_turn_on() {
    let pool = Pool::builder("narrow").threads(1).queue(1).build();
    let occupied = occupy(&pool, 1);
    let filler = pool.spawn(|| ());
    let dropped = Dropped::default();
    let mut jobs: Vec<_> = (0..3)
        .map(|_| {
            let guard = dropped.guard();
            pool.spawn(move || drop(guard))
        })
        .collect();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    for job in &mut jobs {
        assert!(std::pin::Pin::new(job).poll(&mut cx).is_pending());
    }
    let last = jobs.pop().unwrap();
    drop(jobs);
    assert_eq!(dropped.count(), 2);
    drop(occupied);
    here("the last", last).unwrap();
    here("the first", filler).unwrap();
    assert_eq!(dropped.count(), 3);
}

#[test]
fn what_is_dropped_or_aborted_in_time_never_runs() {
    let pool = Pool::builder("one").threads(1).build();
    let occupied = occupy(&pool, 1);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = || {
        let ran = ran.clone();
        move || ran.fetch_add(1, Ordering::SeqCst)
    };
    drop(pool.spawn(count()));
    let mut aborted = pool.spawn(count());
    assert!(aborted.abort());
    assert!(aborted.is_finished());
    // Without waiting for the thread.
    assert!(here("the end", aborted).unwrap_err().is_cancelled());
    let kept = pool.spawn(count());
    drop(occupied);
    assert_eq!(here("the last", kept).unwrap(), 0);
    eventually("the rest", || pool.stats().ran == 4);
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[test]
fn a_closure_that_runs_hears_that_it_is_not_wanted() {
    let pool = Pool::builder("one").threads(1).build();
    for by_drop in [false, true] {
        let (began, has_begun) = mpsc::channel();
        let (heard, has_heard) = mpsc::channel();
        let mut job = pool.spawn(move || {
            began.send(is_cancelled()).unwrap();
            while !is_cancelled() {
                thread::yield_now();
            }
            heard.send(()).unwrap();
            "early"
        });
        assert!(!has_begun.recv_timeout(NEVER).unwrap());
        if by_drop {
            drop(job);
        } else {
            assert!(!job.abort());
            assert_eq!(here("the end", job).unwrap(), "early");
        }
        has_heard.recv_timeout(NEVER).unwrap();
    }
    assert!(!is_cancelled());
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

#[test]
fn a_pool_that_is_shut_down_tells_who_waits_for_room() {
    let pool = Pool::builder("narrow").threads(1).queue(1).build();
    let occupied = occupy(&pool, 1);
    let queued = pool.spawn(|| ());
    let outside = pool.spawn(|| ());
    let waits = thread::spawn(move || here("the end", outside).unwrap_err().is_cancelled());
    assert!(!pool.shutdown(Duration::ZERO));
    assert!(waits.join().unwrap());
    assert!(here("the end", queued).unwrap_err().is_cancelled());
    drop(occupied);
    eventually("the thread's end", || pool.stats().threads == 0);
    assert!(pool.shutdown(Duration::ZERO));
}

#[test]
fn what_is_queued_is_run_though_the_pool_is_dropped() {
    let pool = Pool::builder("dropped").threads(2).build();
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        let ran = ran.clone();
        let job = pool.spawn(move || ran.fetch_add(1, Ordering::SeqCst));
        job.detach().unwrap();
    }
    drop(pool);
    eventually("all of them", || ran.load(Ordering::SeqCst) == 1_000);
}

#[test]
fn where_no_thread_can_be_started_the_job_says_so() {
    let told = thread::spawn(|| {
        for call in [libc::SYS_clone3, libc::SYS_clone] {
            seccomp::deny(call, libc::EAGAIN);
        }
        let pool = Pool::builder("poor").build();
        let error = here("an error", pool.spawn(|| ())).unwrap_err();
        assert!(error.is_cancelled());
        let error = error.to_string();
        assert!(error.contains("\"poor\" could be started"), "{error}");
        assert!(error.contains("ulimit -u"), "{error}");
        assert_eq!(pool.stats().failed_starts, 1);
        pool
    });
    let pool = told.join().unwrap();
    // From a thread that may, it goes on.
    here("a job", pool.spawn(|| ())).unwrap();
}

#[test]
fn threads_that_are_idle_for_long_enough_go() {
    let pool = Pool::builder("brief")
        .threads(8)
        .keep_alive(Duration::from_millis(1))
        .build();
    for _ in 0..3 {
        drop(occupy(&pool, 8));
        eventually("their end", || pool.stats().threads == 0);
    }
    eventually("the count", || pool.stats().ran == 24);
}

/// From many threads at once, with threads that come and go: each closure is run once.
#[test]
fn none_of_many_closures_is_lost() {
    const EACH: usize = if cfg!(debug_assertions) {
        5_000
    } else {
        200_000
    };
    let pool = Pool::builder("busy")
        .threads(3)
        .queue(64)
        .keep_alive(Duration::from_micros(50))
        .build();
    let ran = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..EACH {
                    let ran = ran.clone();
                    let job = pool.spawn(move || {
                        ran.fetch_add(1, Ordering::Relaxed);
                    });
                    // One after the other, so that threads get to sleep and to go.
                    if n % 100 == 0 || job.is_finished() {
                        here("a job", job).unwrap();
                    } else if let Err(job) = job.detach() {
                        here("a job", job).unwrap();
                    }
                }
            });
        }
    });
    eventually("all of them", || ran.load(Ordering::Relaxed) == 3 * EACH);
    eventually("the count", || pool.stats().ran == 3 * EACH as u64);
    let stats = pool.stats();
    assert!(stats.queue_wait >= stats.longest_wait, "{stats:?}");
}

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
