//! What tasks agree by: what was handed to one who gave up goes to the next, and nobody is left in a
//! line.

use super::gap;
use crate::cut::Cut;
use ringmill::{spawn, yield_now};
use std::cell::Cell;
use std::rc::Rc;

/// One has what there is, `cut` is on one who wants it, and behind waits another, who gets it in any
/// case. At the end `free` is so.
macro_rules! in_line {
    ($cut:ident, $of:ident: $first:expr, $second:expr, $third:expr; $free:expr) => {
        let has = Rc::new(Cell::new(false));
        let first = spawn({
            let ($of, has) = ($of.clone(), has.clone());
            async move {
                let held = $first.await;
                has.set(true);
                gap().await;
                drop(held);
            }
        });
        while !has.get() {
            yield_now().await;
        }
        let third = spawn({
            let $of = $of.clone();
            async move {
                let held = $third.await;
                gap().await;
                drop(held);
            }
        });
        drop($cut.at($second).await);
        first.await.unwrap();
        third.await.unwrap();
        assert!($free);
    };
}

/// The scenes for what several loops share, and for what one loop has.
macro_rules! both {
    ($($scene:item)*) => {
        pub mod shared {
            use super::*;
            use ringmill::sync::*;
            use std::sync::Arc as Counted;
            $($scene)*
        }
        pub mod local {
            use super::*;
            use ringmill::sync::local::*;
            use std::rc::Rc as Counted;
            $($scene)*
        }
    };
}

