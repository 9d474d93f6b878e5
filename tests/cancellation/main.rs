//! Cancellation: futures of every kind, dropped after 0 to 3 polls with traffic all around, lose no
//! byte, no connection, no descriptor, no buffer; and nothing that the kernel has is freed (the
//! guard allocator would end the process).
//!
//! `RINGMILL_CANCELLATIONS` sets how many futures are dropped, `RINGMILL_SEED` repeats a run.

mod bytes;
mod connections;
mod files;
#[path = "../kit/mod.rs"]
mod kit;
mod messages;
mod storm;
mod timers;

use kit::driver::{apply, on_each_driver};
use kit::random::Random;
use kit::tcp::ANY;
use kit::wait::{eventually, soon, until};
use kit::{build, builder, child, process};
use ringmill::blocking::Pool;
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{GuardAllocator, Handle, serve, spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use storm::Storm;

#[global_allocator]
static GUARD: GuardAllocator = GuardAllocator;

/// A debug build drops this many in some seconds.
const CANCELLATIONS: u64 = if cfg!(debug_assertions) {
    50_000
} else {
    200_000
};

async fn pair(listener: &mut TcpListener) -> (TcpStream, TcpStream) {
    let client = spawn(TcpStream::connect(listener.local_addr().unwrap()));
    let (server, _) = soon("the accept", listener.accept()).await.unwrap();
    (client.await.unwrap().unwrap(), server)
}

/// Everything at once on one loop; gives how many bytes and connections were checked.
async fn rage(storm: Storm, address: SocketAddr) -> (u64, u64) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let (mut writers, mut readers, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        let (near, far) = pair(&mut listener).await;
        writers.push(spawn(bytes::write(storm.clone(), near)));
        readers.push(spawn(bytes::read(storm.clone(), far)));
        let (near, far) = pair(&mut listener).await;
        let sent = Rc::new(RefCell::new(messages::Sent::default()));
        others.push(spawn(messages::write(storm.clone(), near, sent.clone())));
        others.push(spawn(messages::read(storm.clone(), far, sent)));
        others.push(spawn(timers::wait(storm.clone())));
        others.push(spawn(timers::join(storm.clone(), Handle::current())));
    }
    let file = spawn(files::use_one(storm.clone()));
    let mut others_too = Vec::new();
    for _ in 0..2 {
        others_too.push(spawn(connections::accept(storm.clone())));
        others_too.push(spawn(connections::connect(storm.clone(), address)));
    }
    let (mut bytes, mut connected) = (0, 0);
    for (writer, reader) in writers.into_iter().zip(readers) {
        let written = soon("a writer", writer).await.unwrap();
        assert_eq!(soon("a reader", reader).await.unwrap(), written);
        bytes += written;
    }
    for task in others {
        soon("a task", task).await.unwrap();
    }
    assert!(soon("a task", file).await.unwrap() > 0);
    for task in others_too {
        connected += soon("a task", task).await.unwrap();
    }
    (bytes, connected)
}

#[apply(on_each_driver)]
fn dropped_futures_lose_nothing_and_leave_nothing() {
    child::alone("dropped_futures_lose_nothing_and_leave_nothing", || {
        let goal = match std::env::var("RINGMILL_CANCELLATIONS") {
            Ok(count) => count.parse().expect("a number"),
            Err(_) => CANCELLATIONS,
        };
        let mut random = Random::seeded();
        // Its threads go when they have nothing to do, so that they can be counted.
        let pool = Pool::builder("files").threads(4);
        let pool = pool.keep_alive(Duration::from_millis(100));
        let runtime = build(builder(2).blocking_pool(pool));
        let handle = runtime.handle().clone();
        let before = (process::descriptors(), process::threads());

        let dropped = Arc::new(AtomicU64::new(0));
        let seeds = [random.next(), random.next(), random.next()];
        let storm_on = {
            let dropped = dropped.clone();
            move |index: usize| Storm::new(seeds[index], dropped.clone(), goal)
        };
        let checked = runtime.block_on(async {
            let (ready, address) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
            let stop = Rc::new(Cell::new(false));
            let server = spawn({
                let (address, stop, ready) = (address.clone(), stop.clone(), ready.clone());
                let storm_on = storm_on.clone();
                let answer = move |stream, drain| connections::answer(storm_on(2), stream, drain);
                let server = serve(ANY, answer)
                    .signals(false)
                    .on_ready(move |bound| address.set(Some(bound)))
                    .until(async move { until("the end", || stop.get()).await });
                async move {
                    ready.set(Some(()));
                    server.await
                }
            });
            until("the server", || address.get().is_some()).await;
            let address = address.get().unwrap();
            let mut checked = (0, 0);
            for task in handle.spawn_on_each(move |index| rage(storm_on(index), address)) {
                let (bytes, connected) = task.await.unwrap();
                checked = (checked.0 + bytes, checked.1 + connected);
            }
            stop.set(true);
            soon("the server's end", server).await.unwrap().unwrap();
            checked
        });

        let dropped = dropped.load(Ordering::Relaxed);
        assert!(dropped >= goal);
        assert!(checked.0 > 0 && checked.1 > 0);
        println!(
            "{dropped} futures dropped, {} bytes and {} connections checked",
            checked.0, checked.1
        );
        eventually("everything is given back", || {
            runtime.block_on(yield_now());
            let stats = handle.stats();
            stats.iter().all(|stats| {
                // The one slot listens for wake-ups.
                (stats.slots, stats.leased, stats.tasks, stats.timers) == (1, 0, 0, 0)
            }) && (process::descriptors(), process::threads()) == before
        });
    });
}
