//! One thread: from spawn to output, by every way out.

use super::*;
use std::cell::RefCell;

use crate::task::{AbortHandle, AbortOnDrop, ReadyQueue};

#[test]
fn an_output_comes_back_through_the_handle() {
    let on = Loop::new();
    let text = Rc::new(String::from("not Send"));
    let handle = on.spawn({
        let text = text.clone();
        async move { text }
    });
    assert!(!handle.is_finished());
    assert_eq!(on.tasks.len(), 1);
    assert_eq!(on.run(), [Ran::Complete]);
    assert!(handle.is_finished());
    assert_eq!(on.tasks.len(), 0);
    assert_eq!(*output(handle).unwrap(), "not Send");
    assert_eq!(Rc::strong_count(&text), 1);
}

#[test]
fn a_task_that_awaits_another_is_woken_by_its_end() {
    let on = Loop::new();
    let probe = Probe::default();
    let inner = on.spawn(probe.future());
    let abort = inner.abort_handle();
    let outer = on.spawn(inner);
    assert_eq!(on.run(), [Ran::Pending, Ran::Pending]);
    abort.abort();
    assert_eq!(on.run(), [Ran::Complete, Ran::Complete]);
    assert!(output(outer).unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_wake_runs_a_task_once_however_often_it_is_repeated() {
    let on = Loop::new();
    let probe = Probe::default();
    let _handle = on.spawn(probe.future());
    assert_eq!(on.run(), [Ran::Pending]);
    let waker = probe.waker();
    waker.wake_by_ref();
    waker.wake_by_ref();
    let clone = waker.clone();
    clone.wake();
    assert_eq!(on.run(), [Ran::Pending]);
    assert_eq!(probe.polls.get(), 2);
    assert!(waker.will_wake(&probe.waker()));
}

#[test]
fn a_wake_during_its_own_poll_runs_the_task_again() {
    let on = Loop::new();
    let mut polls = 0;
    let handle = on.spawn(poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 3 {
            Poll::Ready(polls)
        } else {
            Poll::Pending
        }
    }));
    // The wake of the last poll has left an entry, which finds the task complete.
    assert_eq!(
        on.run(),
        [Ran::Pending, Ran::Pending, Ran::Complete, Ran::Stale]
    );
    assert_eq!(output(handle).unwrap(), 3);
}

#[test]
fn a_waker_outlives_task_and_loop_and_does_nothing() {
    let probe = Probe::default();
    let on = Loop::new();
    drop(on.spawn(probe.future()));
    assert_eq!(on.run(), [Ran::Pending]);
    let waker = probe.waker();
    let shared = Arc::downgrade(&on.shared);
    drop(on);
    waker.wake_by_ref();
    assert!(shared.upgrade().unwrap().inbox.is_empty());
    waker.wake();
    assert!(shared.upgrade().is_none(), "the task was leaked");
}

#[test]
fn a_dropped_handle_detaches_and_the_output_is_dropped_on_the_loop() {
    let on = Loop::new();
    let drops = Drops::default();
    let guard = drops.guard();
    drop(on.spawn(async move { guard }));
    assert_eq!(drops.count(), 0);
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!(drops.count(), 1);
    assert_eq!(Arc::strong_count(&on.shared), 1);
}

#[test]
fn an_output_that_nobody_takes_is_dropped_with_the_handle() {
    let on = Loop::new();
    let drops = Drops::default();
    let guard = drops.guard();
    let handle = on.spawn(async move { guard });
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!(drops.count(), 0);
    drop(handle);
    assert_eq!(drops.count(), 1);
    assert_eq!(Arc::strong_count(&on.shared), 1);
}

#[test]
fn an_abort_before_the_first_poll_drops_the_future_unpolled() {
    let on = Loop::new();
    let (probe, drops) = (Probe::default(), Drops::default());
    let (future, guard) = (probe.future(), drops.guard());
    let handle = on.spawn(async move {
        let _guard = guard;
        future.await;
    });
    handle.abort();
    handle.abort();
    assert_eq!(drops.count(), 0, "the future is dropped on its loop");
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!((probe.polls.get(), drops.count()), (0, 1));
    assert!(output(handle).unwrap_err().is_cancelled());
}