both! {
    pub async fn lock(cut: Cut) {
        let mutex = Counted::new(Mutex::new(()));
        in_line!(cut, mutex: mutex.lock(), mutex.lock(), mutex.lock();
            mutex.statistics().waiting == 0 && !mutex.is_locked());
    }

    pub async fn lock_owned(cut: Cut) {
        let mutex = Counted::new(Mutex::new(()));
        in_line!(cut, mutex: mutex.lock(), mutex.clone().lock_owned(), mutex.clone().lock_owned();
            mutex.statistics().waiting == 0 && !mutex.is_locked());
    }

    pub async fn read(cut: Cut) {
        let lock = Counted::new(RwLock::new(()));
        in_line!(cut, lock: lock.write(), lock.read(), lock.write();
            lock.statistics().waiting == 0 && lock.try_write().is_ok());
    }

    pub async fn read_owned(cut: Cut) {
        let lock = Counted::new(RwLock::new(()));
        in_line!(cut, lock: lock.write(), lock.clone().read_owned(), lock.write();
            lock.statistics().waiting == 0 && lock.try_write().is_ok());
    }

    /// Readers behind it do not wait for a writer that gave up.
    pub async fn write(cut: Cut) {
        let lock = Counted::new(RwLock::new(()));
        in_line!(cut, lock: lock.read(), lock.write(), lock.read();
            lock.statistics().waiting == 0 && lock.try_write().is_ok());
    }

    pub async fn write_owned(cut: Cut) {
        let lock = Counted::new(RwLock::new(()));
        in_line!(cut, lock: lock.read(), lock.clone().write_owned(), lock.write();
            lock.statistics().waiting == 0 && lock.try_write().is_ok());
    }

    pub async fn acquire(cut: Cut) {
        let permits = Counted::new(Semaphore::new(1));
        in_line!(cut, permits: permits.acquire(), permits.acquire(), permits.acquire();
            (permits.waiting(), permits.available_permits()) == (0, 1));
    }

    pub async fn acquire_owned(cut: Cut) {
        let permits = Counted::new(Semaphore::new(1));
        in_line!(cut, permits: permits.acquire(), permits.clone().acquire_owned(),
            permits.acquire(); (permits.waiting(), permits.available_permits()) == (0, 1));
    }

    pub async fn acquire_many(cut: Cut) {
        let permits = Counted::new(Semaphore::new(3));
        in_line!(cut, permits: permits.acquire(), permits.acquire_many(3), permits.acquire_many(2);
            (permits.waiting(), permits.available_permits()) == (0, 3));
    }

    pub async fn acquire_many_owned(cut: Cut) {
        let permits = Counted::new(Semaphore::new(3));
        in_line!(cut, permits: permits.acquire(), permits.clone().acquire_many_owned(3),
            permits.acquire_many(2); (permits.waiting(), permits.available_permits()) == (0, 3));
    }

    pub async fn borrow(cut: Cut) {
        let tokens = Counted::new(CapacityLimiter::new(1));
        in_line!(cut, tokens: tokens.acquire_on_behalf_of(1), tokens.acquire_on_behalf_of(2),
            tokens.acquire_on_behalf_of(3); free(&tokens.statistics()));
        // Nor is who gave up known as one who waits.
        drop(tokens.try_acquire_on_behalf_of(2).unwrap());
    }

    pub async fn borrow_owned(cut: Cut) {
        let tokens = Counted::new(CapacityLimiter::new(1));
        in_line!(cut, tokens: tokens.acquire_on_behalf_of(1),
            tokens.clone().acquire_on_behalf_of_owned(2), tokens.acquire_on_behalf_of(3);
            free(&tokens.statistics()));
        drop(tokens.try_acquire_on_behalf_of(2).unwrap());
    }

    /// A notice that one who gave up had goes to the other.
    pub async fn notified(cut: Cut) {
        let notify = Counted::new(Notify::new());
        let other = spawn({
            let notify = notify.clone();
            async move { notify.notified().await }
        });
        let telling = spawn({
            let notify = notify.clone();
            async move {
                gap().await;
                notify.notify_one();
            }
        });
        if cut.at(notify.notified()).await.is_some() {
            notify.notify_one();
        }
        telling.await.unwrap();
        other.await.unwrap();
        assert_eq!(notify.waiting(), 0);
    }

    /// As with a `Notify`; who has been told may wait for the lock when it is dropped.
    pub async fn condvar_wait(cut: Cut) {
        let of = Counted::new((Mutex::new(()), Condvar::new()));
        let guard = of.0.lock().await;
        let other = spawn({
            let of = of.clone();
            async move { drop(of.1.wait(of.0.lock().await).await) }
        });
        let telling = spawn({
            let of = of.clone();
            async move {
                gap().await;
                let guard = of.0.lock().await;
                of.1.notify_one();
                gap().await;
                drop(guard);
            }
        });
        if let Some(guard) = cut.at(of.1.wait(guard)).await {
            of.1.notify_one();
            drop(guard);
        }
        telling.await.unwrap();
        other.await.unwrap();
        assert!(of.1.waiting() == 0 && !of.0.is_locked());
    }

    pub async fn condvar_wait_while(cut: Cut) {
        let of = Counted::new((Mutex::new(0), Condvar::new()));
        let guard = of.0.lock().await;
        let other = spawn({
            let of = of.clone();
            async move {
                let mut left = of.1.wait_while(of.0.lock().await, |left| *left == 0).await;
                *left -= 1;
            }
        });
        let telling = spawn({
            let of = of.clone();
            async move {
                gap().await;
                let mut left = of.0.lock().await;
                *left += 1;
                of.1.notify_one();
                gap().await;
                drop(left);
            }
        });
        if let Some(left) = cut.at(of.1.wait_while(guard, |left| *left == 0)).await {
            assert_eq!(*left, 1);
            of.1.notify_one();
            drop(left);
        }
        telling.await.unwrap();
        other.await.unwrap();
        assert_eq!((of.1.waiting(), *of.0.try_lock().unwrap()), (0, 0));
    }

    pub async fn event(cut: Cut) {
        let event = Counted::new(Event::new());
        let setting = spawn({
            let event = event.clone();
            async move {
                gap().await;
                event.set();
            }
        });
        while cut.at(event.wait()).await.is_none() {}
        assert!(event.is_set());
        setting.await.unwrap();
        assert_eq!(event.waiting(), 0);
    }

    /// Who gave up is not counted: another is wanted in its place.
    pub async fn barrier(cut: Cut) {
        let barrier = Counted::new(Barrier::new(2));
        let pass = async |barrier: Counted<Barrier>| {
            gap().await;
            barrier.wait().await;
        };
        let other = spawn(pass(barrier.clone()));
        if cut.at(barrier.wait()).await.is_none() {
            // The other may have come in time, and passed. If not, it passes now, with this one.
            let again = spawn({
                let barrier = barrier.clone();
                async move { barrier.wait().await }
            });
            other.await.unwrap();
            drop(again.abort_on_drop());
            while barrier.waiting() > 0 {
                gap().await;
            }
        } else {
            other.await.unwrap();
        }
        assert_eq!(barrier.waiting(), 0);
    }

    /// Each value comes, in order.
    pub async fn mvar_take(cut: Cut) {
        let place = Counted::new(MVar::empty());
        let putting = spawn({
            let place = place.clone();
            async move {
                for number in 0..3 {
                    gap().await;
                    place.put(number).await;
                }
            }
        });
        let mut expected = 0;
        while expected < 3 {
            if let Some(number) = cut.at(place.take()).await {
                assert_eq!(number, expected);
                expected += 1;
            }
        }
        putting.await.unwrap();
        assert!(place.is_empty() && place.waiting_to_take() == 0);
    }

    /// What was put is there, once; what was given up is not. Another gets the turn.
    pub async fn mvar_put(cut: Cut) {
        let place = Counted::new(MVar::new(0));
        let other = spawn({
            let place = place.clone();
            async move { place.put(9).await }
        });
        let taking = spawn({
            let place = place.clone();
            async move {
                let mut taken = Vec::new();
                while taken.len() < 4 {
                    gap().await;
                    taken.push(place.take().await);
                }
                taken
            }
        });
        for number in [1, 2] {
            while cut.at(place.put(number)).await.is_none() {}
        }
        other.await.unwrap();
        let mut taken = taking.await.unwrap();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2, 9]);
        assert!(place.is_empty() && place.waiting_to_put() == 0);
    }

    /// Who reads leaves the value there.
    pub async fn mvar_read(cut: Cut) {
        let place = Counted::new(MVar::empty());
        let other = spawn({
            let place = place.clone();
            async move { assert_eq!(place.read().await, 7) }
        });
        let putting = spawn({
            let place = place.clone();
            async move {
                gap().await;
                place.put(7).await;
            }
        });
        assert!(cut.at(place.read()).await.is_none_or(|read| read == 7));
        other.await.unwrap();
        putting.await.unwrap();
        assert_eq!((place.waiting_to_take(), place.try_take()), (0, Some(7)));
    }

    /// The change was made where it ended well, and only there.
    pub async fn mvar_update(cut: Cut) {
        let place = Counted::new(MVar::empty());
        let other = spawn({
            let place = place.clone();
            async move { place.update(|number| *number += 10).await }
        });
        let putting = spawn({
            let place = place.clone();
            async move {
                gap().await;
                place.put(0).await;
            }
        });
        let done = cut.at(place.update(|number| *number += 1)).await;
        other.await.unwrap();
        putting.await.unwrap();
        let expected = 10 + i32::from(done.is_some());
        assert_eq!((place.waiting_to_take(), place.try_take()), (0, Some(expected)));
    }

    /// If it does not make the value, the other has its turn.
    pub async fn get_or_init(cut: Cut) {
        let cell = Counted::new(OnceCell::new());
        let other = spawn({
            let cell = cell.clone();
            async move { *cell.get_or_init(made(2)).await }
        });
        let got = cut.at(cell.get_or_init(made(1))).await.copied();
        assert_same(got, other.await.unwrap(), cell.get());
    }

    /// One that fails is as one that gave up.
    pub async fn get_or_try_init(cut: Cut) {
        let cell = Counted::new(OnceCell::new());
        let other = spawn({
            let cell = cell.clone();
            async move { *cell.get_or_init(made(2)).await }
        });
        let failed = cut.at(cell.get_or_try_init(async || Err(made(1)().await))).await;
        assert!(failed.is_none_or(|failed| failed == Err(1)));
        let make = async || Ok::<_, ()>(made(1)().await);
        let got = cut.at(cell.get_or_try_init(make)).await.map(|got| *got.unwrap());
        assert_same(got, other.await.unwrap(), cell.get());
    }

    /// The other is at it already, so this one waits for it.
    pub async fn lazy(cut: Cut) {
        let lazy = Counted::new(Lazy::new(async || made(1)().await));
        let other = spawn({
            let lazy = lazy.clone();
            async move { *lazy.get().await }
        });
        yield_now().await;
        let got = cut.at(lazy.get()).await.copied();
        assert_same(got, other.await.unwrap(), lazy.try_get());
    }
}

fn free(seen: &ringmill::sync::CapacityStatistics<u32>) -> bool {
    (seen.borrowed_tokens, seen.tasks_waiting) == (0, 0) && seen.borrowers.is_empty()
}

fn made(value: u32) -> impl AsyncFnOnce() -> u32 {
    async move || {
        gap().await;
        value
    }
}

/// There is one value, which everybody has got.
fn assert_same(got: Option<u32>, other: u32, is: Option<&u32>) {
    assert!(got.is_none_or(|got| got == other));
    assert_eq!(is, Some(&other));
}
