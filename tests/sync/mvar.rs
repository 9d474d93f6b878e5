//! MVar: one value, in one place or in one hand.

use super::{at_once, in_both_forms, waiting};
use std::panic::{AssertUnwindSafe, catch_unwind};

in_both_forms! {
    #[test]
    fn takers_get_what_is_put_in_order() {
        let place = sync::MVar::empty();
        assert!(place.is_empty() && place.try_take().is_none());
        let mut takers: Vec<_> = (0..3).map(|_| waiting(place.take())).collect();
        assert_eq!(place.waiting_to_take(), 3);
        for (value, taker) in takers.iter_mut().enumerate() {
            at_once(place.put(value));
            assert!(place.try_take().is_none());
            assert_eq!(taker.poll(), Some(value));
        }
        drop(takers);
        assert!(place.is_empty());
    }

    #[test]
    fn what_waits_to_be_put_comes_in_order() {
        let place = sync::MVar::new(0);
        assert_eq!(place.try_put(9), Err(9));
        let mut putters: Vec<_> = (1..4).map(|value| waiting(place.put(value))).collect();
        // One who goes away has put nothing.
        drop(putters.remove(1));
        for value in [0, 1, 3] {
            assert_eq!(place.try_put(9), Err(9));
            assert_eq!(at_once(place.take()), value);
            // Nobody overtakes the putter whose turn it is; the last take leaves it empty.
            for putter in &mut putters {
                let _ = (putter.wakes() == 1).then(|| putter.poll());
            }
            putters.retain(|putter| putter.wakes() == 0);
        }
        assert!(place.is_empty());
        assert_eq!(place.try_put(5), Ok(()));
        drop(putters);
        assert_eq!(place.into_inner(), Some(5));
    }

    #[test]
    fn reads_and_updates_leave_the_value_in_its_place() {
        let place = sync::MVar::empty();
        let mut reads = waiting(place.read());
        let mut updates = waiting(place.update(|value| {
            *value *= 2;
            *value
        }));
        let mut takes = waiting(place.take());
        assert_eq!(place.try_put(4), Ok(()));
        assert_eq!(reads.poll(), Some(4));
        assert_eq!(updates.poll(), Some(8));
        assert_eq!(takes.poll(), Some(8));
        assert_eq!((place.try_read(), place.try_update(|_| ())), (None, None));
        at_once(place.put(1));
        assert_eq!((place.try_read(), place.try_update(|value| *value += 1)), (Some(1), Some(())));
        assert_eq!(at_once(place.take()), 2);
    }

    #[test]
    fn an_update_that_panics_or_goes_away_leaves_the_value() {
        super::super::kit::hush();
        let place = sync::MVar::new(vec![1]);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            at_once(place.update(|list| {
                list.push(2);
                assert!(place.try_read().is_none());
                panic!("{}", super::super::kit::ON_PURPOSE);
            }))
        }));
        assert!(panicked.is_err());
        assert_eq!(place.try_read(), Some(vec![1, 2]));
        let list = at_once(place.take());
        let (gone, served) = (waiting(place.update(Vec::clear)), waiting(place.update(Vec::clear)));
        drop(gone);
        at_once(place.put(list));
        assert_eq!(served.wakes(), 1);
        // It was its turn, and nothing had been done.
        drop(served);
        assert_eq!(at_once(place.take()), [1, 2]);
    }

    #[test]
    fn who_goes_away_with_a_turn_to_take_or_put_passes_it_on() {
        let place = sync::MVar::empty();
        let (gone, mut next) = (waiting(place.take()), waiting(place.take()));
        at_once(place.put(1));
        assert_eq!(gone.wakes(), 1);
        drop(gone);
        assert_eq!(next.poll(), Some(1));
        drop(next);
        at_once(place.put(2));
        let (gone, mut next) = (waiting(place.put(3)), waiting(place.put(4)));
        assert_eq!(at_once(place.take()), 2);
        assert_eq!(gone.wakes(), 1);
        drop(gone);
        assert_eq!(next.poll(), Some(()));
        drop(next);
        let mut place = place;
        assert_eq!(place.get_mut(), Some(&mut 4));
    }
}
