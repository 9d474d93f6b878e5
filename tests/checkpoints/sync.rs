//! What tasks agree by: locks, permits and notices go to others.

use crate::table::Table;
use futures_lite::future::poll_once;
use ringmill::channel::oneshot;
use ringmill::scope::checkpoints;
use ringmill::spawn;
use ringmill::sync::generic::{
    Barrier, CapacityLimiter, Condvar, Event, Lazy, MVar, Mutex, Notify, OnceCell, RwLock,
    Semaphore,
};
use ringmill::sync::{self, Sharing, local};
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

pub async fn look_at(table: &Table) {
    locks(table, &sync::Mutex::new(7), &sync::RwLock::new(7)).await;
    locks(table, &local::Mutex::new(7), &local::RwLock::new(7)).await;
    across_loops(table).await;
    one_loop(table).await;
    permits(table, &sync::Semaphore::new(2)).await;
    permits(table, &local::Semaphore::new(2)).await;
    limits(table, &sync::CapacityLimiter::new(1)).await;
    limits(table, &local::CapacityLimiter::new(1)).await;
    places(table, &sync::MVar::empty()).await;
    places(table, &local::MVar::empty()).await;
    notices(table, &sync::Notify::new(), &sync::Event::new()).await;
    notices(table, &local::Notify::new(), &local::Event::new()).await;
    conditions(table, &sync::Condvar::new(), &sync::Mutex::new(7)).await;
    conditions(table, &local::Condvar::new(), &local::Mutex::new(7)).await;
    barriers(table, sync::Barrier::new).await;
    barriers(table, local::Barrier::new).await;
    cells(table, sync::OnceCell::new).await;
    cells(table, local::OnceCell::new).await;
    lazy(table, &sync::Lazy::new(async || 7)).await;
    lazy(table, &local::Lazy::new(async || 7)).await;
    exceptions().await;
}

/// What is in no row. Once one of these has come to be a checkpoint, it goes where the others are.
async fn exceptions() {
    // It gives its guard back without an await if the condition does not hold from the beginning.
    let (condvar, mutex) = (local::Condvar::new(), local::Mutex::new(7));
    let guard = mutex.lock().await;
    let before = checkpoints();
    drop(condvar.wait_while(guard, |value| *value != 7).await);
    assert_eq!(checkpoints(), before, "Condvar::wait_while is one");
}

async fn locks<S: Sharing>(table: &Table, mutex: &Mutex<u32, S>, rwlock: &RwLock<u32, S>) {
    let name = "sync::mutex::lock";
    let lock = async || assert_eq!(*mutex.lock().await, 7);
    table.row(name, lock).await;
    let guard = mutex.lock().await;
    table.waits(name, mutex.lock(), || drop(guard)).await;
    assert!(mutex.try_lock().is_ok());

    let name = "sync::rwlock::read";
    let read = async || assert_eq!(*rwlock.read().await, 7);
    table.row(name, read).await;
    let guard = rwlock.write().await;
    table.waits(name, rwlock.read(), || drop(guard)).await;
    let name = "sync::rwlock::write";
    let write = async || assert_eq!(*rwlock.write().await, 7);
    table.row(name, write).await;
    let guard = rwlock.read().await;
    table.waits(name, rwlock.write(), || drop(guard)).await;
    assert!(rwlock.try_write().is_ok());
}

