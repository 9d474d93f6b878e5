//! OnceCell and Lazy: made once, by one after the other until somebody succeeds.

use super::{at_once, begun, in_both_forms, waiting};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

in_both_forms! {
    #[test]
    fn one_initialises_and_the_others_wait() {
        let (cell, gate) = (sync::OnceCell::new(), sync::Event::new());
        let mut first = waiting(cell.get_or_init(async || {
            gate.wait().await;
            1
        }));
        let mut second = waiting(cell.get_or_init(async || 2));
        assert!(cell.get().is_none());
        assert_eq!(cell.set(3).unwrap_err().0, 3);
        gate.set();
        assert_eq!(first.poll(), Some(&1));
        assert_eq!(second.wakes(), 1);
        assert_eq!(second.poll(), Some(&1));
        assert_eq!((at_once(cell.get_or_init(async || 4)), cell.get()), (&1, Some(&1)));
        assert!(cell.set(5).is_err());
    }

    #[test]
    fn whoever_fails_or_goes_away_leaves_it_to_the_next() {
        super::super::kit::hush();
        let cell = sync::OnceCell::<u8>::new();
        let dropped = waiting(cell.get_or_init(pending::<u8>));
        let mut panics = waiting(cell.get_or_init(async || panic!("{}", super::super::kit::ON_PURPOSE)));
        let mut fails = waiting(cell.get_or_try_init(async || Err("no")));
        let gone = waiting(cell.get_or_init(async || 6));
        let mut makes = waiting(cell.get_or_try_init(async || Ok::<_, ()>(7)));
        drop(dropped);
        assert!(catch_unwind(AssertUnwindSafe(|| panics.poll())).is_err());
        drop(panics);
        assert_eq!(fails.poll(), Some(Err("no")));
        assert_eq!(gone.wakes(), 1);
        drop(gone);
        assert_eq!(makes.poll(), Some(Ok(&7)));
        drop((fails, makes));
        let mut cell = cell;
        *cell.get_mut().unwrap() += 1;
        assert_eq!(cell.into_inner(), Some(8));
        let set = sync::OnceCell::new();
        set.set(1).unwrap();
        assert_eq!(set.get(), Some(&1));
    }

    #[test]
    fn a_lazy_value_is_made_when_it_is_asked_for() {
        let made = std::cell::Cell::new(0);
        let lazy = sync::Lazy::new(async || {
            made.set(made.get() + 1);
            super::super::yielded().await;
            made.get()
        });
        assert_eq!(made.get(), 0);
        drop(begun(lazy.get()));
        drop(waiting(lazy.get()));
        assert_eq!((made.get(), lazy.try_get()), (1, None));
        let mut first = waiting(lazy.get());
        let mut second = waiting(lazy.get());
        assert_eq!((first.poll(), second.poll()), (Some(&2), Some(&2)));
        assert_eq!((at_once(lazy.get()), made.get()), (&2, 2));
    }
}