#[test]
fn an_abort_of_a_waiting_task_needs_no_other_wake() {
    let on = Loop::new();
    let (probe, drops) = (Probe::default(), Drops::default());
    let (future, guard) = (probe.future(), drops.guard());
    let handle = on.spawn(async move {
        let _guard = guard;
        future.await;
    });
    assert_eq!(on.run(), [Ran::Pending]);
    handle.abort_handle().clone().abort();
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!((probe.polls.get(), drops.count()), (1, 1));
    assert!(output(handle).unwrap_err().is_cancelled());
}

#[test]
fn an_abort_of_a_finished_task_keeps_its_output() {
    let on = Loop::new();
    let handle = on.spawn(async { 7 });
    let abort: AbortHandle = handle.abort_handle();
    assert!(!abort.is_finished());
    assert_eq!(on.run(), [Ran::Complete]);
    assert!(abort.is_finished());
    abort.abort();
    handle.abort();
    assert_eq!(on.run(), []);
    assert_eq!(output(handle).unwrap(), 7);
}

#[test]
fn abort_on_drop_aborts_unless_it_is_disarmed_or_done() {
    let on = Loop::new();
    let kept: AbortOnDrop<_> = on.spawn(async { 7 }).abort_on_drop();
    let disarmed = on.spawn(async { 8 }).abort_on_drop().disarm();
    let probe = Probe::default();
    let dropped = on.spawn(probe.future()).abort_on_drop();
    let abort = dropped.abort_handle();
    assert_eq!(on.run(), [Ran::Complete, Ran::Complete, Ran::Pending]);
    drop(dropped);
    assert!(!abort.is_finished());
    assert_eq!(on.run(), [Ran::Complete]);
    assert!(abort.is_finished());
    assert!(kept.is_finished());
    assert_eq!(
        poll(&mut { kept }, Waker::noop()).map(Result::unwrap),
        Poll::Ready(7)
    );
    assert_eq!(output(disarmed).unwrap(), 8);
}

#[test]
fn a_handle_tells_where_its_task_was_spawned() {
    let on = Loop::new();
    let mut handle = on.spawn(async {});
    let shown = format!("{handle:?} {:?}", handle.abort_handle());
    assert!(
        shown.contains("JoinHandle") && shown.contains(file!()),
        "{shown}"
    );
    let _ = on.run();
    assert!(poll(&mut handle, Waker::noop()).is_ready());
    handle.abort();
    handle.abort_handle().abort();
    assert!(handle.is_finished() && handle.abort_handle().is_finished());
    assert!(format!("{handle:?}").contains("finished: true"));
}

#[test]
fn close_cancels_the_living_and_whatever_their_destructors_spawn() {
    struct SpawnOnDrop(Rc<Loop>, Rc<RefCell<Vec<JoinHandle<()>>>>);

    impl Drop for SpawnOnDrop {
        fn drop(&mut self) {
            let handle = self.0.spawn(async { panic!("this must not run") });
            self.1.borrow_mut().push(handle);
        }
    }

    let on = Rc::new(Loop::new());
    let late = Rc::default();
    let (probe, guard) = (Probe::default(), SpawnOnDrop(on.clone(), Rc::clone(&late)));
    let future = probe.future();
    let handle = on.spawn(async move {
        let _guard = guard;
        future.await;
    });
    assert_eq!(on.run(), [Ran::Pending]);
    probe.waker().wake();
    on.tasks.close();
    assert_eq!(on.tasks.len(), 0);
    assert!(output(handle).unwrap_err().is_cancelled());
    assert!(
        output(late.borrow_mut().pop().unwrap())
            .unwrap_err()
            .is_cancelled()
    );
    assert_eq!(on.run(), [Ran::Stale, Ran::Stale]);
}

