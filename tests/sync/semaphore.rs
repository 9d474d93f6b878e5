//! Semaphore: permits by number, nobody overtaken, none lost.

use super::{at_once, in_both_forms, waiting};
use ringmill::sync::TryAcquireError;

in_both_forms! {
    #[test]
    fn who_needs_many_is_not_starved_by_those_who_need_few() {
        let semaphore = sync::Semaphore::new(4);
        let mut out: Vec<_> = (0..4).map(|_| at_once(semaphore.acquire()).unwrap()).collect();
        let mut large = waiting(semaphore.acquire_many(3));
        let mut small: Vec<_> = (0..3).map(|_| waiting(semaphore.acquire())).collect();
        for back in 1..3 {
            drop(out.pop());
            // They are kept for the large one.
            assert!(large.poll().is_none());
            assert!(small.iter_mut().all(|one| one.poll().is_none()));
            assert_eq!(semaphore.available_permits(), back);
            let refused = semaphore.try_acquire().map(drop);
            assert_eq!(refused, Err(TryAcquireError::NoPermits));
        }
        drop(out.pop());
        let many = large.poll().expect("its turn").unwrap();
        assert_eq!(many.num_permits(), 3);
        assert!(small[0].poll().is_none());
        drop(many);
        assert_eq!(small.iter_mut().filter_map(|one| one.poll()).count(), 3);
    }

    #[test]
    fn a_large_one_that_goes_away_lets_the_small_ones_pass() {
        let semaphore = sync::Semaphore::new(2);
        let large = waiting(semaphore.acquire_many(3));
        let mut small = (waiting(semaphore.acquire()), waiting(semaphore.acquire()));
        let third = waiting(semaphore.acquire());
        drop(large);
        let permits = (small.0.poll().unwrap(), small.1.poll().unwrap());
        assert_eq!(third.wakes(), 0);
        drop(permits);
        // Handed over, and not taken.
        assert_eq!(third.wakes(), 1);
        assert_eq!(semaphore.available_permits(), 1);
        drop(third);
        assert_eq!(semaphore.available_permits(), 2);
    }

    #[test]
    fn a_closed_one_tells_those_who_wait_and_takes_permits_back() {
        let semaphore = sync::Semaphore::new(1);
        let permit = at_once(semaphore.acquire()).unwrap();
        let mut served = waiting(semaphore.acquire());
        let mut waits: Vec<_> = (0..40).map(|_| waiting(semaphore.acquire())).collect();
        drop(permit);
        semaphore.close();
        assert!(semaphore.is_closed());
        // What had been handed over stays good.
        let permit = served.poll().expect("its turn").unwrap();
        for other in &mut waits {
            assert_eq!(other.wakes(), 1);
            assert!(other.poll().expect("told").is_err());
        }
        assert!(at_once(semaphore.acquire()).is_err());
        assert_eq!(semaphore.try_acquire().map(drop), Err(TryAcquireError::Closed));
        drop(permit);
        assert_eq!((semaphore.available_permits(), semaphore.waiting()), (1, 0));
        let closed = sync::Semaphore::new(0);
        let unpolled = waiting(closed.acquire());
        closed.close();
        drop(unpolled);
        assert_eq!(closed.waiting(), 0);
    }

    #[test]
    fn permits_are_added_forgotten_split_and_merged() {
        let semaphore = sync::Semaphore::new(0);
        let mut two = waiting(semaphore.acquire_many(2));
        let mut one = waiting(semaphore.acquire());
        semaphore.add_permits(1);
        assert!(two.poll().is_none());
        semaphore.add_permits(2);
        let mut permits = two.poll().unwrap().unwrap();
        permits.merge(one.poll().unwrap().unwrap());
        assert_eq!(permits.num_permits(), 3);
        assert!(permits.split(4).is_none());
        let part = permits.split(2).unwrap();
        assert_eq!((permits.num_permits(), part.num_permits()), (1, 2));
        part.forget();
        drop(permits);
        assert_eq!(semaphore.available_permits(), 1);
        semaphore.add_permits(4);
        assert_eq!(semaphore.forget_permits(3), 3);
        assert_eq!(semaphore.forget_permits(9), 2);
        assert_eq!(semaphore.available_permits(), 0);
        assert_eq!(at_once(semaphore.acquire_many(0)).unwrap().num_permits(), 0);
    }

    #[test]
    fn owned_permits_keep_the_semaphore() {
        let semaphore = Counted::new(sync::Semaphore::new(2));
        let mut permit = at_once(semaphore.clone().acquire_owned()).unwrap();
        permit.merge(semaphore.clone().try_acquire_owned().unwrap());
        let mut next = waiting(semaphore.clone().acquire_many_owned(2));
        assert!(semaphore.clone().try_acquire_many_owned(1).is_err());
        drop(semaphore);
        drop(permit.split(1));
        assert!(next.poll().is_none());
        drop(permit);
        assert_eq!(next.poll().unwrap().unwrap().num_permits(), 2);
    }

    #[test]
    #[should_panic(expected = "two semaphores")]
    fn permits_of_two_semaphores_do_not_merge() {
        let (one, two) = (sync::Semaphore::new(1), sync::Semaphore::new(1));
        at_once(one.acquire()).unwrap().merge(at_once(two.acquire()).unwrap());
    }

    #[test]
    #[should_panic(expected = "more permits")]
    fn permits_have_a_bound() {
        let most = sync::Semaphore::MAX_PERMITS;
        sync::Semaphore::new(most).add_permits(1);
    }
}
