//! Pools of one's own: what they are given is run, given back, or told why not.

mod kit;

use kit::dropped::Dropped;
use kit::polls::glance;
use kit::seccomp;
use kit::wait::{NEVER, eventually, here};
use ringmill::blocking::{Pool, is_cancelled};
use std::sync::atomic::{AtomicUsize, Ordering};
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
        assert!(glance(&mut job).is_pending());
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
    for job in &mut jobs {
        assert!(glance(job).is_pending());
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

/// Jobs that wait for one another need as many threads, whatever else goes on.
#[test]
fn jobs_that_wait_for_one_another_all_get_a_thread() {
    const ROUNDS: usize = if cfg!(debug_assertions) {
        2_000
    } else {
        50_000
    };
    let pool = Pool::builder("pairs").threads(4).build();
    for _ in 0..ROUNDS {
        // Something that a thread takes while another is on its way for it.
        pool.spawn(|| ()).detach().unwrap();
        let both = Arc::new(Barrier::new(2));
        let (one, other) = (both.clone(), both);
        let one = pool.spawn(move || one.wait().is_leader());
        let other = pool.spawn(move || other.wait().is_leader());
        let leaders = [here("one", one), here("the other", other)];
        assert_eq!(
            leaders
                .into_iter()
                .filter(|it| *it.as_ref().unwrap())
                .count(),
            1
        );
    }
}

/// A job that is kept, and not awaited, while others wait for room behind it.
#[test]
fn who_does_not_come_for_its_room_keeps_nobody_from_it() {
    let pool = Pool::builder("narrow").threads(1).queue(1).build();
    let occupied = occupy(&pool, 1);
    let filler = pool.spawn(|| ());
    let mut kept = pool.spawn(|| ());
    assert!(glance(&mut kept).is_pending());
    let behind = pool.spawn(|| ());
    let comes = thread::spawn(move || here("the one behind", behind).unwrap());
    drop(occupied);
    here("the first", filler).unwrap();
    comes.join().unwrap();
    here("the one that was kept", kept).unwrap();
}

#[test]
fn a_name_that_no_thread_can_have_is_made_one() {
    let pool = Pool::builder("a\0b").build();
    let name = || thread::current().name().unwrap().to_owned();
    assert_eq!(here("a name", pool.spawn(name)).unwrap(), "ab-0");
}
