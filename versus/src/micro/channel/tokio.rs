//! Two current-thread runtimes, each on a thread and a processor of its own; the first receives.

use std::io;
use std::sync::mpsc as plain;
use std::thread;

use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::{BATCH, CAPACITY, SENDERS};
use crate::confine;
use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Tally, Work};

pub fn one_way(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_runtimes(work, async |other| {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let watch = Stopwatch::start()?;
        other.spawn(send_each(sender, each));
        let tally = receive_all(receiver).await;
        watch.stop(tally.expect(1, each)?)
    })
}

pub fn batches(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_runtimes(work, async |other| {
        let (sender, mut receiver) = mpsc::channel(CAPACITY);
        let watch = Stopwatch::start()?;
        other.spawn(async move {
            let mut next = 0;
            while next < each {
                let end = each.min(next + BATCH as u64);
                let Ok(permits) = sender.reserve_many((end - next) as usize).await else {
                    return;
                };
                for (permit, message) in permits.zip(next..end) {
                    permit.send(message);
                }
                next = end;
            }
        });
        let (mut tally, mut batch) = (Tally::default(), Vec::with_capacity(BATCH));
        while receiver.recv_many(&mut batch, BATCH).await > 0 {
            tally.extend(batch.drain(..));
        }
        watch.stop(tally.expect(1, each)?)
    })
}

pub fn fan_in(work: &Work) -> io::Result<Lap> {
    let each = work.operations.div_ceil(SENDERS);
    two_runtimes(work, async |other| {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let watch = Stopwatch::start()?;
        for _ in 0..SENDERS / 2 {
            tokio::spawn(send_each(sender.clone(), each));
            other.spawn(send_each(sender.clone(), each));
        }
        drop(sender);
        let tally = receive_all(receiver).await;
        watch.stop(tally.expect(SENDERS, each)?)
    })
}

pub fn ping_pong(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_runtimes(work, async |other| {
        let (ping, mut pings) = mpsc::channel(1);
        let (pong, mut pongs) = mpsc::channel(1);
        other.spawn(async move {
            while let Some(message) = pings.recv().await {
                if pong.send(message).await.is_err() {
                    return;
                }
            }
        });
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for message in 0..each {
            ping.send(message).await.map_err(io::Error::other)?;
            tally.extend(pongs.recv().await);
        }
        watch.stop(tally.expect(1, each)?)
    })
}

pub fn call(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_runtimes(work, async |other| {
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for message in 0..each {
            tally.add(other.spawn(async move { message }).await?);
        }
        watch.stop(tally.expect(1, each)?)
    })
}

async fn send_each(sender: mpsc::Sender<u64>, each: u64) {
    for message in 0..each {
        if sender.send(message).await.is_err() {
            return;
        }
    }
}

async fn receive_all(mut receiver: mpsc::Receiver<u64>) -> Tally {
    let mut tally = Tally::default();
    while let Some(message) = receiver.recv().await {
        tally.add(message);
    }
    tally
}

/// Runs `measured` on the first of two runtimes, and gives it the other.
pub fn two_runtimes(
    work: &Work,
    measured: impl AsyncFnOnce(&Handle) -> io::Result<Lap>,
) -> io::Result<Lap> {
    let [here, there] = work.cpus;
    let (end, ended) = oneshot::channel::<()>();
    let (tell, told) = plain::sync_channel(1);
    thread::scope(|scope| {
        let other = scope.spawn(move || -> io::Result<()> {
            confine::pin(&[there])?;
            let runtime = current_thread()?;
            tell.send(runtime.handle().clone())
                .map_err(io::Error::other)?;
            // Dropping the sender is the end as well.
            let _ = runtime.block_on(ended);
            Ok(())
        });
        confine::pin(&[here])?;
        let runtime = current_thread()?;
        let lap = told
            .recv()
            .map_err(|_| io::Error::other("the other runtime did not start"))
            .and_then(|handle| runtime.block_on(measured(&handle)));
        drop(end);
        match other.join() {
            Ok(ended) => ended.and(lap),
            Err(_) => Err(io::Error::other("the other runtime panicked")),
        }
    })
}

fn current_thread() -> io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}
