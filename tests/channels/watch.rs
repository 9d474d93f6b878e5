//! watch: the latest value.

use crate::kit::driver::{apply, on_each_driver};
use crate::kit::wait::here;
use crate::{Counter, kit, messages, next, poll_once, poll_with};
use ringmill::channel::{RecvError, SendError, watch};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

#[test]
fn receivers_see_the_latest_and_know_what_they_have_seen() {
    let (sender, mut receiver) = watch::channel(0);
    assert!(!receiver.has_changed());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    let kept = receiver.borrow();
    assert!(receiver.has_changed());
    sender.send(3).unwrap();
    assert_eq!((*kept, *receiver.borrow_and_update()), (2, 3));
    assert!(!receiver.has_changed());
    let mut clone = receiver.clone();
    sender.send_modify(|value| *value += 10);
    assert_eq!(clone.blocking_changed(), Ok(()));
    assert!(!clone.has_changed() && receiver.has_changed());
    assert_eq!((*clone.borrow(), *sender.borrow()), (13, 13));
    assert!(!sender.subscribe().has_changed());
}

#[test]
fn a_change_wakes_who_waits_and_a_dropped_wait_has_seen_nothing() {
    let (sender, mut receiver) = watch::channel(0);
    let woken = Arc::new(Counter::default());
    {
        let mut changed = pin!(receiver.changed());
        assert!(poll_with(&mut changed, &woken).is_pending());
        sender.send(1).unwrap();
        assert_eq!(woken.count(), 1);
    }
    assert!(receiver.has_changed());
    assert_eq!(
        poll_once(&mut pin!(receiver.changed())),
        Poll::Ready(Ok(()))
    );
    sender.send(2).unwrap();
    assert_eq!(woken.count(), 1);
}

#[test]
fn the_last_value_is_seen_before_the_end() {
    let (sender, mut receiver) = watch::channel(0);
    sender.send(1).unwrap();
    drop(sender.clone());
    assert!(!receiver.is_closed());
    drop(sender);
    assert!(receiver.is_closed());
    here("the end", async {
        assert_eq!(receiver.changed().await, Ok(()));
        assert_eq!(receiver.changed().await, Err(RecvError));
        assert_eq!(*receiver.wait_for(|value| *value == 1).await.unwrap(), 1);
        assert!(receiver.wait_for(|value| *value == 2).await.is_err());
    });
}

#[test]
fn a_value_that_nobody_sees_comes_back() {
    let (sender, receiver) = watch::channel(0);
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(SendError(1)));
    sender.send_modify(|value| *value = 2);
    assert_eq!(*sender.subscribe().borrow(), 2);
}

#[apply(on_each_driver)]
fn everybody_comes_to_the_last_value_of_several_senders() {
    let total = messages() / 20;
    let (sender, receiver) = watch::channel((0, 0));
    let runtime = kit::runtime(2);
    let senders: Vec<_> = (1..=2)
        .map(|from| {
            let sender = sender.clone();
            thread::spawn(move || {
                for number in 1..=total {
                    sender.send((from, number)).unwrap();
                }
            })
        })
        .collect();
    async fn follow(mut receiver: watch::Receiver<(usize, u64)>) -> (usize, u64) {
        let (mut seen, mut last) = ([0; 3], (0, 0));
        while let Some((from, number)) = next(&mut receiver).await {
            assert!(seen[from] <= number, "sender {from} went back");
            seen[from] = number;
            last = (from, number);
        }
        last
    }
    let handle = runtime.handle().clone();
    let there = receiver.clone();
    let watching = sender.subscribe();
    drop(sender);
    let lasts = runtime.block_on(async move {
        let there = handle.spawn_on(1, move || follow(there));
        [follow(receiver).await, there.await.unwrap()]
    });
    senders.into_iter().for_each(|it| it.join().unwrap());
    assert_eq!(lasts, [*watching.borrow(); 2]);
    assert_eq!(lasts[0].1, total);
}
