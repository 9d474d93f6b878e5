//! Channels: messages stay where they are, or with whoever would send them.

use crate::table::{Table, next};
use ringmill::channel::{broadcast, mpsc, oneshot, spsc, watch};
use std::collections::VecDeque;

/// More than are taken.
const MANY: usize = 2048;

pub async fn look_at(table: &Table) {
    receivers(table).await;
    senders(table).await;
    latest(table).await;
    single(table).await;
}

async fn receivers(table: &Table) {
    let (tx, mut rx) = mpsc::channel(MANY);
    (0..MANY).for_each(|number| tx.try_send(number).unwrap());
    let mut expected = 0;
    let recv = async || {
        assert_eq!(rx.recv().await, Some(expected));
        expected += 1;
    };
    table.row("channel::mpsc::receiver::recv", recv).await;
    let recv_many = async || {
        let mut batch = Vec::new();
        assert_eq!(rx.recv_many(&mut batch, 2).await, 2);
        assert_eq!(batch, [expected, expected + 1]);
        expected += 2;
    };
    table
        .row("channel::mpsc::receiver::recv_many", recv_many)
        .await;
    let stream = async || {
        assert_eq!(next(&mut rx).await, Some(expected));
        expected += 1;
    };
    table.row("channel::mpsc::receiver::Receiver", stream).await;
    while rx.try_recv().is_ok() {}
    let send = || tx.try_send(7).unwrap();
    table
        .waits("channel::mpsc::receiver::recv", rx.recv(), send)
        .await;
    assert_eq!(rx.try_recv(), Ok(7));

    let (mut tx, mut rx) = spsc::channel(MANY);
    (0..MANY).for_each(|number| tx.try_send(number).unwrap());
    let mut expected = 0;
    let recv = async || {
        assert_eq!(rx.recv().await, Some(expected));
        expected += 1;
    };
    table.row("channel::spsc::receiver::recv", recv).await;
    let recv_many = async || {
        let mut batch = Vec::new();
        assert_eq!(rx.recv_many(&mut batch, 2).await, 2);
        assert_eq!(batch, [expected, expected + 1]);
        expected += 2;
    };
    table
        .row("channel::spsc::receiver::recv_many", recv_many)
        .await;
    let stream = async || {
        assert_eq!(next(&mut rx).await, Some(expected));
        expected += 1;
    };
    table.row("channel::spsc::receiver::Receiver", stream).await;
    while rx.try_recv().is_ok() {}
    let send = || tx.try_send(7).unwrap();
    table
        .waits("channel::spsc::receiver::recv", rx.recv(), send)
        .await;
    assert_eq!(rx.try_recv(), Ok(7));

    let (tx, mut rx) = broadcast::channel(MANY);
    (0..MANY).for_each(|number| assert_eq!(tx.send(number), Ok(1)));
    let mut expected = 0;
    let recv = async || {
        assert_eq!(rx.recv().await, Ok(expected));
        expected += 1;
    };
    table.row("channel::broadcast::receiver::recv", recv).await;
    let stream = async || {
        assert_eq!(next(&mut rx).await, Some(Ok(expected)));
        expected += 1;
    };
    table
        .row("channel::broadcast::receiver::Receiver", stream)
        .await;
    while rx.try_recv().is_ok() {}
    let send = || assert_eq!(tx.send(7), Ok(1));
    table
        .waits("channel::broadcast::receiver::recv", rx.recv(), send)
        .await;
    assert_eq!(rx.try_recv(), Ok(7));
}

async fn senders(table: &Table) {
    let (tx, mut rx) = mpsc::channel(MANY);
    let mut sent = 0;
    let send = async || {
        tx.send(sent).await.unwrap();
        sent += 1;
    };
    table.row("channel::mpsc::sender::send", send).await;
    (0..sent).for_each(|number| assert_eq!(rx.try_recv(), Ok(number)));
    assert!(rx.try_recv().is_err());
    (0..MANY).for_each(|number| tx.try_send(number).unwrap());
    let receive = || assert_eq!(rx.try_recv(), Ok(0));
    table
        .waits("channel::mpsc::sender::send", tx.send(7), receive)
        .await;
    assert_eq!(rx.len(), MANY - 1);

    let (mut tx, mut rx) = spsc::channel(MANY);
    let mut sent = 0;
    let send = async || {
        tx.send(sent).await.unwrap();
        sent += 1;
    };
    table.row("channel::spsc::sender::send", send).await;
    let send_many = async || {
        let mut batch = VecDeque::from([sent, sent + 1]);
        tx.send_many(&mut batch).await.unwrap();
        sent += 2;
    };
    table
        .row("channel::spsc::sender::send_many", send_many)
        .await;
    (0..sent).for_each(|number| assert_eq!(rx.try_recv(), Ok(number)));
    assert!(rx.try_recv().is_err());
    (0..MANY).for_each(|number| tx.try_send(number).unwrap());
    let receive = || assert_eq!(rx.try_recv(), Ok(0));
    table
        .waits("channel::spsc::sender::send", tx.send(7), receive)
        .await;
    assert_eq!(rx.len(), MANY - 1);
}

async fn latest(table: &Table) {
    let (tx, mut rx) = watch::channel(0);
    let changed = async || {
        if !rx.has_changed() {
            tx.send(*tx.borrow() + 1).unwrap();
        }
        rx.changed().await.unwrap();
        assert!(!rx.has_changed());
    };
    table
        .row("channel::watch::receiver::changed", changed)
        .await;
    tx.send(1).unwrap();
    let wait_for = async || assert_eq!(*rx.wait_for(|&value| value == 1).await.unwrap(), 1);
    table
        .row("channel::watch::receiver::wait_for", wait_for)
        .await;
    let stream = async || {
        if !rx.has_changed() {
            tx.send(*tx.borrow() + 1).unwrap();
        }
        assert_eq!(next(&mut rx).await, Some(*tx.borrow()));
    };
    table
        .row("channel::watch::receiver::Receiver", stream)
        .await;
    let send = || tx.send(0).unwrap();
    table
        .waits("channel::watch::receiver::changed", rx.changed(), send)
        .await;
    assert!(rx.has_changed());
}

async fn single(table: &Table) {
    let recv = async || {
        let (tx, rx) = oneshot::channel();
        tx.send(7).unwrap();
        assert_eq!(rx.await, Ok(7));
    };
    table.row("channel::oneshot::Receiver", recv).await;
    let (tx, mut rx) = oneshot::channel();
    let send = || tx.send(7).unwrap();
    table
        .waits("channel::oneshot::Receiver", &mut rx, send)
        .await;
    assert_eq!(rx.try_recv(), Ok(7));
    let (mut tx, rx) = oneshot::channel::<u32>();
    let close = || drop(rx);
    table
        .waits("channel::oneshot::closed", tx.closed(), close)
        .await;
    table
        .row("channel::oneshot::closed", async || tx.closed().await)
        .await;
}
