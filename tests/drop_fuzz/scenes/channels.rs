//! Channels: a message is received or still there; a send that was dropped has not sent.

use super::gap;
use crate::cut::Cut;
use futures_lite::StreamExt;
use ringmill::channel::{broadcast, mpsc, oneshot, spsc, watch};
use ringmill::{JoinHandle, spawn};
use std::collections::VecDeque;

const MESSAGES: u64 = 6;

/// Takes by `next` what comes, until it says that nothing more will: each of the messages, in order.
async fn all_of(mut next: impl AsyncFnMut() -> Option<Vec<u64>>) {
    let mut expected = 0;
    loop {
        match next().await {
            Some(numbers) if numbers.is_empty() => break,
            Some(numbers) => {
                for number in numbers {
                    assert_eq!(number, expected);
                    expected += 1;
                }
            }
            None => {}
        }
    }
    assert_eq!(expected, MESSAGES);
}

/// Where a message or the end comes.
fn one(message: Option<u64>) -> Vec<u64> {
    message.into_iter().collect()
}

fn mpsc_fed() -> mpsc::Receiver<u64> {
    let (sender, receiver) = mpsc::channel(2);
    drop(spawn(async move {
        for number in 0..MESSAGES {
            gap().await;
            sender.send(number).await.unwrap();
        }
    }));
    receiver
}

pub async fn mpsc_recv(cut: Cut) {
    let mut receiver = mpsc_fed();
    all_of(async || cut.at(receiver.recv()).await.map(one)).await;
}

pub async fn mpsc_recv_many(cut: Cut) {
    let mut receiver = mpsc_fed();
    let mut into = Vec::new();
    all_of(async || {
        let received = cut.at(receiver.recv_many(&mut into, 4)).await;
        assert_eq!(into.len(), received.unwrap_or(0));
        received.map(|_| std::mem::take(&mut into))
    })
    .await;
}

pub async fn mpsc_next(cut: Cut) {
    let mut receiver = mpsc_fed();
    all_of(async || cut.at(receiver.next()).await.map(one)).await;
}

/// Another sender waits, and gets the turn of one that is dropped.
pub async fn mpsc_send(cut: Cut) {
    let (sender, mut receiver) = mpsc::channel(1);
    let other = spawn({
        let sender = sender.clone();
        async move {
            gap().await;
            sender.send(u64::MAX).await.unwrap();
        }
    });
    let receiving = spawn(async move {
        let mut numbers = Vec::new();
        while let Some(number) = receiver.recv().await {
            numbers.push(number);
            gap().await;
        }
        numbers
    });
    let mut number = 0;
    while number < MESSAGES {
        if let Some(sent) = cut.at(sender.send(number)).await {
            sent.unwrap();
            number += 1;
        }
    }
    drop(sender);
    other.await.unwrap();
    let mut numbers = receiving.await.unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..MESSAGES).chain([u64::MAX]).collect::<Vec<_>>());
}

fn spsc_fed() -> spsc::Receiver<u64> {
    let (mut sender, receiver) = spsc::channel(2);
    drop(spawn(async move {
        for number in 0..MESSAGES {
            gap().await;
            sender.send(number).await.unwrap();
        }
    }));
    receiver
}

pub async fn spsc_recv(cut: Cut) {
    let mut receiver = spsc_fed();
    all_of(async || cut.at(receiver.recv()).await.map(one)).await;
}

pub async fn spsc_recv_many(cut: Cut) {
    let mut receiver = spsc_fed();
    let mut into = Vec::new();
    all_of(async || {
        let received = cut.at(receiver.recv_many(&mut into, 4)).await;
        assert_eq!(into.len(), received.unwrap_or(0));
        received.map(|_| std::mem::take(&mut into))
    })
    .await;
}

pub async fn spsc_next(cut: Cut) {
    let mut receiver = spsc_fed();
    all_of(async || cut.at(receiver.next()).await.map(one)).await;
}

fn spsc_drained(mut receiver: spsc::Receiver<u64>) -> JoinHandle<()> {
    spawn(async move {
        all_of(async || {
            gap().await;
            Some(one(receiver.recv().await))
        })
        .await;
    })
}

pub async fn spsc_send(cut: Cut) {
    let (mut sender, receiver) = spsc::channel(1);
    let receiving = spsc_drained(receiver);
    let mut number = 0;
    while number < MESSAGES {
        if let Some(sent) = cut.at(sender.send(number)).await {
            sent.unwrap();
            number += 1;
        }
    }
    drop(sender);
    receiving.await.unwrap();
}

pub async fn spsc_send_many(cut: Cut) {
    let (mut sender, receiver) = spsc::channel(1);
    let receiving = spsc_drained(receiver);
    let mut batch: VecDeque<_> = (0..MESSAGES).collect();
    while !batch.is_empty() {
        if let Some(sent) = cut.at(sender.send_many(&mut batch)).await {
            sent.unwrap();
        }
    }
    drop(sender);
    receiving.await.unwrap();
}

pub async fn oneshot(cut: Cut) {
    let (sender, mut receiver) = oneshot::channel();
    let sending = spawn(async move {
        gap().await;
        sender.send(7).unwrap();
    });
    let received = loop {
        if let Some(received) = cut.at(&mut receiver).await {
            break received;
        }
    };
    assert_eq!(received, Ok(7));
    sending.await.unwrap();
}

pub async fn oneshot_closed(cut: Cut) {
    let (mut sender, receiver) = oneshot::channel::<()>();
    let dropping = spawn(async move {
        gap().await;
        drop(receiver);
    });
    while cut.at(sender.closed()).await.is_none() {}
    assert!(sender.is_closed());
    dropping.await.unwrap();
}

fn broadcast_fed() -> broadcast::Receiver<u64> {
    let (sender, receiver) = broadcast::channel(MESSAGES as usize);
    drop(spawn(async move {
        for number in 0..MESSAGES {
            gap().await;
            sender.send(number).unwrap();
        }
    }));
    receiver
}

pub async fn broadcast_recv(cut: Cut) {
    let mut receiver = broadcast_fed();
    all_of(async || Some(one(cut.at(receiver.recv()).await?.ok()))).await;
}

pub async fn broadcast_next(cut: Cut) {
    let mut receiver = broadcast_fed();
    all_of(async || Some(one(cut.at(receiver.next()).await?.map(Result::unwrap)))).await;
}

/// The last value is seen by everyone; none is seen twice.
async fn watching(mut next: impl AsyncFnMut(&mut watch::Receiver<u64>) -> Option<u64>) {
    let (sender, mut receiver) = watch::channel(0);
    let sending = spawn(async move {
        for number in 1..=MESSAGES {
            gap().await;
            sender.send(number).unwrap();
        }
        sender
    });
    let mut last = 0;
    while last < MESSAGES {
        if let Some(seen) = next(&mut receiver).await {
            assert!(seen > last, "{seen} after {last}");
            last = seen;
        }
    }
    sending.await.unwrap();
}

pub async fn watch_changed(cut: Cut) {
    watching(async |receiver| {
        cut.at(receiver.changed()).await?.unwrap();
        Some(*receiver.borrow())
    })
    .await;
}

pub async fn watch_wait_for(cut: Cut) {
    watching(async |receiver| {
        let last = cut
            .at(receiver.wait_for(|&value| value == MESSAGES))
            .await?;
        Some(*last.unwrap())
    })
    .await;
}

pub async fn watch_next(cut: Cut) {
    // The value that is there already comes first.
    watching(async |receiver| {
        let next = cut.at(receiver.next()).await?.unwrap();
        (next > 0).then_some(next)
    })
    .await;
}