/// Those whose guards own what they are of.
macro_rules! owned {
    ($look_at:ident, $sync:ident, $counted:ident) => {
        async fn $look_at(table: &Table) {
            let mutex = $counted::new($sync::Mutex::new(7));
            let name = "sync::mutex::lock_owned";
            let lock = async || assert_eq!(*mutex.clone().lock_owned().await, 7);
            table.row(name, lock).await;
            let guard = mutex.lock().await;
            let waits = mutex.clone().lock_owned();
            table.waits(name, waits, || drop(guard)).await;
            assert!(mutex.try_lock().is_ok());

            let rwlock = $counted::new($sync::RwLock::new(7));
            let name = "sync::rwlock::read_owned";
            let read = async || assert_eq!(*rwlock.clone().read_owned().await, 7);
            table.row(name, read).await;
            let guard = rwlock.write().await;
            let waits = rwlock.clone().read_owned();
            table.waits(name, waits, || drop(guard)).await;
            let name = "sync::rwlock::write_owned";
            let write = async || assert_eq!(*rwlock.clone().write_owned().await, 7);
            table.row(name, write).await;
            let guard = rwlock.read().await;
            let waits = rwlock.clone().write_owned();
            table.waits(name, waits, || drop(guard)).await;
            assert!(rwlock.try_write().is_ok());

            let semaphore = $counted::new($sync::Semaphore::new(2));
            let name = "sync::semaphore::acquire_owned";
            let acquire = async || drop(semaphore.clone().acquire_owned().await.unwrap());
            table.row(name, acquire).await;
            let all = semaphore.acquire_many(2).await;
            let waits = semaphore.clone().acquire_owned();
            table.waits(name, waits, || drop(all)).await;
            let name = "sync::semaphore::acquire_many_owned";
            let acquire = async || drop(semaphore.clone().acquire_many_owned(2).await.unwrap());
            table.row(name, acquire).await;
            let one = semaphore.acquire().await;
            let waits = semaphore.clone().acquire_many_owned(2);
            table.waits(name, waits, || drop(one)).await;
            assert_eq!(semaphore.available_permits(), 2);

            let limiter = $counted::new($sync::CapacityLimiter::new(1));
            let name = "sync::capacity_limiter::acquire_on_behalf_of_owned";
            let acquire = async || drop(limiter.clone().acquire_on_behalf_of_owned(1).await);
            table.row(name, acquire).await;
            let token = limiter.acquire_on_behalf_of(1).await;
            let waits = limiter.clone().acquire_on_behalf_of_owned(2);
            table.waits(name, waits, || drop(token)).await;
            assert_eq!(limiter.borrowed_tokens(), 0);
        }
    };
}

owned!(across_loops, sync, Arc);
owned!(one_loop, local, Rc);

async fn permits<S: Sharing>(table: &Table, semaphore: &Semaphore<S>) {
    let name = "sync::semaphore::acquire";
    let acquire = async || drop(semaphore.acquire().await.unwrap());
    table.row(name, acquire).await;
    let all = semaphore.acquire_many(2).await;
    table.waits(name, semaphore.acquire(), || drop(all)).await;
    let name = "sync::semaphore::acquire_many";
    let acquire = async || drop(semaphore.acquire_many(2).await.unwrap());
    table.row(name, acquire).await;
    let one = semaphore.acquire().await;
    let waits = semaphore.acquire_many(2);
    table.waits(name, waits, || drop(one)).await;
    assert_eq!(semaphore.available_permits(), 2);
    semaphore.close();
    let closed = async || assert!(semaphore.acquire().await.is_err());
    table.row("sync::semaphore::acquire", closed).await;
}

async fn limits<S: Sharing>(table: &Table, limiter: &CapacityLimiter<u32, S>) {
    let name = "sync::capacity_limiter::acquire_on_behalf_of";
    let acquire = async || drop(limiter.acquire_on_behalf_of(1).await.unwrap());
    table.row(name, acquire).await;
    let token = limiter.acquire_on_behalf_of(1).await;
    let again = async || assert!(limiter.acquire_on_behalf_of(1).await.is_err());
    table.row(name, again).await;
    let waits = limiter.acquire_on_behalf_of(2);
    table.waits(name, waits, || drop(token)).await;
    assert_eq!(limiter.borrowed_tokens(), 0);
}

