//! CapacityLimiter: a token to each borrower, and as many as there are now.

use super::{at_once, begun, in_both_forms, waiting};
use ringmill::sync::TryBorrowError;

in_both_forms! {
    #[test]
    fn a_borrower_has_one_token() {
        let limiter = sync::CapacityLimiter::new(1);
        let token = at_once(limiter.acquire_on_behalf_of("a")).unwrap();
        assert_eq!(token.borrower(), &"a");
        assert!(at_once(limiter.acquire_on_behalf_of("a")).is_err());
        let mut waits = waiting(limiter.acquire_on_behalf_of("b"));
        // It waits already.
        assert!(at_once(limiter.acquire_on_behalf_of("b")).is_err());
        let twice = limiter.try_acquire_on_behalf_of("b").map(drop);
        assert!(matches!(twice, Err(TryBorrowError::Twice(_))));
        let none = limiter.try_acquire_on_behalf_of("c").map(drop);
        assert_eq!(none, Err(TryBorrowError::NoTokens));
        drop(token);
        let token = waits.poll().expect("its turn").unwrap();
        drop(token);
        drop(limiter.try_acquire_on_behalf_of("a").unwrap());
        assert_eq!((limiter.borrowed_tokens(), limiter.available_tokens()), (0, 1));
    }

    #[test]
    fn tokens_go_to_those_who_wait_in_order_and_on_from_those_who_go_away() {
        let limiter = sync::CapacityLimiter::new(1);
        let token = at_once(limiter.acquire_on_behalf_of(0)).unwrap();
        let mut waits: Vec<_> = (1..6).map(|name| waiting(limiter.acquire_on_behalf_of(name))).collect();
        drop(begun(limiter.acquire_on_behalf_of(9)));
        drop(waits.remove(2));
        drop(token);
        assert_eq!(waits[0].wakes(), 1);
        // Lent, and not taken.
        drop(waits.remove(0));
        for name in [2, 4, 5] {
            assert!(limiter.try_acquire_on_behalf_of(7).is_err());
            let token = waits.remove(0).poll().expect("its turn").unwrap();
            assert_eq!(token.borrower(), &name);
        }
        let statistics = limiter.statistics();
        assert_eq!((statistics.borrowed_tokens, statistics.tasks_waiting), (0, 0));
        assert!(statistics.borrowers.is_empty());
        // All names are free again.
        for name in 0..10 {
            drop(at_once(limiter.acquire_on_behalf_of(name)).unwrap());
        }
    }

    #[test]
    fn the_number_of_tokens_changes_while_they_are_lent() {
        let limiter = sync::CapacityLimiter::new(0);
        let mut waits: Vec<_> = (0..40).map(|name| waiting(limiter.acquire_on_behalf_of(name))).collect();
        limiter.set_total_tokens(30);
        let mut tokens: Vec<_> = waits.iter_mut().filter_map(|one| one.poll()).collect();
        assert_eq!(tokens.len(), 30);
        limiter.set_total_tokens(5);
        assert_eq!((limiter.total_tokens(), limiter.available_tokens()), (5, 0));
        tokens.truncate(5);
        assert_eq!(limiter.statistics().tasks_waiting, 10);
        drop(tokens.pop());
        assert_eq!(waits[30].wakes(), 1);
        assert_eq!(waits[31].wakes(), 0);
        limiter.set_total_tokens(usize::MAX);
        assert!(waits[39].poll().is_some());
        assert_eq!(limiter.statistics().tasks_waiting, 0);
    }

    #[test]
    fn owned_tokens_keep_the_limiter() {
        let limiter = Counted::new(sync::CapacityLimiter::new(1));
        let token = at_once(limiter.clone().acquire_on_behalf_of_owned(1)).unwrap();
        let mut next = waiting(limiter.clone().acquire_on_behalf_of_owned(2));
        assert_eq!(limiter.statistics().borrowers, [1]);
        drop(limiter);
        drop(token);
        assert_eq!(next.poll().unwrap().unwrap().borrower(), &2);
    }
}
