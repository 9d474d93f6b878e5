//! oneshot: the message against every way of going.

use super::*;
use crate::channel::oneshot;

#[test]
fn loom_a_oneshot_message_arrives() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel();
        let sending = thread::spawn(move || sender.send(message(7)).unwrap());
        assert_eq!(*block_on(receiver).unwrap(), 7);
        sending.join().unwrap();
    });
}

#[test]
fn loom_a_oneshot_sender_that_goes_wakes_the_receiver() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel::<Message>();
        let going = thread::spawn(move || drop(sender));
        assert!(block_on(receiver).is_err());
        going.join().unwrap();
    });
}

/// The receiver goes or closes during the send: the message is with one of the two.
#[test]
fn loom_a_oneshot_message_is_never_with_nobody() {
    for closes in [false, true] {
        loom::model(move || {
            let (sender, mut receiver) = oneshot::channel();
            let sending = thread::spawn(move || sender.send(message(7)).is_ok());
            let received = if closes {
                receiver.close();
                receiver.try_recv().is_ok()
            } else {
                poll_and_drop(receiver).is_some_and(|received| received.is_ok())
            };
            let sent = sending.join().unwrap();
            assert!(if closes {
                sent == received
            } else {
                sent || !received
            });
        });
    }
}

#[test]
fn loom_a_oneshot_sender_hears_that_the_receiver_went() {
    loom::model(|| {
        let (mut sender, receiver) = oneshot::channel::<Message>();
        let going = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.send(message(7)).is_err());
        going.join().unwrap();
    });
}

/// The receiver's waker changes while the message comes.
#[test]
fn loom_a_oneshot_receiver_is_woken_through_its_latest_waker() {
    loom::model(|| {
        let (sender, mut receiver) = oneshot::channel();
        let sending = thread::spawn(move || sender.send(message(7)).unwrap());
        if poll_and_drop(&mut receiver).is_none() {
            assert_eq!(*block_on(receiver).unwrap(), 7);
        }
        sending.join().unwrap();
    });
}