#[test]
fn a_scoped_future_may_borrow_and_is_gone_when_the_scope_is() {
    let on = Loop::new();
    let (mut sum, drops) = (0, Drops::default());
    let future = async {
        let _guard = drops.guard();
        sum += 7;
        std::future::pending::<()>().await;
    };
    let ran = on.tasks.scoped(
        future,
        on.scheduler(),
        Location::caller(),
        |entry, mut handle| {
            let _: Pushed = on.shared.push(entry);
            let ran = on.run();
            assert!(poll(&mut handle, Waker::noop()).is_pending());
            ran
        },
    );
    assert_eq!((ran, drops.count(), sum), (vec![Ran::Pending], 1, 7));
    assert_eq!(on.tasks.len(), 0);
    assert_eq!(Arc::strong_count(&on.shared), 1);

    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let guard = drops.guard();
        let future = async move { drop(guard) };
        on.tasks.scoped(
            future,
            on.scheduler(),
            Location::caller(),
            |_entry, _handle| panic!("boom"),
        )
    }));
    assert!(unwound.is_err());
    assert_eq!(drops.count(), 2);
    assert_eq!(Arc::strong_count(&on.shared), 1);
}

#[test]
fn an_undeliverable_closure_is_dropped_and_its_handle_told() {
    let on = Loop::new();
    let drops = Drops::default();
    let shared = on.shared.clone();
    drop(on);
    let guard = drops.guard();
    let make = move || async move { drop(guard) };
    let (entry, handle) = remote(make, ToInbox(shared.clone()), Location::caller());
    assert!(entry.is_new());
    assert_eq!(shared.push(entry), Pushed::Closed);
    assert_eq!(drops.count(), 1);
    assert!(output(handle).unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&shared), 1);
}

#[test]
fn a_remote_task_is_adopted_by_its_first_run_and_no_other() {
    let on = Loop::new();
    let made = Arc::new(AtomicUsize::new(0));
    let make = {
        let made = made.clone();
        move || {
            made.fetch_add(1, Ordering::Relaxed);
            let mut polls = 0;
            poll_fn(move |cx| {
                polls += 1;
                cx.waker().wake_by_ref();
                if polls < 3 {
                    Poll::Pending
                } else {
                    Poll::Ready(polls)
                }
            })
        }
    };
    let (entry, handle) = remote(make, on.scheduler(), Location::caller());
    assert!(entry.is_new());
    assert_eq!((on.tasks.len(), made.load(Ordering::Relaxed)), (0, 0));
    assert_eq!(on.tasks.run(entry), Ran::Pending);
    assert_eq!((on.tasks.len(), made.load(Ordering::Relaxed)), (1, 1));
    assert_eq!(on.run(), [Ran::Pending, Ran::Complete, Ran::Stale]);
    assert_eq!((on.tasks.len(), made.load(Ordering::Relaxed)), (0, 1));
    assert_eq!(output(handle).unwrap(), 3);
}

#[test]
fn an_entry_dropped_for_good_leaves_the_task_to_its_owner() {
    let on = Loop::new();
    let (entry, handle) = on.tasks.spawn(async {}, on.scheduler(), Location::caller());
    let queue = ReadyQueue::new();
    queue.push_back(entry);
    drop(queue);
    assert!(!handle.is_finished());
    on.tasks.close();
    assert!(output(handle).unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&on.shared), 1);
}

#[test]
fn the_list_of_the_living_forgets_from_either_end_and_the_middle() {
    for aborted in 0..3 {
        let on = Loop::new();
        let handles: Vec<_> = (0..3)
            .map(|_| on.spawn(std::future::pending::<()>()))
            .collect();
        assert_eq!(on.run(), [Ran::Pending; 3]);
        handles[aborted].abort();
        assert_eq!(on.run(), [Ran::Complete]);
        assert_eq!(on.tasks.len(), 2);
        on.tasks.close();
        assert!(handles.iter().all(JoinHandle::is_finished));
        assert_eq!(on.tasks.len(), 0);
    }
}

#[test]
fn a_task_costs_little_more_than_its_future() {
    use crate::task::cell::TaskCell;

    // The future here is smaller than its output: 24 bytes for `Result<(), JoinError>`.
    type Smallest = TaskCell<std::future::Ready<()>, ToInbox>;
    assert!(
        size_of::<Smallest>() <= 88 + 24,
        "{}",
        size_of::<Smallest>()
    );
    type Large = TaskCell<std::future::Ready<[u64; 100]>, ToInbox>;
    assert!(size_of::<Large>() <= 88 + 808, "{}", size_of::<Large>());
}
