//! What tasks agree by, in the form for several loops; that for one is of the same code.

use crate::table::Table;
use ringmill::sync::{
    Barrier, CapacityLimiter, Condvar, Event, Lazy, LazyFuture, MVar, Mutex, Notify, OnceCell,
    RwLock, Semaphore,
};
use ringmill::{spawn, yield_now};
use std::sync::Arc;

pub async fn look_at(table: &Table) {
    locks(table).await;
    permits(table).await;
    signals(table).await;
    values(table).await;
}

async fn locks(table: &Table) {
    let mutex = Arc::new(Mutex::new(7));
    let lock = async || assert_eq!(*mutex.lock().await, 7);
    table.row("sync::mutex::lock", lock).await;
    let lock = async || assert_eq!(*mutex.clone().lock_owned().await, 7);
    table.row("sync::mutex::lock_owned", lock).await;
    // What did not happen has taken nothing.
    assert!(mutex.try_lock().is_ok());

    let rwlock = Arc::new(RwLock::new(7));
    let read = async || assert_eq!(*rwlock.read().await, 7);
    table.row("sync::rwlock::read", read).await;
    let read = async || assert_eq!(*rwlock.clone().read_owned().await, 7);
    table.row("sync::rwlock::read_owned", read).await;
    let write = async || assert_eq!(*rwlock.write().await, 7);
    table.row("sync::rwlock::write", write).await;
    let write = async || assert_eq!(*rwlock.clone().write_owned().await, 7);
    table.row("sync::rwlock::write_owned", write).await;
    assert!(rwlock.try_write().is_ok());
}

async fn permits(table: &Table) {
    let semaphore = Arc::new(Semaphore::new(2));
    let one = async || drop(semaphore.acquire().await.unwrap());
    table.row("sync::semaphore::acquire", one).await;
    let two = async || drop(semaphore.acquire_many(2).await.unwrap());
    table.row("sync::semaphore::acquire_many", two).await;
    let one = async || drop(semaphore.clone().acquire_owned().await.unwrap());
    table.row("sync::semaphore::acquire_owned", one).await;
    let two = async || drop(semaphore.clone().acquire_many_owned(2).await.unwrap());
    table.row("sync::semaphore::acquire_many_owned", two).await;
    assert_eq!(semaphore.available_permits(), 2);

    let limiter = Arc::new(CapacityLimiter::new(1));
    let name = "sync::capacity_limiter::acquire_on_behalf_of";
    let borrow = async || drop(limiter.acquire_on_behalf_of("me").await.unwrap());
    table.row(name, borrow).await;
    let name = "sync::capacity_limiter::acquire_on_behalf_of_owned";
    let borrow = async || {
        drop(
            limiter
                .clone()
                .acquire_on_behalf_of_owned("me")
                .await
                .unwrap(),
        )
    };
    table.row(name, borrow).await;
    assert_eq!(limiter.available_tokens(), 1);
}

async fn signals(table: &Table) {
    let event = Event::new();
    event.set();
    table
        .row("sync::event::wait", async || event.wait().await)
        .await;

    let barrier = Barrier::new(1);
    let pass = async || assert!(barrier.wait().await.is_leader());
    table.row("sync::barrier::wait", pass).await;

    let notify = Notify::new();
    let notified = async || {
        notify.notify_one();
        notify.notified().await;
    };
    table.row("sync::notify::Notified", notified).await;

    let (mutex, condvar) = (Mutex::new(7), Arc::new(Condvar::new()));
    let name = "sync::condvar::wait_while";
    let guard = mutex.try_lock().unwrap();
    table
        .refuses(name, condvar.wait_while(guard, |_| true))
        .await;
    let at_once = async || {
        let guard = mutex.try_lock().unwrap();
        assert_eq!(*condvar.wait_while(guard, |_| false).await, 7);
    };
    table.repeats(name, at_once).await;
    let name = "sync::condvar::wait";
    let guard = mutex.try_lock().unwrap();
    table.refuses(name, condvar.wait(guard)).await;
    let told = async || {
        let guard = mutex.try_lock().unwrap();
        let telling = condvar.clone();
        spawn(async move {
            while telling.waiting() == 0 {
                yield_now().await;
            }
            telling.notify_one();
        });
        drop(condvar.wait(guard).await);
    };
    table.repeats(name, told).await;
}

async fn values(table: &Table) {
    let mvar = MVar::new(7);
    let read = async || assert_eq!(mvar.read().await, 7);
    table.row("sync::mvar::read", read).await;
    let update = async || assert_eq!(mvar.update(|value| *value).await, 7);
    table.row("sync::mvar::update", update).await;
    // Where it is refused, what is in it has to stay.
    table.refuses("sync::mvar::take", mvar.take()).await;
    assert_eq!(mvar.try_read(), Some(7));
    let take = async || {
        let _ = mvar.try_put(7);
        assert_eq!(mvar.take().await, 7);
    };
    table.repeats("sync::mvar::take", take).await;
    table.refuses("sync::mvar::put", mvar.put(8)).await;
    assert!(mvar.is_empty());
    let put = async || {
        let _ = mvar.try_take();
        mvar.put(8).await;
    };
    table.repeats("sync::mvar::put", put).await;

    let cell = OnceCell::new();
    let name = "sync::once_cell::get_or_init";
    let never = async || unreachable!("it is refused");
    table.refuses(name, cell.get_or_init(never)).await;
    assert_eq!(cell.get(), None);
    let made = async || assert_eq!(*cell.get_or_init(async || 7).await, 7);
    table.repeats(name, made).await;
    let name = "sync::once_cell::get_or_try_init";
    let made = async || {
        let init = async || Err("it is there");
        assert_eq!(cell.get_or_try_init(init).await, Ok(&7));
    };
    table.row(name, made).await;

    let lazy: Lazy<u32> = Lazy::new(|| -> LazyFuture<u32> { Box::pin(async { 7 }) });
    table.refuses("sync::lazy::get", lazy.get()).await;
    assert_eq!(lazy.try_get(), None);
    let get = async || assert_eq!(*lazy.get().await, 7);
    table.repeats("sync::lazy::get", get).await;
}
