//! spsc: a ring of one or two, gone around.

use super::*;
use crate::channel::spsc;
use std::collections::VecDeque;

#[test]
fn loom_spsc_messages_go_around_a_ring_of_one() {
    bounded(3, || {
        let (mut sender, mut receiver) = spsc::channel(1);
        let sending = thread::spawn(move || {
            for number in 0..3 {
                block_on(sender.send(message(number))).unwrap();
            }
        });
        for number in 0..3 {
            assert_eq!(*block_on(receiver.recv()).unwrap(), number);
        }
        assert!(block_on(receiver.recv()).is_none());
        sending.join().unwrap();
    });
}

#[test]
fn loom_spsc_batches_go_around_a_ring_of_two() {
    bounded(3, || {
        let (mut sender, mut receiver) = spsc::channel(2);
        let sending = thread::spawn(move || {
            let mut batch: VecDeque<_> = (0..3).map(message).collect();
            block_on(sender.send_many(&mut batch)).unwrap();
        });
        let mut received = Vec::new();
        while block_on(receiver.recv_many(&mut received, 2)) > 0 {}
        assert!(received.iter().map(|number| **number).eq(0..3));
        sending.join().unwrap();
    });
}

/// The receiver closes and drains during two sends: what was sent it gets, the rest comes back.
#[test]
fn loom_spsc_what_was_sent_before_the_close_is_received() {
    loom::model(|| {
        let (mut sender, mut receiver) = spsc::channel(1);
        let sending = thread::spawn(move || {
            let sent = |number| block_on(sender.send(message(number))).is_ok();
            [0, 1].map(sent)
        });
        receiver.close();
        let received = [(); 2].map(|()| block_on(receiver.recv()).is_some());
        assert_eq!(sending.join().unwrap(), received);
    });
}

#[test]
fn loom_spsc_a_receiver_that_goes_wakes_the_sender_and_drops_the_queue() {
    loom::model(|| {
        let (mut sender, receiver) = spsc::channel(1);
        sender.try_send(message(0)).unwrap();
        let going = thread::spawn(move || drop(receiver));
        assert!(block_on(sender.send(message(1))).is_err());
        going.join().unwrap();
    });
}

/// A receive that was dropped has left its waker: the next one is woken all the same.
#[test]
fn loom_spsc_dropped_waits_lose_nothing() {
    bounded(3, || {
        let (mut sender, mut receiver) = spsc::channel(1);
        let sending = thread::spawn(move || {
            for number in 0..2 {
                let mut batch = VecDeque::from([message(number)]);
                if poll_and_drop(sender.send_many(&mut batch)).is_none() {
                    block_on(sender.send_many(&mut batch)).unwrap();
                }
            }
        });
        for number in 0..2 {
            let received = poll_and_drop(receiver.recv());
            let received = received.unwrap_or_else(|| block_on(receiver.recv()));
            assert_eq!(*received.unwrap(), number);
        }
        sending.join().unwrap();
    });
}
