//! Whoever panics, wherever: it ends one task, comes back through its handle, and the loop goes on.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::task::Wake;

/// Panics when dropped; not while another panic unwinds, which would abort the process by the
/// language's own rule.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic_any(self.0);
        }
    }
}

/// The loop still runs tasks, and nothing of the last one is left.
fn assert_goes_on(on: &Loop) {
    assert_eq!(on.tasks.len(), 0);
    let handle = on.spawn(async { 7 });
    let _ = on.run();
    assert_eq!(output(handle).unwrap(), 7);
    assert_eq!(Arc::strong_count(&on.shared), 1);
}

fn message(error: JoinError) -> &'static str {
    *error.into_panic().downcast::<&'static str>().unwrap()
}

#[test]
fn a_panic_in_a_poll_comes_back_through_the_handle() {
    let on = Loop::new();
    let drops = Drops::default();
    let guard = drops.guard();
    let handle = on.spawn(async move {
        let _guard = guard;
        panic!("boom");
    });
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!(drops.count(), 1);
    assert_eq!(message(output::<()>(handle).unwrap_err()), "boom");
    assert_goes_on(&on);
}

#[test]
fn a_panic_in_a_remote_closure_comes_back_through_the_handle() {
    let on = Loop::new();
    let make = || -> std::future::Ready<()> { panic!("boom") };
    let (entry, handle) = remote(make, on.scheduler(), Location::caller());
    assert_eq!(on.tasks.run(entry), Ran::Complete);
    assert_eq!(message(output(handle).unwrap_err()), "boom");
    assert_goes_on(&on);
}

#[test]
fn a_panic_in_the_drop_of_a_cancelled_future_comes_back_through_the_handle() {
    let on = Loop::new();
    let bomb = Bomb("bomb");
    let handle = on.spawn(async move {
        let _bomb = bomb;
        std::future::pending::<()>().await;
    });
    assert_eq!(on.run(), [Ran::Pending]);
    handle.abort();
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!(message(output(handle).unwrap_err()), "bomb");
    assert_goes_on(&on);
}

#[test]
fn a_panic_in_the_drop_of_a_finished_future_takes_the_place_of_its_output() {
    let on = Loop::new();
    let drops = Drops::default();
    let (bomb, mut guard) = (Bomb("bomb"), Some(drops.guard()));
    let handle = on.spawn(poll_fn(move |_| {
        let _ = &bomb;
        Poll::Ready(guard.take())
    }));
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!(drops.count(), 1);
    assert_eq!(message(output(handle).map(drop).unwrap_err()), "bomb");
    assert_goes_on(&on);
}

#[test]
fn a_panic_in_the_drop_of_a_closed_lists_future_is_contained() {
    let on = Loop::new();
    let bombs = [Bomb("one"), Bomb("two")];
    let handles = bombs.map(|bomb| {
        on.spawn(async move {
            let _bomb = bomb;
            std::future::pending::<()>().await;
        })
    });
    assert_eq!(on.run(), [Ran::Pending, Ran::Pending]);
    on.tasks.close();
    assert_eq!(on.tasks.len(), 0);
    assert_eq!(
        handles.map(|handle| message(output(handle).unwrap_err())),
        ["one", "two"]
    );
}

#[test]
fn a_panic_in_the_drop_of_an_output_is_contained() {
    let on = Loop::new();
    let detached = on.spawn(async { Bomb("bomb") });
    drop(detached);
    assert_eq!(on.run(), [Ran::Complete]);
    assert_goes_on(&on);

    let dropped_later = on.spawn(async { Bomb("bomb") });
    assert_eq!(on.run(), [Ran::Complete]);
    drop(dropped_later);
    assert_goes_on(&on);
}

#[test]
fn a_payload_that_panics_when_dropped_is_contained() {
    let on = Loop::new();
    drop(on.spawn(async { panic_any(Bomb("bomb")) }));
    assert_eq!(on.run(), [Ran::Complete]);
    assert_goes_on(&on);
}

#[test]
fn a_joiner_whose_waker_panics_harms_only_itself() {
    struct BombWaker;

    impl Wake for BombWaker {
        fn wake(self: Arc<Self>) {
            panic!("bomb");
        }
    }

    let on = Loop::new();
    let bomb = Arc::new(BombWaker);
    let mut handle = on.spawn(async { 7 });
    assert!(poll(&mut handle, &Waker::from(bomb.clone())).is_pending());
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!(output(handle).unwrap(), 7);
    assert_eq!(Arc::strong_count(&bomb), 1);
    assert_goes_on(&on);
}

#[test]
fn a_closure_that_panics_when_dropped_undelivered_is_contained() {
    let on = Loop::new();
    let shared = on.shared.clone();
    drop(on);
    let bomb = Bomb("bomb");
    let make = move || async move { drop(bomb) };
    let (entry, handle) = remote(make, ToInbox(shared.clone()), Location::caller());
    assert_eq!(shared.push(entry), Pushed::Closed);
    assert_eq!(message(output(handle).unwrap_err()), "bomb");
    assert_eq!(Arc::strong_count(&shared), 1);
}

#[test]
#[should_panic = "polled after it returned the output"]
fn a_handle_polled_after_its_output_panics() {
    let on = Loop::new();
    let mut handle = on.spawn(async {});
    let _ = on.run();
    assert!(poll(&mut handle, Waker::noop()).is_ready());
    let _ = poll(&mut handle, Waker::noop());
}

#[test]
#[should_panic = "a loop that does not own it"]
fn a_loop_refuses_to_run_the_task_of_another() {
    let (on, other) = (Loop::new(), Loop::new());
    let (entry, _handle) = on.tasks.spawn(async {}, on.scheduler(), Location::caller());
    let _ = other.tasks.run(entry);
}

#[test]
fn a_loop_refuses_to_run_or_close_from_within_a_task() {
    let on = Rc::new(Loop::new());
    let inner = on.clone();
    let handle = on.spawn(async move {
        let refused = catch_unwind(AssertUnwindSafe(|| inner.tasks.close())).is_err();
        let nested = inner.spawn(async {});
        (
            refused && catch_unwind(AssertUnwindSafe(|| inner.run())).is_err(),
            nested,
        )
    });
    assert_eq!(on.run(), [Ran::Complete]);
    assert!(output(handle).unwrap().0);
}
