//! Tasks that any loop may take: pushes against loops that go to sleep, and that end.

use super::super::StealQueues;
use super::*;

/// What a task is told when it is adopted does not matter here: it is never woken.
struct Nowhere;

impl Schedule for Nowhere {
    fn schedule(&self, _: Scheduled) {
        unreachable!("nobody wakes it")
    }
}

struct Loops {
    queues: StealQueues,
    signals: [Notify; 2],
    inboxes: [Inbox; 2],
    ran: Arc<AtomicUsize>,
}

impl Loops {
    fn new() -> Arc<Self> {
        Arc::new(Loops {
            queues: StealQueues::new(2),
            signals: [Notify::new(), Notify::new()],
            inboxes: [Inbox::new(), Inbox::new()],
            ran: Arc::new(AtomicUsize::new(0)),
        })
    }

    /// A task that counts, for whichever loop.
    fn push(&self, index: usize) {
        let ran = self.ran.clone();
        let count = move || async move { ran.fetch_add(1, Ordering::Relaxed) };
        let (entry, handle) = remote(count, Nowhere, Location::caller());
        drop(handle);
        if self.queues.push(index, entry).is_ok() && self.queues.has_sleepers() {
            let _ = (0..2).find(|&index| self.inboxes[index].is_asleep() && self.wake(index));
        }
    }

    fn wake(&self, index: usize) -> bool {
        let woken = self.inboxes[index].nudge() == Pushed::WakeOwner;
        if woken {
            self.signals[index].notify();
        }
        woken
    }

    /// Loop `index`, until so many tasks have run, here or there.
    fn run(&self, index: usize, until: usize) {
        let tasks = OwnedTasks::new();
        while self.ran.load(Ordering::Relaxed) < until {
            let found = self.queues.pop(index).or_else(|| self.queues.steal(index));
            if let Some(entry) = found {
                assert_eq!(tasks.run(entry), Ran::Complete);
                // For the one that looks at the count only after its sleep.
                self.wake(1 - index);
                continue;
            }
            let sleeper = self.queues.sleeper();
            assert_eq!(self.inboxes[index].try_sleep(), Sleep::Announced);
            // The count stands for the request to stop: looked at after the announcement.
            if self.ran.load(Ordering::Relaxed) < until && sleeper.may_sleep() {
                self.signals[index].wait();
            }
            self.inboxes[index].awake();
        }
    }
}

/// The only loop that runs goes to sleep as a task is put into the queue of another.
#[test]
fn loom_a_task_for_any_loop_wakes_one_that_goes_to_sleep() {
    loom::model(|| {
        let loops = Loops::new();
        let pusher = thread::spawn({
            let loops = loops.clone();
            move || loops.push(1)
        });
        loops.run(0, 1);
        pusher.join().unwrap();
    });
}

/// Two loops go to sleep, and a task comes: one of them runs it.
#[test]
fn loom_a_task_for_any_loop_is_run_by_one_of_two() {
    bounded(2, || {
        let loops = Loops::new();
        let other = thread::spawn({
            let loops = loops.clone();
            move || loops.run(1, 1)
        });
        let pusher = thread::spawn({
            let loops = loops.clone();
            move || loops.push(0)
        });
        loops.run(0, 1);
        pusher.join().unwrap();
        other.join().unwrap();
        assert_eq!(loops.ran.load(Ordering::Relaxed), 1);
    });
}

/// A loop is told of a task in another's queue, and leaves instead of looking: it tells the other.
#[test]
fn loom_a_loop_that_was_told_of_a_task_and_leaves_tells_another() {
    bounded(2, || {
        let loops = Loops::new();
        let other = thread::spawn({
            let loops = loops.clone();
            move || loops.run(1, 1)
        });
        let stop = Arc::new(AtomicUsize::new(0));
        let pusher = thread::spawn({
            let (loops, stop) = (loops.clone(), stop.clone());
            move || {
                loops.push(0);
                stop.store(1, Ordering::Relaxed);
                loops.wake(0);
            }
        });
        let sleeper = loops.queues.sleeper();
        assert_eq!(loops.inboxes[0].try_sleep(), Sleep::Announced);
        if stop.load(Ordering::Relaxed) == 0 && sleeper.may_sleep() {
            loops.signals[0].wait();
        }
        loops.inboxes[0].awake();
        drop(sleeper);
        if !loops.queues.is_empty() && loops.queues.has_sleepers() {
            loops.wake(1);
        }
        pusher.join().unwrap();
        other.join().unwrap();
        assert_eq!(loops.ran.load(Ordering::Relaxed), 1);
    });
}

/// A push against the ends of both loops: the task is found by one of those, or given back.
#[test]
fn loom_a_task_for_any_loop_is_not_lost_between_loops_that_end() {
    loom::model(|| {
        let loops = Loops::new();
        let (dropped, counted) = counter();
        let pusher = thread::spawn({
            let loops = loops.clone();
            move || {
                let make = move || async move { drop(counted) };
                let (entry, handle) = remote(make, Nowhere, Location::caller());
                drop(loops.queues.push(0, entry));
                drop(handle);
            }
        });
        for index in 0..2 {
            for entry in loops.queues.close(index) {
                drop(loops.queues.push(index, entry));
            }
        }
        pusher.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}