async fn places<S: Sharing>(table: &Table, place: &MVar<u32, S>) {
    let name = "sync::mvar::put";
    let put = async || {
        let _ = place.try_take();
        place.put(7).await;
        assert_eq!(place.try_read(), Some(7));
    };
    table.row(name, put).await;
    let take = || assert_eq!(place.try_take(), Some(7));
    table.waits(name, place.put(8), take).await;
    assert!(place.is_empty());

    let put = || place.try_put(7).unwrap();
    let take = || assert_eq!(place.try_take(), Some(7));
    let name = "sync::mvar::take";
    table.waits(name, place.take(), put).await;
    take();
    let name = "sync::mvar::read";
    table.waits(name, place.read(), put).await;
    take();
    let change = |value: &mut u32| *value += 1;
    let name = "sync::mvar::update";
    table.waits(name, place.update(change), put).await;
    take();

    let name = "sync::mvar::take";
    let taken = async || {
        let _ = place.try_put(7);
        assert_eq!(place.take().await, 7);
    };
    table.row(name, taken).await;
    let _ = place.try_put(7);
    let read = async || assert_eq!(place.read().await, 7);
    table.row("sync::mvar::read", read).await;
    let updated = async || assert_eq!(place.update(|value| *value).await, 7);
    table.row("sync::mvar::update", updated).await;
}

async fn notices<S: Sharing>(table: &Table, notify: &Notify<S>, event: &Event<S>) {
    let name = "sync::notify::Notified";
    let notified = async || {
        notify.notify_one();
        notify.notified().await;
    };
    table.row(name, notified).await;
    let tell = || notify.notify_one();
    table.waits(name, notify.notified(), tell).await;
    assert!(notify.notified().enable(), "the notice is kept");

    let name = "sync::event::wait";
    table.waits(name, event.wait(), || event.set()).await;
    table.row(name, async || event.wait().await).await;
}

async fn conditions<S: Sharing>(table: &Table, condvar: &Condvar<S>, mutex: &Mutex<u32, S>) {
    let name = "sync::condvar::wait";
    let lock = || mutex.try_lock().unwrap();
    let tell = || condvar.notify_one();
    table.waiting_row(name, || condvar.wait(lock()), tell).await;
    assert!(mutex.try_lock().is_ok());
    let name = "sync::condvar::wait_while";
    let waits = || condvar.wait_while(lock(), |value| *value == 7);
    table.waiting_row(name, waits, tell).await;
    assert!(mutex.try_lock().is_ok());
}

async fn barriers<S: Sharing>(table: &Table, of: impl Fn(usize) -> Barrier<S>) {
    let name = "sync::barrier::wait";
    let alone = of(1);
    let pass = async || assert!(alone.wait().await.is_leader());
    table.row(name, pass).await;
    let two = Rc::new(of(2));
    let (come, comes) = oneshot::channel();
    let barrier = two.clone();
    let other = spawn(async move {
        comes.await.unwrap();
        barrier.wait().await.is_leader()
    });
    let make_ready = || come.send(()).unwrap();
    table.waits(name, two.wait(), make_ready).await;
    assert!(other.await.unwrap());
}

/// What makes the value is the user's: they are checkpoints in front of it, and where there is one.
async fn cells<S: Sharing>(table: &Table, empty: impl Fn() -> OnceCell<u32, S>) {
    let init = "sync::once_cell::get_or_init";
    let try_init = "sync::once_cell::get_or_try_init";
    let make = async || assert_eq!(*empty().get_or_init(async || 7).await, 7);
    table.row(init, make).await;
    let cell = empty();
    let fail = async || assert!(cell.get_or_try_init(async || Err(())).await.is_err());
    table.row(try_init, fail).await;

    let made = async || Ok::<_, Infallible>(7);
    let mut first = Box::pin(cell.get_or_init(pending));
    assert!(poll_once(first.as_mut()).await.is_none());
    let give_up = || drop(first);
    table
        .waits(init, cell.get_or_init(async || 7), give_up)
        .await;
    let mut first = Box::pin(cell.get_or_init(pending));
    assert!(poll_once(first.as_mut()).await.is_none());
    let give_up = || drop(first);
    table
        .waits(try_init, cell.get_or_try_init(made), give_up)
        .await;
    assert!(cell.get().is_none());

    cell.set(7).unwrap();
    let got = async || assert_eq!(*cell.get_or_init(async || 8).await, 7);
    table.row(init, got).await;
    let got = async || assert_eq!(cell.get_or_try_init(made).await, Ok(&7));
    table.row(try_init, got).await;
}

async fn lazy<S: Sharing>(table: &Table, value: &Lazy<u32, impl AsyncFn() -> u32, S>) {
    let got = async || assert_eq!(*value.get().await, 7);
    table.row("sync::lazy::get", got).await;
}
