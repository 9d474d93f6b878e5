//! Waiting in a scope that is cancelled, beside something that keeps the scope from its end.

use super::{at_once, in_both_forms, waiting};
use futures_lite::future::zip;
use ringmill::scope::{CancelScope, shield};

in_both_forms! {
    #[test]
    fn a_lock_goes_past_who_is_cancelled_to_the_shielded() {
        let mutex = sync::Mutex::new(());
        let guard = at_once(mutex.lock());
        let scope = CancelScope::new();
        let token = scope.token();
        let mut both = waiting(scope.run(zip(mutex.lock(), shield(mutex.lock()))));
        drop(token.cancel());
        drop(guard);
        assert!(both.poll().expect("the shielded has the lock").is_err());
        assert!(mutex.try_lock().is_ok());
    }

    #[test]
    fn a_lock_that_was_handed_over_before_the_cancellation_goes_on() {
        let mutex = sync::Mutex::new(());
        let guard = at_once(mutex.lock());
        let scope = CancelScope::new();
        let token = scope.token();
        let mut both = waiting(scope.run(zip(mutex.lock(), shield(mutex.lock()))));
        drop(guard);
        drop(token.cancel());
        assert!(both.poll().expect("the shielded has the lock").is_err());
        assert!(mutex.try_lock().is_ok());
    }

    #[test]
    fn a_notice_goes_past_who_is_cancelled() {
        let notify = sync::Notify::new();
        let scope = CancelScope::new();
        let token = scope.token();
        let mut both = waiting(scope.run(zip(notify.notified(), shield(notify.notified()))));
        notify.notify_one();
        drop(token.cancel());
        assert!(both.poll().expect("the shielded has the notice").is_err());
        drop(waiting(notify.notified()));
    }

    #[test]
    fn a_condvar_s_notice_goes_past_who_is_cancelled_with_it() {
        let (mutex, other) = (sync::Mutex::new(()), sync::Mutex::new(()));
        let changed = sync::Condvar::new();
        let scope = CancelScope::new();
        let token = scope.token();
        let waits = changed.wait(at_once(mutex.lock()));
        let shielded = changed.wait(at_once(other.lock()));
        let mut both = waiting(scope.run(zip(waits, shield(shielded))));
        // The first has the notice, and waits for the lock.
        let guard = at_once(mutex.lock());
        changed.notify_one();
        assert!(both.poll().is_none());
        drop(token.cancel());
        assert!(both.poll().expect("the shielded has the notice").is_err());
        drop(guard);
        assert!(mutex.try_lock().is_ok() && other.try_lock().is_ok());
    }

    #[test]
    fn a_token_goes_past_who_is_cancelled() {
        let limiter = sync::CapacityLimiter::new(1);
        let token = at_once(limiter.acquire_on_behalf_of(0)).unwrap();
        let scope = CancelScope::new();
        let cancel = scope.token();
        let (first, second) = (limiter.acquire_on_behalf_of(1), limiter.acquire_on_behalf_of(2));
        let mut both = waiting(scope.run(zip(first, shield(second))));
        drop(cancel.cancel());
        drop(token);
        assert!(both.poll().expect("the shielded has the token").is_err());
        assert_eq!(limiter.borrowed_tokens(), 0);
        assert!(limiter.try_acquire_on_behalf_of(1).is_ok());
    }
}
