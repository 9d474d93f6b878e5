//! watch: the latest value is seen, and the end after it.

use super::*;
use crate::channel::watch;

#[test]
fn loom_watch_receivers_come_to_the_last_value() {
    bounded(2, || {
        let (sender, mut receiver) = watch::channel(message(0));
        let senders = [sender.clone(), sender]
            .map(|sender| thread::spawn(move || sender.send(message(1)).unwrap()));
        let mut changes = 0;
        while block_on(receiver.changed()).is_ok() {
            assert_eq!(**receiver.borrow(), 1);
            changes += 1;
        }
        assert!((1..=2).contains(&changes));
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn loom_watch_a_value_wakes_all_who_wait() {
    bounded(2, || {
        let (sender, mut first) = watch::channel(message(0));
        let mut second = first.clone();
        let changed = thread::spawn(move || {
            block_on(second.changed()).unwrap();
            assert_eq!(**second.borrow(), 1);
        });
        let sending = thread::spawn(move || {
            sender.send(message(1)).unwrap();
            sender
        });
        block_on(first.changed()).unwrap();
        assert_eq!(**first.borrow(), 1);
        changed.join().unwrap();
        drop(sending.join().unwrap());
    });
}
