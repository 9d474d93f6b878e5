//! flume's channels, between Tokio's runtimes: it has none of its own.

use std::io;

use flume::{Receiver, Sender};

use super::tokio::two_runtimes;
use super::{CAPACITY, SENDERS};
use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Tally, Work};

pub fn one_way(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_runtimes(work, async |other| {
        let (sender, receiver) = flume::bounded(CAPACITY);
        let watch = Stopwatch::start()?;
        other.spawn(send_each(sender, each));
        let tally = receive_all(receiver).await;
        watch.stop(tally.expect(1, each)?)
    })
}

/// All that has come in the meantime is taken at once; messages are sent one by one.
pub fn batches(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_runtimes(work, async |other| {
        let (sender, receiver) = flume::bounded(CAPACITY);
        let watch = Stopwatch::start()?;
        other.spawn(send_each(sender, each));
        let mut tally = Tally::default();
        while let Ok(message) = receiver.recv_async().await {
            tally.add(message);
            tally.extend(receiver.drain());
        }
        watch.stop(tally.expect(1, each)?)
    })
}

pub fn fan_in(work: &Work) -> io::Result<Lap> {
    let each = work.operations.div_ceil(SENDERS);
    two_runtimes(work, async |other| {
        let (sender, receiver) = flume::bounded(CAPACITY);
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
        let (ping, pings) = flume::bounded(1);
        let (pong, pongs) = flume::bounded(1);
        other.spawn(async move {
            while let Ok(message) = pings.recv_async().await {
                if pong.send_async(message).await.is_err() {
                    return;
                }
            }
        });
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for message in 0..each {
            let sent = ping.send_async(message).await;
            sent.map_err(io::Error::other)?;
            tally.add(pongs.recv_async().await.map_err(io::Error::other)?);
        }
        watch.stop(tally.expect(1, each)?)
    })
}

async fn send_each(sender: Sender<u64>, each: u64) {
    for message in 0..each {
        if sender.send_async(message).await.is_err() {
            return;
        }
    }
}

async fn receive_all(receiver: Receiver<u64>) -> Tally {
    let mut tally = Tally::default();
    while let Ok(message) = receiver.recv_async().await {
        tally.add(message);
    }
    tally
}
