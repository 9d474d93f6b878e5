//! mpsc: senders that wait, go, and pass their turn on.

use super::*;
use crate::channel::mpsc;

#[test]
fn loom_mpsc_two_senders_share_room_for_one() {
    bounded(2, || {
        let (sender, mut receiver) = mpsc::channel(1);
        let senders = [sender.clone(), sender]
            .map(|sender| thread::spawn(move || block_on(sender.send(message(1))).unwrap()));
        let mut sum = 0;
        while let Some(number) = block_on(receiver.recv()) {
            sum += *number;
        }
        assert_eq!(sum, 2);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// Room in an array of two slots (a channel of one has another queue beneath).
#[test]
fn loom_mpsc_messages_go_around_an_array() {
    bounded(2, || {
        let (sender, mut receiver) = mpsc::channel(2);
        let sending = thread::spawn(move || {
            for number in 0..4 {
                block_on(sender.send(message(number))).unwrap();
            }
        });
        for number in 0..4 {
            assert_eq!(*block_on(receiver.recv()).unwrap(), number);
        }
        assert!(block_on(receiver.recv()).is_none());
        sending.join().unwrap();
    });
}

/// One of two waiting senders goes away, woken or not: the other one gets the room.
#[test]
fn loom_mpsc_a_dropped_sender_passes_its_turn_on() {
    bounded(2, || {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.try_send(message(0)).unwrap();
        let (leaving, staying) = (sender.clone(), sender);
        let leaving = thread::spawn(move || poll_and_drop(leaving.send(message(1))).is_some());
        let staying = thread::spawn(move || block_on(staying.send(message(2))).unwrap());
        assert_eq!(*block_on(receiver.recv()).unwrap(), 0);
        let mut sum = 0;
        while let Some(number) = block_on(receiver.recv()) {
            sum += *number;
        }
        let sent = leaving.join().unwrap();
        assert_eq!(sum, if sent { 3 } else { 2 });
        staying.join().unwrap();
    });
}

/// The receiver closes and drains during a send: what was accepted it gets.
#[test]
fn loom_mpsc_what_was_sent_before_the_close_is_received() {
    bounded(3, || {
        let (sender, mut receiver) = mpsc::channel(2);
        let senders = [sender.clone(), sender].map(|sender| {
            thread::spawn(move || u32::from(block_on(sender.send(message(1))).is_ok()))
        });
        receiver.close();
        let mut received = 0;
        while block_on(receiver.recv()).is_some() {
            received += 1;
        }
        let sent = senders.map(|sender| sender.join().unwrap());
        assert_eq!(sent[0] + sent[1], received);
    });
}

#[test]
fn loom_mpsc_a_receiver_that_goes_wakes_senders_and_drops_the_queue() {
    bounded(3, || {
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(message(0)).unwrap();
        let going = thread::spawn(move || drop(receiver));
        assert!(block_on(sender.send(message(1))).is_err());
        going.join().unwrap();
    });
}

#[test]
fn loom_mpsc_unbounded_messages_arrive_and_so_does_the_end() {
    bounded(2, || {
        let (sender, mut receiver) = mpsc::unbounded();
        let sending = thread::spawn(move || {
            sender.send(message(0)).unwrap();
            sender.send(message(1)).unwrap();
        });
        for number in 0..2 {
            assert_eq!(*block_on(receiver.recv()).unwrap(), number);
        }
        assert!(block_on(receiver.recv()).is_none());
        sending.join().unwrap();
    });
}
