//! Permits: handed on, given up, closed; by Mutex, RwLock, Semaphore and MVar.

use super::*;
use crate::sync::{MVar, Mutex, RwLock, Semaphore};
use loom::cell::UnsafeCell;

/// A number that loom watches the accesses to.
#[derive(Default)]
struct Watched(UnsafeCell<u32>);

impl Watched {
    fn add(&mut self, number: u32) {
        // SAFETY: `&mut self`; loom checks that it is true across threads.
        self.0.with_mut(|value| unsafe { *value += number });
    }

    fn get(&self) -> u32 {
        // SAFETY: `&self`; loom checks that nobody changes it at the same time.
        self.0.with(|value| unsafe { *value })
    }
}

// SAFETY: shared access only reads.
unsafe impl Sync for Watched {}

#[test]
fn loom_mutex_one_at_a_time_has_the_value() {
    bounded(3, || {
        let mutex = Arc::new(Mutex::new(Watched::default()));
        let others = [mutex.clone(), mutex.clone()]
            .map(|mutex| thread::spawn(move || block_on(mutex.lock()).add(1)));
        block_on(mutex.lock()).add(1);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(block_on(mutex.lock()).get(), 3);
    });
}

#[test]
fn loom_mutex_who_goes_away_passes_the_lock_on() {
    bounded(3, || {
        let mutex = Arc::new(Mutex::new(Watched::default()));
        let (leaving, staying) = (mutex.clone(), mutex.clone());
        let held = mutex.try_lock().expect("nobody else is there");
        let leaving = thread::spawn(move || drop(poll_and_drop(leaving.lock())));
        let staying = thread::spawn(move || block_on(staying.lock()).add(1));
        drop(held);
        leaving.join().unwrap();
        staying.join().unwrap();
        assert_eq!(mutex.try_lock().expect("all are gone").get(), 1);
    });
}

#[test]
fn loom_rwlock_readers_see_what_was_written() {
    bounded(2, || {
        let lock = Arc::new(RwLock::new(Watched::default()));
        let (reader, writer) = (lock.clone(), lock.clone());
        let reader = thread::spawn(move || block_on(reader.read()).get());
        let writer = thread::spawn(move || {
            let mut writing = block_on(writer.write());
            writing.add(1);
            writing.add(1);
            assert_eq!(writing.downgrade().get(), 2);
        });
        let read = block_on(lock.read()).get();
        assert!(read % 2 == 0 && reader.join().unwrap() % 2 == 0);
        writer.join().unwrap();
        assert_eq!(lock.try_write().expect("all are gone").get(), 2);
    });
}

#[test]
fn loom_semaphore_a_large_request_and_small_ones_are_all_served() {
    bounded(2, || {
        let semaphore = Arc::new(Semaphore::new(2));
        let (large, small) = (semaphore.clone(), semaphore.clone());
        let large = thread::spawn(move || block_on(large.acquire_many(2)).is_ok());
        let small = thread::spawn(move || block_on(small.acquire()).is_ok());
        drop(block_on(semaphore.acquire()));
        assert!(large.join().unwrap() && small.join().unwrap());
        assert_eq!((semaphore.available_permits(), semaphore.waiting()), (2, 0));
    });
}

#[test]
fn loom_semaphore_a_large_request_that_goes_away_lets_the_small_one_pass() {
    bounded(2, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let (large, small) = (semaphore.clone(), semaphore.clone());
        let large = thread::spawn(move || drop(poll_and_drop(large.acquire_many(2))));
        let small = thread::spawn(move || block_on(small.acquire()).is_ok());
        drop(block_on(semaphore.acquire()));
        large.join().unwrap();
        assert!(small.join().unwrap());
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn loom_semaphore_a_close_reaches_who_waits() {
    bounded(2, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire().expect("free");
        let others = [semaphore.clone(), semaphore.clone()]
            .map(|semaphore| thread::spawn(move || block_on(semaphore.acquire()).is_ok()));
        let closing = semaphore.clone();
        let closing = thread::spawn(move || closing.close());
        drop(permit);
        for other in others {
            let _ = other.join().unwrap();
        }
        closing.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn loom_semaphore_forgetting_and_adding_lose_no_waiter() {
    bounded(3, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let waits = semaphore.clone();
        let waits = thread::spawn(move || block_on(waits.acquire_many(2)).is_ok());
        let forgets = semaphore.clone();
        let forgets = thread::spawn(move || {
            let forgotten = forgets.forget_permits(1);
            forgets.add_permits(forgotten);
        });
        semaphore.add_permits(1);
        assert!(waits.join().unwrap());
        forgets.join().unwrap();
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn loom_mvar_what_is_put_is_taken_once() {
    bounded(2, || {
        let place = Arc::new(MVar::empty());
        let putters = [1, 2].map(|value| {
            let place = place.clone();
            thread::spawn(move || block_on(place.put(value)))
        });
        let sum = block_on(place.take()) + block_on(place.take());
        for putter in putters {
            putter.join().unwrap();
        }
        assert_eq!((sum, place.try_take()), (3, None));
    });
}
