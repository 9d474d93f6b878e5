//! The inbox: pushes and nudges against an owner that sleeps or goes.

use super::*;

/// Two threads push; the owner sleeps whenever it may, and runs both.
#[test]
fn loom_pushes_to_a_sleeping_owner_are_never_lost() {
    bounded(3, || {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let ran = Arc::new(AtomicUsize::new(0));
        let pushers: Vec<_> = (0..2)
            .map(|_| {
                let (shared, ran) = (shared.clone(), ran.clone());
                thread::spawn(move || {
                    let count = move || async move { ran.fetch_add(1, Ordering::Relaxed) };
                    let (entry, handle) = remote(count, scheduler(&shared), Location::caller());
                    drop(handle);
                    shared.push(entry)
                })
            })
            .collect();
        shared.run(&tasks, || ran.load(Ordering::Relaxed) == 2);
        for pusher in pushers {
            assert_ne!(pusher.join().unwrap(), Pushed::Closed);
        }
        assert!(shared.inbox.is_empty());
    });
}

/// The owner sleeps before anybody pushes: exactly one of the pushers is told to wake it.
#[test]
fn loom_exactly_one_pusher_wakes_a_sleeping_owner() {
    loom::model(|| {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        assert_eq!(shared.inbox.try_sleep(), Sleep::Announced);
        let pushers: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let (entry, handle) =
                        remote(|| async {}, scheduler(&shared), Location::caller());
                    drop(handle);
                    shared.inbox.push(entry)
                })
            })
            .collect();
        let told = pushers.into_iter().map(|pusher| pusher.join().unwrap());
        assert_eq!(
            told.filter(|pushed| *pushed == Pushed::WakeOwner).count(),
            1
        );
        assert_eq!(shared.inbox.take().len(), 2);
        drop(tasks);
    });
}

/// A push against the end of the owner: the task is run by it, or its closure dropped, and its
/// handle is told.
#[test]
fn loom_a_push_against_close_is_run_or_cancelled() {
    loom::model(|| {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let (dropped, counted) = counter();
        let pusher = {
            let shared = shared.clone();
            thread::spawn(move || {
                let make = move || async move { drop(counted) };
                let (entry, handle) = remote(make, scheduler(&shared), Location::caller());
                let pushed = shared.push(entry);
                (pushed, join(handle))
            })
        };
        let late = shared.inbox.close();
        let arrived = late.len();
        while let Some(entry) = late.pop_front() {
            assert_eq!(tasks.run(entry), Ran::Complete);
        }
        let (pushed, output) = pusher.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        match pushed {
            Pushed::Queued => assert!(arrived == 1 && output.is_ok()),
            Pushed::Closed => assert!(arrived == 0 && output.unwrap_err().is_cancelled()),
            Pushed::WakeOwner => unreachable!("the owner never slept"),
        }
    });
}

/// A flag is set, then the owner nudged: an owner that announces first and looks second never
/// sleeps through it.
#[test]
fn loom_a_nudged_owner_sees_the_flag() {
    loom::model(|| {
        let shared = Shared::new();
        let flag = Arc::new(AtomicBool::new(false));
        let nudger = {
            let (shared, flag) = (shared.clone(), flag.clone());
            thread::spawn(move || {
                flag.store(true, Ordering::Relaxed);
                shared.signal_if(shared.inbox.nudge());
            })
        };
        loop {
            let announced = shared.inbox.try_sleep();
            assert_eq!(announced, Sleep::Announced);
            let seen = flag.load(Ordering::Relaxed);
            if !seen {
                shared.signal.wait();
            }
            shared.inbox.awake();
            if seen {
                break;
            }
        }
        nudger.join().unwrap();
    });
}
