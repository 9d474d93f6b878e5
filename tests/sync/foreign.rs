//! Foreign code: borrowers that use the limiter they borrow from, or panic.

use super::{at_once, begun, in_both_forms, waiting};
use crate::kit::{ON_PURPOSE, hush};
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// A borrower that does something as it is cloned and as it is dropped.
struct Borrower {
    name: u32,
    cloned: Rc<dyn Fn()>,
    dropped: Rc<dyn Fn()>,
}

impl Clone for Borrower {
    fn clone(&self) -> Self {
        (self.cloned)();
        Borrower {
            name: self.name,
            cloned: self.cloned.clone(),
            dropped: self.dropped.clone(),
        }
    }
}

impl Drop for Borrower {
    fn drop(&mut self) {
        (self.dropped)();
    }
}

impl PartialEq for Borrower {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Borrower {}

impl Hash for Borrower {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

in_both_forms! {
    #[test]
    fn a_borrower_may_use_the_limiter_as_it_is_cloned_and_dropped() {
        let limiter = Counted::new_cyclic(|limiter: &_| {
            let limiter = std::clone::Clone::clone(limiter);
            let look: Rc<dyn Fn()> = Rc::new(move || {
                let limiter: Option<Counted<sync::CapacityLimiter<Borrower>>> = limiter.upgrade();
                if let Some(limiter) = limiter {
                    assert!(limiter.total_tokens() < 2);
                }
            });
            LOOK.set(Some(look));
            sync::CapacityLimiter::<Borrower>::new(1)
        });
        let look = LOOK.take().unwrap();
        let name = |name| Borrower { name, cloned: look.clone(), dropped: look.clone() };
        let token = at_once(limiter.acquire_on_behalf_of(name(1))).unwrap();
        assert!(at_once(limiter.acquire_on_behalf_of(name(1))).is_err());
        drop(waiting(limiter.acquire_on_behalf_of(name(2))));
        let mut waits = waiting(limiter.acquire_on_behalf_of(name(3)));
        drop(token);
        drop(waits.poll().expect("its turn").unwrap());
        assert!(limiter.try_acquire_on_behalf_of(name(1)).is_ok());
        assert_eq!(limiter.borrowed_tokens(), 0);
    }

    #[test]
    fn a_borrower_that_panics_as_it_is_cloned_takes_no_token_along() {
        hush();
        let limiter = sync::CapacityLimiter::new(1);
        for clones in 0..3 {
            let left = Cell::new(clones);
            let cloned = move || {
                assert_ne!(left.get(), 0, "{ON_PURPOSE}");
                left.set(left.get() - 1);
            };
            let one = Borrower { name: 1, cloned: Rc::new(cloned), dropped: Rc::new(|| {}) };
            let tried = catch_unwind(AssertUnwindSafe(|| {
                drop(begun(limiter.acquire_on_behalf_of(one)).poll());
            }));
            assert!(tried.is_err() || clones > 0);
            assert_eq!(limiter.borrowed_tokens(), 0);
            let quiet = Borrower { name: 1, cloned: Rc::new(|| {}), dropped: Rc::new(|| {}) };
            drop(at_once(limiter.acquire_on_behalf_of(quiet)).expect("it has none and waits for none"));
        }
    }
}

thread_local! {
    static LOOK: Cell<Option<Rc<dyn Fn()>>> = const { Cell::new(None) };
}
