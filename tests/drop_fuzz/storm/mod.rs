//! The storm: traffic of many kinds, and futures dropped after 0 to 3 polls all around.

mod bytes;
mod connections;
mod files;
mod messages;
mod timers;

use crate::chance::Storm;
use crate::kit::random::Random;
use crate::kit::tcp::{ANY, pair};
use crate::kit::wait::{soon, until};
use ringmill::{Handle, Runtime, serve, spawn};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Everything at once on one loop; gives how many bytes and connections were checked.
async fn on_loop(storm: Storm, address: SocketAddr) -> (u64, u64) {
    let (mut writers, mut readers, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        let (near, far) = pair().await;
        writers.push(spawn(bytes::write(storm.clone(), near)));
        readers.push(spawn(bytes::read(storm.clone(), far)));
        let (near, far) = pair().await;
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

/// Drops so many futures on each of two loops and a server, and checks what came of the others.
pub fn rage(runtime: &Runtime, random: &mut Random, goal: u64) {
    let handle = runtime.handle().clone();
    let dropped = Arc::new(AtomicU64::new(0));
    let seeds = [random.next(), random.next(), random.next()];
    let storm_on = {
        let dropped = dropped.clone();
        move |index: usize| Storm::new(seeds[index], dropped.clone(), goal)
    };
    let checked = runtime.block_on(async {
        let address = Rc::new(Cell::new(None));
        let stop = Rc::new(Cell::new(false));
        let server = spawn({
            let (address, stop) = (address.clone(), stop.clone());
            let storm_on = storm_on.clone();
            let answer = move |stream, drain| connections::answer(storm_on(2), stream, drain);
            let server = serve(ANY, answer)
                .signals(false)
                .on_ready(move |bound| address.set(Some(bound)))
                .until(async move { until("the end", || stop.get()).await });
            async move { server.await }
        });
        until("the server", || address.get().is_some()).await;
        let address = address.get().unwrap();
        let mut checked = (0, 0);
        for task in handle.spawn_on_each(move |index| on_loop(storm_on(index), address)) {
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
}
