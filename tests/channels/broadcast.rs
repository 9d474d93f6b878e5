//! broadcast: everybody gets everything, or is told how much not.

use crate::kit::driver::{apply, on_each_driver};
use crate::kit::dropped::Dropped;
use crate::kit::wait::here;
use crate::{Counter, kit, messages, next, poll_once, poll_with};
use ringmill::channel::SendError;
use ringmill::channel::broadcast::{self, Lagged, RecvError, TryRecvError};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

#[test]
fn everybody_gets_everything_from_when_they_came() {
    let (sender, mut first) = broadcast::channel(8);
    assert_eq!(sender.send(1), Ok(1));
    let mut second = sender.subscribe();
    assert_eq!((sender.receiver_count(), sender.capacity()), (2, 8));
    assert_eq!(sender.send(2), Ok(2));
    let mut clone = first.clone();
    let mut late = first.resubscribe();
    drop(sender);
    for receiver in [&mut first, &mut clone] {
        assert_eq!(receiver.len(), 2);
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(receiver.blocking_recv(), Ok(2));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }
    assert_eq!(second.try_recv(), Ok(2));
    assert_eq!(late.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn who_lags_is_told_by_how_much_and_goes_on_with_the_oldest() {
    // Rounded up to four.
    let (sender, mut receiver) = broadcast::channel(3);
    assert_eq!(receiver.capacity(), 4);
    (0..10).for_each(|n| assert_eq!(sender.send(n), Ok(1)));
    assert_eq!(receiver.len(), 10);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(6)));
    assert_eq!(receiver.try_recv(), Ok(6));
    (10..13).for_each(|n| assert_eq!(sender.send(n), Ok(1)));
    assert_eq!(receiver.blocking_recv(), Err(RecvError::Lagged(2)));
    here("the stream", async {
        assert_eq!(next(&mut receiver).await, Some(Ok(9)));
        (13..18).for_each(|n| assert_eq!(sender.send(n), Ok(1)));
        assert_eq!(next(&mut receiver).await, Some(Err(Lagged(4))));
        sender.close();
        for n in 14..18 {
            assert_eq!(next(&mut receiver).await, Some(Ok(n)));
        }
        assert_eq!(next(&mut receiver).await, None);
    });
    assert_eq!(sender.send(1), Err(SendError(1)));
}

#[test]
fn a_message_wakes_all_who_wait_and_nobody_else() {
    let (sender, mut first) = broadcast::channel(4);
    let mut second = sender.subscribe();
    let third = sender.subscribe();
    let woken = Arc::new(Counter::default());
    let mut waits = pin!(first.recv());
    assert!(poll_with(&mut waits, &woken).is_pending());
    {
        let mut leaves = pin!(second.recv());
        assert!(poll_with(&mut leaves, &woken).is_pending());
    }
    assert_eq!(sender.send(1), Ok(3));
    assert_eq!(woken.count(), 1);
    assert_eq!(poll_once(&mut waits), Poll::Ready(Ok(1)));
    assert_eq!(sender.send(2), Ok(3));
    assert_eq!(woken.count(), 1);
    drop(third);
}

#[test]
fn the_last_sender_and_the_last_receiver_are_told_of() {
    let (sender, mut receiver) = broadcast::channel::<u32>(4);
    let woken = Arc::new(Counter::default());
    {
        let mut waits = pin!(receiver.recv());
        assert!(poll_with(&mut waits, &woken).is_pending());
        drop(sender.clone());
        assert_eq!(woken.count(), 0);
        drop(sender);
        assert_eq!(poll_once(&mut waits), Poll::Ready(Err(RecvError::Closed)));
    }
    assert_eq!(woken.count(), 1);
    assert!(receiver.is_closed());

    let (sender, receiver) = broadcast::channel(4);
    let dropped = Dropped::default();
    let (message, other) = (Arc::new(dropped.guard()), receiver.clone());
    sender.send(message).unwrap();
    drop(receiver);
    assert_eq!(dropped.count(), 0);
    drop(other);
    assert_eq!(dropped.count(), 1, "what nobody will take is dropped");
    assert!(sender.is_closed() && sender.send(Arc::new(dropped.guard())).is_err());
    let mut again = sender.subscribe();
    sender.send(Arc::new(dropped.guard())).unwrap();
    assert!(again.try_recv().is_ok());
}

#[apply(on_each_driver)]
fn every_message_is_received_or_counted_as_missed_in_order_per_sender() {
    const SENDERS: u64 = 2;
    let total = messages() / 20;
    let (sender, _) = broadcast::channel::<(u64, u64)>(64);
    let runtime = kit::runtime(2);
    let here = sender.subscribe();
    let there = sender.subscribe();
    let on_a_thread = sender.subscribe();

    fn check(seen: &mut [u64], (from, number): (u64, u64)) {
        assert!(seen[from as usize] <= number, "order of sender {from}");
        seen[from as usize] = number + 1;
    }
    async fn receive(mut receiver: broadcast::Receiver<(u64, u64)>) -> u64 {
        let (mut seen, mut count) = ([0; SENDERS as usize], 0);
        loop {
            match receiver.recv().await {
                Ok(message) => {
                    check(&mut seen, message);
                    count += 1;
                }
                Err(RecvError::Lagged(missed)) => count += missed,
                Err(RecvError::Closed) => return count,
            }
        }
    }

    let senders: Vec<_> = (0..SENDERS)
        .map(|from| {
            let sender = sender.clone();
            thread::spawn(move || {
                for number in 0..total {
                    assert!(sender.send((from, number)).is_ok());
                    if number % 16 == 0 {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let receives = thread::spawn(move || {
        let (mut receiver, mut count) = (on_a_thread, 0);
        loop {
            match receiver.blocking_recv() {
                Ok(_) => count += 1,
                Err(RecvError::Lagged(missed)) => count += missed,
                Err(RecvError::Closed) => return count,
            }
        }
    });
    let handle = runtime.handle().clone();
    let counts = runtime.block_on(async move {
        let there = handle.spawn_on(1, move || receive(there));
        [receive(here).await, there.await.unwrap()]
    });
    assert_eq!(counts, [SENDERS * total; 2]);
    assert_eq!(receives.join().unwrap(), SENDERS * total);
    senders.into_iter().for_each(|it| it.join().unwrap());
}
