//! Pools, tasks, and what asks loops.

use crate::table::Table;
use ringmill::blocking::{Limiter, Pool, spawn_blocking};
use ringmill::net::TcpStream;
use ringmill::{Drain, Handle, LoopRef, PerLoop, serve, spawn, yield_now};
use std::cell::Cell;
use std::future::{IntoFuture, pending};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub async fn look_at(table: &Table) {
    jobs(table).await;
    tasks(table).await;
    servers(table).await;
}

async fn jobs(table: &Table) {
    let job = async || {
        let job = spawn_blocking(|| 7);
        assert_eq!(job.await.unwrap(), 7);
    };
    table.row("blocking::job::Job", job).await;
    let pool = Pool::builder("full").threads(1).queue(1).build();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let occupied = pool.spawn(move || may_go_on.recv());
    while pool.stats().waiting > 0 {
        yield_now().await;
    }
    let queued = pool.spawn(|| ());
    let make_room = || {
        go_on.send(()).unwrap();
        while pool.stats().waiting > 0 {
            std::thread::yield_now();
        }
    };
    let ran = Arc::new(AtomicUsize::new(0));
    let count = ran.clone();
    let outside = pool.spawn(move || count.fetch_add(1, Ordering::SeqCst));
    table.waits("blocking::job::Job", outside, make_room).await;
    occupied.await.unwrap().unwrap();
    queued.await.unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 0);

    let limiter = Limiter::new(1);
    let acquire = async || {
        let permit = limiter.acquire(()).await;
        assert_eq!(limiter.in_use(&()), 1);
        drop(permit);
    };
    table.row("blocking::limiter::Acquire", acquire).await;
    let permit = limiter.try_acquire(()).unwrap();
    let give_back = || drop(permit);
    table
        .waits("blocking::limiter::Acquire", limiter.acquire(()), give_back)
        .await;
    assert!(limiter.try_acquire(()).is_some());
}

async fn tasks(table: &Table) {
    let mut done = spawn(async { 7 });
    while !done.is_finished() {
        yield_now().await;
    }
    table.refuses("task::join::JoinHandle", &mut done).await;
    assert_eq!(done.await.unwrap(), 7);
    let join = async || assert_eq!(spawn(async { 7 }).await.unwrap(), 7);
    table.repeats("task::join::JoinHandle", join).await;
    let here = LoopRef::current().unwrap();
    let call = async || assert_eq!(here.call(async || 7).await.unwrap(), 7);
    table.row("task::join::AbortOnDrop", call).await;

    let handle = Handle::current();
    let each = async || {
        let asked = handle.for_each_loop(|index| async move { index });
        assert_eq!(asked.await.unwrap(), [0]);
    };
    table.row("runtime::handle::for_each_loop", each).await;
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let make = move |_| count.fetch_add(1, Ordering::SeqCst);
    let new = PerLoop::new(&handle, make.clone());
    table.refuses("runtime::per_loop::new", new).await;
    assert_eq!(made.load(Ordering::SeqCst), 0);
    let new = async || drop(PerLoop::new(&handle, make.clone()).await.unwrap());
    table.repeats("runtime::per_loop::new", new).await;

    let drain = Drain::default();
    let name = "runtime::drain::DrainStarted";
    table.waits(name, drain.started(), || drain.start()).await;
    table.row(name, async || drain.started().await).await;
}

async fn servers(table: &Table) {
    let is_ready = Rc::new(Cell::new(false));
    let server = || {
        let told = is_ready.clone();
        let server = serve("127.0.0.1:0", async |_: TcpStream, _: Drain| ());
        let server = server.signals(false).until(pending());
        server.on_ready(move |_| told.set(true)).into_future()
    };
    table.refuses("runtime::serve::Serve", server()).await;
    assert!(!is_ready.get());
    table.waits("runtime::serve::Serve", server(), || ()).await;
    assert!(is_ready.get());
}
