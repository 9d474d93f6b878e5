//! Notices: kept, given to one or to all, passed on; by Notify, Event and Condvar.

use super::*;
use crate::sync::{Barrier, Condvar, Event, Mutex, Notify as Notices};

#[test]
fn loom_notify_a_notice_is_not_lost() {
    bounded(3, || {
        let notify = Arc::new(Notices::new());
        let waits = notify.clone();
        let waits = thread::spawn(move || block_on(waits.notified()));
        notify.notify_one();
        waits.join().unwrap();
    });
}

#[test]
fn loom_notify_two_notices_wake_two() {
    bounded(2, || {
        let notify = Arc::new(Notices::new());
        let (mut one, mut two) = (notify.notified(), notify.notified());
        assert!(!one.enable() && !two.enable());
        let tell = notify.clone();
        let tell = thread::spawn(move || tell.notify_one());
        notify.notify_one();
        block_on(one);
        block_on(two);
        tell.join().unwrap();
    });
}

/// One of two who wait goes away, told or not: the notice reaches the other, or is kept for it.
#[test]
fn loom_notify_who_goes_away_passes_the_notice_on() {
    bounded(3, || {
        let notify = Arc::new(Notices::new());
        let (leaving, staying) = (notify.clone(), notify.clone());
        let leaving = thread::spawn(move || poll_and_drop(leaving.notified()).is_some());
        let staying = thread::spawn(move || block_on(staying.notified()));
        notify.notify_one();
        if leaving.join().unwrap() {
            // It had the notice.
            notify.notify_one();
        }
        staying.join().unwrap();
    });
}

#[test]
fn loom_notify_waiters_reaches_whoever_had_begun() {
    bounded(3, || {
        let notify = Arc::new(Notices::new());
        let begun = notify.notified();
        let tell = notify.clone();
        let tell = thread::spawn(move || {
            tell.notify_waiters();
            tell.notify_waiters();
        });
        block_on(begun);
        tell.join().unwrap();
        assert!(poll_and_drop(notify.notified()).is_none());
    });
}

#[test]
fn loom_event_whoever_waits_passes() {
    bounded(3, || {
        let event = Arc::new(Event::new());
        let waits = [event.clone(), event.clone()]
            .map(|event| thread::spawn(move || block_on(event.wait())));
        event.set();
        for one in waits {
            one.join().unwrap();
        }
    });
}

#[test]
fn loom_condvar_a_change_is_seen() {
    bounded(2, || {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let waits = shared.clone();
        let waits = thread::spawn(move || {
            block_on(async {
                let (ready, changed) = &*waits;
                let ready = changed
                    .wait_while(ready.lock().await, |ready| !*ready)
                    .await;
                assert!(*ready);
            });
        });
        *block_on(shared.0.lock()) = true;
        shared.1.notify_one();
        waits.join().unwrap();
    });
}

#[test]
fn loom_barrier_a_company_has_one_leader() {
    bounded(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let other = barrier.clone();
        let other = thread::spawn(move || {
            [(); 2].map(|()| usize::from(block_on(other.wait()).is_leader()))
        });
        let ours = [(); 2].map(|()| usize::from(block_on(barrier.wait()).is_leader()));
        let theirs = other.join().unwrap();
        assert_eq!([ours[0] + theirs[0], ours[1] + theirs[1]], [1, 1]);
    });
}
