//! Two loops of one runtime; the first receives.

use std::collections::VecDeque;
use std::io;

use ringmill::channel::{mpsc, spsc};
use ringmill::{DriverKind, Handle, Runtime, SpinPolicy};

use super::{BATCH, CAPACITY, SENDERS};
use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Tally, Work};
use crate::server::Driver;

pub fn one_way(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_loops(SpinPolicy::Balanced, DriverKind::Auto, async |handle| {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let watch = Stopwatch::start()?;
        drop(handle.spawn_on(1, move || send_each(sender, each)));
        let tally = receive_all(receiver).await;
        watch.stop(tally.expect(1, each)?)
    })
}

pub fn one_way_spsc(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_loops(SpinPolicy::Balanced, DriverKind::Auto, async |handle| {
        let (mut sender, mut receiver) = spsc::channel(CAPACITY);
        let watch = Stopwatch::start()?;
        drop(handle.spawn_on(1, move || async move {
            for message in 0..each {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        }));
        let mut tally = Tally::default();
        while let Some(message) = receiver.recv().await {
            tally.add(message);
        }
        watch.stop(tally.expect(1, each)?)
    })
}

pub fn batches(work: &Work) -> io::Result<Lap> {
    in_batches(work, SpinPolicy::Balanced)
}

pub fn batches_latency(work: &Work) -> io::Result<Lap> {
    in_batches(work, SpinPolicy::Latency)
}

fn in_batches(work: &Work, spin: SpinPolicy) -> io::Result<Lap> {
    let each = work.operations;
    two_loops(spin, DriverKind::Auto, async |handle| {
        let (mut sender, mut receiver) = spsc::channel(CAPACITY);
        let watch = Stopwatch::start()?;
        drop(handle.spawn_on(1, move || async move {
            let (mut batch, mut next) = (VecDeque::with_capacity(BATCH), 0);
            while next < each {
                let end = each.min(next + BATCH as u64);
                batch.extend(next..end);
                next = end;
                if sender.send_many(&mut batch).await.is_err() {
                    return;
                }
            }
        }));
        let (mut tally, mut batch) = (Tally::default(), Vec::with_capacity(BATCH));
        while receiver.recv_many(&mut batch, BATCH).await > 0 {
            tally.extend(batch.drain(..));
        }
        watch.stop(tally.expect(1, each)?)
    })
}

/// An mpsc channel receives batches; they are sent one by one.
pub fn half_batches(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    two_loops(SpinPolicy::Balanced, DriverKind::Auto, async |handle| {
        let (sender, mut receiver) = mpsc::channel(CAPACITY);
        let watch = Stopwatch::start()?;
        drop(handle.spawn_on(1, move || send_each(sender, each)));
        let (mut tally, mut batch) = (Tally::default(), Vec::with_capacity(BATCH));
        while receiver.recv_many(&mut batch, BATCH).await > 0 {
            tally.extend(batch.drain(..));
        }
        watch.stop(tally.expect(1, each)?)
    })
}

pub fn fan_in(work: &Work) -> io::Result<Lap> {
    let each = work.operations.div_ceil(SENDERS);
    two_loops(SpinPolicy::Balanced, DriverKind::Auto, async |handle| {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let watch = Stopwatch::start()?;
        for number in 0..SENDERS {
            let sender = sender.clone();
            drop(handle.spawn_on((number % 2) as usize, move || send_each(sender, each)));
        }
        drop(sender);
        let tally = receive_all(receiver).await;
        watch.stop(tally.expect(SENDERS, each)?)
    })
}

pub fn ping_pong(work: &Work) -> io::Result<Lap> {
    to_and_fro(work, SpinPolicy::Balanced, DriverKind::Auto)
}

pub fn ping_pong_epoll(work: &Work) -> io::Result<Lap> {
    to_and_fro(work, SpinPolicy::Balanced, DriverKind::Epoll)
}

pub fn ping_pong_latency(work: &Work) -> io::Result<Lap> {
    to_and_fro(work, SpinPolicy::Latency, DriverKind::Auto)
}

pub fn ping_pong_efficient(work: &Work) -> io::Result<Lap> {
    to_and_fro(work, SpinPolicy::Efficient, DriverKind::Auto)
}

pub fn call(work: &Work) -> io::Result<Lap> {
    calls(work, SpinPolicy::Balanced, DriverKind::Auto)
}

pub fn call_epoll(work: &Work) -> io::Result<Lap> {
    calls(work, SpinPolicy::Balanced, DriverKind::Epoll)
}

pub fn call_latency(work: &Work) -> io::Result<Lap> {
    calls(work, SpinPolicy::Latency, DriverKind::Auto)
}

pub fn call_efficient(work: &Work) -> io::Result<Lap> {
    calls(work, SpinPolicy::Efficient, DriverKind::Auto)
}

fn to_and_fro(work: &Work, spin: SpinPolicy, driver: DriverKind) -> io::Result<Lap> {
    let each = work.operations;
    two_loops(spin, driver, async |handle| {
        let (ping, mut pings) = mpsc::channel(1);
        let (pong, mut pongs) = mpsc::channel(1);
        drop(handle.spawn_on(1, move || async move {
            while let Some(message) = pings.recv().await {
                if pong.send(message).await.is_err() {
                    return;
                }
            }
        }));
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for message in 0..each {
            let sent = ping.send(message).await;
            sent.map_err(io::Error::other)?;
            tally.extend(pongs.recv().await);
        }
        watch.stop(tally.expect(1, each)?)
    })
}

fn calls(work: &Work, spin: SpinPolicy, driver: DriverKind) -> io::Result<Lap> {
    let each = work.operations;
    two_loops(spin, driver, async |handle| {
        let other = &handle.loops()[1];
        let watch = Stopwatch::start()?;
        let mut tally = Tally::default();
        for message in 0..each {
            let answer = other.call(move || async move { message }).await;
            tally.add(answer.map_err(io::Error::other)?);
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

/// Runs `measured` on the first of two loops.
pub fn two_loops(
    spin: SpinPolicy,
    driver: DriverKind,
    measured: impl AsyncFnOnce(&Handle) -> io::Result<Lap>,
) -> io::Result<Lap> {
    let runtime: Runtime = ringmill::Builder::new()
        .loops(2)
        .spin(spin)
        .driver(driver)
        .build()?;
    let handle = runtime.handle().clone();
    let lap = runtime.block_on(measured(&handle))?;
    Ok(lap.on(Driver::from(handle.driver())))
}
