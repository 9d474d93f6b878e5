//! Wakes against polls, aborts, completion and shutdown.

use super::*;

/// Two threads each set a flag, without any ordering of its own, and wake: the last poll sees both.
#[test]
fn loom_no_wake_is_lost_and_each_shows_what_came_before_it() {
    bounded(2, || {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let flags = [
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        ];
        let (dropped, counted) = counter();
        let start = {
            let flags = flags.clone();
            move |waker: Waker| {
                for (flag, waker) in flags.clone().into_iter().zip([waker.clone(), waker]) {
                    thread::spawn(move || {
                        flag.store(true, Ordering::Relaxed);
                        waker.wake();
                    });
                }
            }
        };
        let done = move || flags.iter().all(|flag| flag.load(Ordering::Relaxed));
        let (entry, handle) = tasks.spawn(
            waits(start, done, counted),
            scheduler(&shared),
            Location::caller(),
        );
        let _: Pushed = shared.push(entry);
        shared.run(&tasks, || handle.is_finished());
        shared.shut_down(&tasks);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert_eq!(join(handle).unwrap(), 7);
    });
}

/// A thread wakes, another aborts, while the owner polls and may complete: one end, one drop,
/// nothing leaked.
#[test]
fn loom_wake_and_abort_and_completion_agree_on_one_end() {
    bounded(2, || {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let flag = Arc::new(AtomicBool::new(false));
        let (dropped, counted) = counter();
        let start = {
            let flag = flag.clone();
            move |waker: Waker| {
                let flag = flag.clone();
                thread::spawn(move || {
                    let other = waker.clone();
                    flag.store(true, Ordering::Relaxed);
                    waker.wake_by_ref();
                    drop(waker);
                    other.wake();
                });
            }
        };
        let done = move || flag.load(Ordering::Relaxed);
        let (entry, handle) = tasks.spawn(
            waits(start, done, counted),
            scheduler(&shared),
            Location::caller(),
        );
        let _: Pushed = shared.push(entry);
        let abort: AbortHandle = handle.abort_handle();
        let aborter = thread::spawn(move || abort.abort());
        shared.run(&tasks, || handle.is_finished());
        shared.shut_down(&tasks);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        match join(handle) {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        aborter.join().unwrap();
        assert_eq!(tasks.len(), 0);
    });
}

/// The owner shuts down while a wake is on its way: the entry, if there is one, ends in the inbox's
/// hands, in the owner's, or in the waker's, and each releases the cell.
#[test]
fn loom_shutdown_against_a_wake_frees_the_task_once() {
    loom::model(|| {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let (dropped, counted) = counter();
        let (send, receive) = loom::sync::mpsc::channel();
        let start = move |waker: Waker| send.send(waker).unwrap();
        let (entry, handle) = tasks.spawn(
            waits(start, || false, counted),
            scheduler(&shared),
            Location::caller(),
        );
        drop(handle);
        assert_eq!(tasks.run(entry), Ran::Pending);
        let waker = receive.recv().unwrap();
        let waking = thread::spawn(move || waker.wake());
        shared.run_arrived(&tasks);
        shared.shut_down(&tasks);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        waking.join().unwrap();
    });
}

/// A stale entry is dropped by the thread that could not deliver it while the owner still wakes the
/// joiner.
#[test]
fn loom_an_undelivered_wake_leaves_the_joiner_its_waker() {
    bounded(2, || {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let (send, receive) = loom::sync::mpsc::channel();
        let start = move |waker: Waker| send.send(waker).unwrap();
        let (entry, mut handle) = tasks.spawn(
            waits(start, || false, ()),
            scheduler(&shared),
            Location::caller(),
        );
        assert_eq!(tasks.run(entry), Ran::Pending);
        let (_parked, joiner) = parked();
        assert!(poll(&mut handle, &joiner).is_pending());
        drop(shared.inbox.close());
        let waker = receive.recv().unwrap();
        let waking = thread::spawn(move || waker.wake());
        let leaving = thread::spawn(move || drop(handle));
        tasks.close();
        waking.join().unwrap();
        leaving.join().unwrap();
        drop(joiner);
    });
}
