//! broadcast: waiting, lagging, the end.

use super::*;
use crate::channel::broadcast::{self, RecvError};

/// What a receiver gets until the end: messages, and how many it missed.
fn receive(mut receiver: broadcast::Receiver<Message>) -> (Vec<u32>, u64) {
    let (mut received, mut missed) = (Vec::new(), 0);
    loop {
        match block_on(receiver.recv()) {
            Ok(number) => received.push(*number),
            Err(RecvError::Lagged(by)) => missed += by,
            Err(RecvError::Closed) => return (received, missed),
        }
    }
}

#[test]
fn loom_broadcast_a_receiver_that_waits_gets_every_message_and_the_end() {
    bounded(2, || {
        let (sender, receiver) = broadcast::channel(2);
        let sending = thread::spawn(move || {
            sender.send(message(0)).unwrap();
            sender.send(message(1)).unwrap();
        });
        assert_eq!(receive(receiver), (vec![0, 1], 0));
        sending.join().unwrap();
    });
}

#[test]
fn loom_broadcast_a_message_wakes_all_who_wait() {
    bounded(2, || {
        let (sender, mut first) = broadcast::channel::<Message>(1);
        let mut second = sender.subscribe();
        let receiving = thread::spawn(move || *block_on(second.recv()).unwrap());
        let sending = thread::spawn(move || {
            sender.send(message(7)).unwrap();
            sender
        });
        assert_eq!(*block_on(first.recv()).unwrap(), 7);
        assert_eq!(receiving.join().unwrap(), 7);
        drop(sending.join().unwrap());
    });
}

/// Two senders and room for one message: what is not received is counted.
#[test]
fn loom_broadcast_every_message_is_received_or_missed() {
    bounded(2, || {
        let (sender, receiver) = broadcast::channel(1);
        let other = sender.clone();
        let sending = thread::spawn(move || other.send(message(1)).unwrap());
        sender.send(message(1)).unwrap();
        drop(sender);
        let (received, missed) = receive(receiver);
        assert_eq!(received.len() as u64 + missed, 2);
        sending.join().unwrap();
    });
}
