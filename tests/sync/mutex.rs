//! Mutex: handed over in order, and whole after whatever happens to those who wait.

use super::{at_once, begun, in_both_forms, waiting};

in_both_forms! {
    #[test]
    fn a_lock_goes_to_those_who_wait_in_order() {
        let mutex = sync::Mutex::new(Vec::new());
        let first = at_once(mutex.lock());
        let mut others: Vec<_> = (0..5).map(|_| waiting(mutex.lock())).collect();
        assert_eq!(mutex.statistics().waiting, 5);
        drop(first);
        for turn in 0..others.len() {
            let wakes: Vec<_> = others.iter().map(|other| other.wakes()).collect();
            let expected: Vec<_> = (0..5).map(|other| usize::from(other <= turn)).collect();
            assert_eq!(wakes, expected);
            // Nobody else gets it, whoever asks first.
            for other in &mut others[turn + 1..] {
                assert!(other.poll().is_none());
            }
            let mut guard = others[turn].poll().expect("its turn");
            guard.push(turn);
        }
        drop(others);
        assert_eq!(mutex.into_inner(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn nobody_overtakes_one_who_is_owed_the_lock() {
        let mutex = sync::Mutex::new(());
        let held = mutex.try_lock().unwrap();
        let mut owed = waiting(mutex.lock());
        drop(held);
        assert!(mutex.try_lock().is_err());
        assert!(mutex.is_locked());
        let mut late = waiting(mutex.lock());
        drop(owed.poll().expect("its turn"));
        assert!(mutex.try_lock().is_err());
        drop(late.poll().expect("its turn"));
        drop(mutex.try_lock().expect("nobody wants it"));
        assert!(!mutex.is_locked());
    }

    #[test]
    fn who_goes_away_leaves_the_lock_to_the_next() {
        let mutex = sync::Mutex::new(());
        let held = at_once(mutex.lock());
        // Never polled, the first of those who wait, one in the middle, the last, one with the lock.
        drop(begun(mutex.lock()));
        let (first, mut second) = (waiting(mutex.lock()), waiting(mutex.lock()));
        let (middle, fourth) = (waiting(mutex.lock()), waiting(mutex.lock()));
        let (fifth, last) = (waiting(mutex.lock()), waiting(mutex.lock()));
        drop((first, middle, last));
        assert_eq!(mutex.statistics().waiting, 3);
        drop(held);
        drop(second.poll().expect("the first that is left"));
        // Handed over, and not taken.
        assert_eq!((fourth.wakes(), fifth.wakes()), (1, 0));
        drop(fourth);
        assert_eq!(fifth.wakes(), 1);
        drop(fifth);
        drop(mutex.try_lock().expect("nobody is left"));
        assert_eq!(mutex.statistics().waiting, 0);
    }

    #[test]
    fn a_future_that_has_its_guard_owes_nothing() {
        let mutex = sync::Mutex::new(());
        let mut asked = begun(mutex.lock());
        let guard = asked.poll().expect("free");
        drop(asked);
        assert!(mutex.try_lock().is_err());
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    }

    #[test]
    fn owned_guards_keep_the_mutex() {
        let mutex = Counted::new(sync::Mutex::new(1));
        let mut guard = mutex.clone().try_lock_owned().unwrap();
        let mut next = waiting(mutex.clone().lock_owned());
        assert!(mutex.clone().try_lock_owned().is_err());
        drop(mutex);
        *guard += 1;
        drop(guard);
        let guard = next.poll().expect("its turn");
        assert_eq!(*guard, 2);
        assert_eq!(Counted::strong_count(sync::OwnedMutexGuard::mutex(&guard)), 1);
    }

    #[test]
    fn a_value_of_any_size_is_lent_and_given_back() {
        let mut mutex: Box<sync::Mutex<[u8]>> = Box::new(sync::Mutex::new([1, 2, 3]));
        mutex.get_mut()[0] = 7;
        assert_eq!(&*at_once(mutex.lock()), [7, 2, 3]);
        let shown = sync::Mutex::new(5);
        assert_eq!(format!("{shown:?}"), "Mutex { value: 5 }");
        let held = at_once(shown.lock());
        assert_eq!(format!("{shown:?} {held:?}"), "Mutex { .. } 5");
        assert_eq!(sync::MutexGuard::mutex(&held).statistics().holders, 1);
        drop(held);
        assert_eq!(sync::Mutex::<u8>::default().into_inner(), 0);
    }

    #[test]
    fn a_wake_up_reaches_the_waker_of_the_latest_poll() {
        let mutex = sync::Mutex::new(());
        let held = at_once(mutex.lock());
        let mut waits = waiting(mutex.lock());
        let before = std::mem::take(&mut waits.wakes);
        assert!(waits.poll().is_none());
        drop(held);
        assert_eq!((before.0.load(std::sync::atomic::Ordering::SeqCst), waits.wakes()), (0, 1));
        assert!(waits.poll().is_some());
    }
}

/// What may go to another thread, and what may be shared with one.
#[test]
fn guards_cross_threads_as_their_values_may() {
    use ringmill::sync::{MutexGuard, OwnedMutexGuard, RwLock, RwLockReadGuard};
    use std::cell::Cell;

    fn sends<T: Send>() {}
    fn shares<T: Sync>() {}
    sends::<ringmill::sync::Mutex<Cell<u8>>>();
    shares::<ringmill::sync::Mutex<Cell<u8>>>();
    sends::<MutexGuard<'_, Cell<u8>>>();
    sends::<OwnedMutexGuard<Cell<u8>>>();
    shares::<MutexGuard<'_, u8>>();
    shares::<RwLock<u8>>();
    sends::<RwLockReadGuard<'_, u8>>();
    sends::<ringmill::sync::local::Mutex<u8>>();
}
