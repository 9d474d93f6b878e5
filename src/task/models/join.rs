//! The join handle, on another thread than the task.

use super::*;

#[test]
fn loom_a_joiner_on_another_thread_gets_the_output() {
    loom::model(|| {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let (entry, handle) = tasks.spawn(
            async { Box::new(7) },
            scheduler(&shared),
            Location::caller(),
        );
        let joiner = thread::spawn(move || join(handle).unwrap());
        assert_eq!(tasks.run(entry), Ran::Complete);
        assert_eq!(*joiner.join().unwrap(), 7);
    });
}

/// The joiner changes its waker while the task completes; the last one is woken, and neither is
/// leaked.
#[test]
fn loom_a_joiner_that_changes_its_waker_is_woken_through_the_new_one() {
    loom::model(|| {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let (entry, mut handle) = tasks.spawn(
            async { Box::new(7) },
            scheduler(&shared),
            Location::caller(),
        );
        let (first_parked, first) = parked();
        let first_poll = poll(&mut handle, &first);
        assert!(first_poll.is_pending());
        let joiner = thread::spawn(move || {
            // The same again: the slot is only compared with.
            match poll(&mut handle, &first) {
                Poll::Ready(output) => output.unwrap(),
                Poll::Pending => join(handle).unwrap(),
            }
        });
        assert_eq!(tasks.run(entry), Ran::Complete);
        assert_eq!(*joiner.join().unwrap(), 7);
        assert_eq!(
            std::sync::Arc::strong_count(&first_parked),
            1,
            "a waker outlived the joiner"
        );
    });
}

/// The handle goes while the task completes: its output is dropped once, on whichever side, and so
/// is the joiner's waker, even while somebody still keeps a waker of the task.
#[test]
fn loom_a_handle_dropped_during_completion_drops_output_and_waker_once() {
    for polled_before in [false, true] {
        loom::model(move || {
            let shared = Shared::new();
            let tasks = OwnedTasks::new();
            let (dropped, counted) = counter();
            let (send, stray) = loom::sync::mpsc::channel();
            let mut counted = Some(counted);
            let future = poll_fn(move |cx| {
                send.send(cx.waker().clone()).unwrap();
                Poll::Ready(counted.take())
            });
            let (entry, mut handle) = tasks.spawn(future, scheduler(&shared), Location::caller());
            let (parked, waker) = parked();
            if polled_before {
                assert!(poll(&mut handle, &waker).is_pending());
            }
            let leaving = thread::spawn(move || {
                if !polled_before {
                    let _ = poll(&mut handle, &waker).map(Result::unwrap);
                }
                drop(handle);
            });
            assert_eq!(tasks.run(entry), Ran::Complete);
            leaving.join().unwrap();
            assert_eq!(dropped.load(Ordering::Relaxed), 1);
            assert_eq!(
                std::sync::Arc::strong_count(&parked),
                1,
                "a waker outlived the joiner"
            );
            drop(stray.recv().unwrap());
        });
    }
}

/// The last references go on two threads, neither of which has used what the other used last.
#[test]
fn loom_the_last_reference_is_ordered_after_all_others() {
    loom::model(|| {
        let shared = Shared::new();
        let tasks = OwnedTasks::new();
        let (entry, handle) = tasks.spawn(async { 7 }, scheduler(&shared), Location::caller());
        let abort = handle.abort_handle();
        let others = [
            thread::spawn(move || drop(handle)),
            thread::spawn(move || drop(abort)),
        ];
        assert_eq!(tasks.run(entry), Ran::Complete);
        for other in others {
            other.join().unwrap();
        }
    });
}
