//! Notify, Event, Condvar, Barrier: who is told, and who is told when somebody goes away.

use super::{at_once, begun, in_both_forms, waiting};
use ringmill::sync::Notify;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::task::{Context, Wake};

in_both_forms! {
    #[test]
    fn one_notice_is_kept_and_no_more() {
        let notify = sync::Notify::new();
        notify.notify_one();
        notify.notify_one();
        at_once(notify.notified());
        let mut next = waiting(notify.notified());
        notify.notify_one();
        assert!(next.poll().is_some());
        drop(waiting(notify.notified()));
    }

    #[test]
    fn notices_go_to_those_who_wait_in_order() {
        let notify = sync::Notify::new();
        let mut waits: Vec<_> = (0..3).map(|_| waiting(notify.notified())).collect();
        for turn in 0..3 {
            notify.notify_one();
            let wakes: Vec<_> = waits.iter().map(|one| one.wakes()).collect();
            let expected: Vec<_> = (0..3).map(|one| usize::from(one <= turn)).collect();
            assert_eq!(wakes, expected);
        }
        assert!(waits.iter_mut().all(|one| one.poll().is_some()));
        drop(waiting(notify.notified()));
    }

    #[test]
    fn a_notice_for_one_who_goes_away_is_the_next_ones_or_kept() {
        let notify = sync::Notify::new();
        let (first, mut second) = (waiting(notify.notified()), waiting(notify.notified()));
        notify.notify_one();
        drop(first);
        assert!(second.poll().is_some());
        drop(second);
        let only = waiting(notify.notified());
        notify.notify_one();
        drop(only);
        at_once(notify.notified());
        // One who was not told takes nothing along.
        let (gone, mut stays) = (waiting(notify.notified()), waiting(notify.notified()));
        drop(gone);
        notify.notify_one();
        assert!(stays.poll().is_some());
        assert_eq!(notify.waiting(), 0);
    }

    #[test]
    fn enabling_twice_tells_of_a_notice_that_came_in_between() {
        let notify = sync::Notify::new();
        let mut notified = notify.notified();
        assert!(!notified.enable());
        notify.notify_one();
        assert!(notified.enable());
        at_once(&mut notified);
        drop(notified);
        drop(waiting(notify.notified()));
    }

    #[test]
    fn notify_waiters_reaches_all_who_had_begun_and_keeps_nothing() {
        let notify = sync::Notify::new();
        let mut unpolled = begun(notify.notified());
        let mut waits: Vec<_> = (0..40).map(|_| waiting(notify.notified())).collect();
        let told = waiting(notify.notified());
        notify.notify_waiters();
        assert!(waits.iter_mut().all(|one| one.poll().is_some()));
        assert!(unpolled.poll().is_some());
        // It was told with all others: nobody else is owed that.
        drop(told);
        let mut later = waiting(notify.notified());
        assert!(later.poll().is_none());
        let without = sync::Notify::new();
        without.notify_waiters();
        drop(waiting(without.notified()));
    }

    #[test]
    fn one_who_is_enabled_is_in_the_line() {
        let notify = sync::Notify::new();
        let mut enabled = notify.notified();
        assert!(!enabled.enable());
        assert!(!enabled.enable());
        let mut other = waiting(notify.notified());
        notify.notify_one();
        assert!(other.poll().is_none());
        assert!(begun(enabled).poll().is_some());
        notify.notify_one();
        assert!(other.poll().is_some());
        notify.notify_one();
        let mut has = notify.notified();
        assert!(has.enable());
        drop(waiting(notify.notified()));
        assert!(begun(has).poll().is_some());
        let mut unpolled = notify.notified();
        unpolled.enable();
        notify.notify_one();
        drop(unpolled);
        at_once(notify.notified());
    }

    #[test]
    fn an_event_lets_all_pass_once_it_is_set() {
        let event = sync::Event::new();
        let mut unpolled = begun(event.wait());
        let mut waits: Vec<_> = (0..40).map(|_| waiting(event.wait())).collect();
        drop(waits.pop());
        assert_eq!((event.is_set(), event.waiting()), (false, 39));
        event.set();
        event.set();
        assert!(waits.iter_mut().all(|one| one.wakes() == 1 && one.poll().is_some()));
        assert!(unpolled.poll().is_some());
        at_once(event.wait());
        assert_eq!((event.is_set(), event.waiting()), (true, 0));
    }

    #[test]
    fn a_condvar_gives_the_lock_back_and_has_it_again() {
        let (mutex, changed) = (sync::Mutex::new(0), sync::Condvar::new());
        let mut waits = waiting(changed.wait_while(at_once(mutex.lock()), |value| *value < 2));
        for value in 1..3 {
            *mutex.try_lock().expect("given back") = value;
            changed.notify_one();
            assert_eq!(waits.wakes(), value);
            assert_eq!(waits.poll().map(|guard| *guard), (value == 2).then_some(2));
        }
        // Not asked to wait, it does not.
        assert_eq!(*at_once(changed.wait_while(at_once(mutex.lock()), |_| false)), 2);
        // Nobody hears a notice that comes too early.
        changed.notify_one();
        drop(waiting(changed.wait(at_once(mutex.lock()))));
    }

    #[test]
    fn a_condvars_notice_is_passed_on_also_from_the_line_for_the_lock() {
        let (mutex, changed) = (sync::Mutex::new(()), sync::Condvar::new());
        let wait = || waiting(changed.wait(at_once(mutex.lock())));
        let (first, mut second, mut third) = (wait(), wait(), wait());
        changed.notify_one();
        drop(first);
        assert_eq!(second.wakes(), 1);
        let held = at_once(mutex.lock());
        assert!(second.poll().is_none());
        assert_eq!(mutex.statistics().waiting, 1);
        drop(second);
        assert_eq!((third.wakes(), mutex.statistics().waiting), (1, 0));
        drop(held);
        assert!(third.poll().is_some());
        let mut all: Vec<_> = (0..3).map(|_| wait()).collect();
        assert_eq!(changed.waiting(), 3);
        changed.notify_all();
        for one in &mut all {
            drop(one.poll().expect("told, and the lock is free"));
        }
    }

    #[test]
    fn a_barrier_lets_each_company_pass_with_one_leader() {
        let barrier = sync::Barrier::new(3);
        for _ in 0..3 {
            let gone = waiting(barrier.wait());
            let (mut one, mut two) = (waiting(barrier.wait()), begun(barrier.wait()));
            // Who goes away has not come.
            drop(gone);
            assert!(two.poll().is_none());
            assert_eq!(barrier.waiting(), 2);
            assert!(at_once(barrier.wait()).is_leader());
            // The next company does not mix with this one.
            drop(waiting(barrier.wait()));
            assert!(!one.poll().expect("passes").is_leader());
            assert!(!two.poll().expect("passes").is_leader());
        }
        for size in 0..2 {
            assert!(at_once(sync::Barrier::new(size).wait()).is_leader());
        }
    }
}

#[test]
fn a_notice_for_one_is_no_part_of_one_for_all_that_is_under_way() {
    /// Tells one as it is woken by what tells all.
    struct Tells(Weak<Notify>);
    impl Wake for Tells {
        fn wake(self: Arc<Self>) {
            self.0.upgrade().unwrap().notify_one();
        }
    }
    let notify = Arc::new(Notify::new());
    let mut first = Box::pin(notify.notified());
    let tells = Arc::new(Tells(Arc::downgrade(&notify))).into();
    let mut cx = Context::from_waker(&tells);
    assert!(first.as_mut().poll(&mut cx).is_pending());
    // More than are woken in one go.
    let mut others: Vec<_> = (0..40).map(|_| waiting(notify.notified())).collect();
    notify.notify_waiters();
    assert!(others.iter_mut().all(|one| one.poll().is_some()));
    at_once(notify.notified());
    drop(waiting(notify.notified()));
}
