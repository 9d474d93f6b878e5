//! Pipes: the bytes that went in come out, in order.

use super::gap;
use crate::cut::Cut;
use crate::kit::tcp::megabytes;
use ringmill::pipe::{Receiver, Sender, pipe};
use ringmill::spawn;
use std::io::IoSlice;

const PIECES: [usize; 3] = [1, 3_000, 70];
const FED: usize = 3_071;

/// More than a pipe holds.
const WRITTEN: usize = 150_000;

async fn feed(mut sender: Sender) {
    let mut at = 0;
    for len in PIECES {
        gap().await;
        sender.write_all(&megabytes()[at..at + len]).await.unwrap();
        at += len;
    }
}

pub async fn read(cut: Cut) {
    let (sender, mut receiver) = pipe().unwrap();
    let feeding = spawn(feed(sender));
    let mut all = Vec::new();
    loop {
        let mut room = vec![0; 1 + cut.below(4_000) as usize];
        match cut.ok(receiver.read(&mut room)).await {
            Some(0) => break,
            Some(read) => all.extend_from_slice(&room[..read]),
            None => {}
        }
    }
    feeding.await.unwrap();
    assert!(all == megabytes()[..FED]);
}

pub async fn read_to_end(cut: Cut) {
    let (sender, mut receiver) = pipe().unwrap();
    let feeding = spawn(feed(sender));
    let mut all = Vec::new();
    while cut.ok(receiver.read_to_end(&mut all)).await.is_none() {}
    feeding.await.unwrap();
    assert!(all == megabytes()[..FED]);
}

/// What a dropped one has read is in the room, and the rest comes behind it.
pub async fn read_exact(cut: Cut) {
    let (sender, mut receiver) = pipe().unwrap();
    let feeding = spawn(feed(sender));
    let mut room = vec![0; FED - 50];
    let whole = cut.ok(receiver.read_exact(&mut room)).await;
    let mut rest = Vec::new();
    receiver.read_to_end(&mut rest).await.unwrap();
    feeding.await.unwrap();
    let read = FED - rest.len();
    assert!(room[..read] == megabytes()[..read] && rest == megabytes()[read..FED]);
    assert!(whole.is_none() || read == room.len());
}

/// Writes by `write`, which says how many bytes it wrote, and how many more it may have: then it is
/// the last.
async fn writing(write: impl AsyncFn(&mut Sender, &'static [u8]) -> (usize, usize)) {
    async fn drain(mut receiver: Receiver) -> Vec<u8> {
        gap().await;
        let mut all = Vec::new();
        receiver.read_to_end(&mut all).await.unwrap();
        all
    }
    let (mut sender, receiver) = pipe().unwrap();
    let arriving = spawn(drain(receiver));
    let (mut sure, mut maybe) = (0, 0);
    while sure < WRITTEN && maybe == 0 {
        let piece = &megabytes()[sure..WRITTEN.min(sure + 50_000)];
        let (written, more) = write(&mut sender, piece).await;
        (sure, maybe) = (sure + written, more);
    }
    drop(sender);
    let arrived = arriving.await.unwrap();
    assert!((sure..=sure + maybe).contains(&arrived.len()));
    assert!(arrived == megabytes()[..arrived.len()]);
}

pub async fn write(cut: Cut) {
    writing(async |sender, bytes| {
        let written = cut.at(sender.write(bytes)).await;
        (written.map_or(0, Result::unwrap), 0)
    })
    .await;
}

pub async fn write_vectored(cut: Cut) {
    writing(async |sender, bytes| {
        let (one, two) = bytes.split_at(bytes.len() / 3);
        let pieces = [IoSlice::new(one), IoSlice::new(two)];
        let written = cut.at(sender.write_vectored(&pieces)).await;
        (written.map_or(0, Result::unwrap), 0)
    })
    .await;
}

pub async fn write_all(cut: Cut) {
    writing(
        async |sender, bytes| match cut.ok(sender.write_all(bytes)).await {
            Some(()) => (bytes.len(), 0),
            None => (0, bytes.len()),
        },
    )
    .await;
}
