//! mpsc: back-pressure, turns, ends.

use crate::kit::driver::{apply, on_each_driver};
use crate::kit::dropped::Dropped;
use crate::kit::wait::{here, soon};
use crate::{Counter, kit, next, poll_once, poll_with};
use ringmill::channel::mpsc::{self, Sender};
use ringmill::channel::{SendError, TryRecvError, TrySendError};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

#[test]
fn a_full_channel_makes_senders_wait_for_room() {
    let (sender, mut receiver) = mpsc::channel(2);
    assert_eq!((sender.capacity(), receiver.capacity()), (2, Some(2)));
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!((sender.len(), receiver.len()), (2, 2));

    let woken = Arc::new(Counter::default());
    let mut third = pin!(sender.send(3));
    assert!(poll_with(&mut third, &woken).is_pending());
    assert_eq!(woken.count(), 0);
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(woken.count(), 1, "room wakes the sender");
    assert_eq!(poll_with(&mut third, &woken), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Ok(3));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(woken.count(), 1);
}

#[test]
fn senders_get_room_in_the_order_of_their_coming() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    let wakes: [_; 3] = std::array::from_fn(|_| Arc::new(Counter::default()));
    let mut sends: Vec<_> = (1..=3).map(|n| Box::pin(sender.send(n))).collect();
    for (send, woken) in sends.iter_mut().zip(&wakes) {
        assert!(poll_with(send, woken).is_pending());
    }
    let woken = || wakes.each_ref().map(|counter| counter.count());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(woken(), [1, 0, 0]);
    // Somebody else takes the room: the first goes on waiting, at its place.
    sender.try_send(9).unwrap();
    assert!(poll_with(&mut sends[0], &wakes[0]).is_pending());
    assert_eq!(receiver.try_recv(), Ok(9));
    assert_eq!(woken(), [2, 0, 0]);
    assert!(poll_with(&mut sends[0], &wakes[0]).is_ready());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(woken(), [2, 1, 0]);
    // The second goes away instead of sending: its turn is the third's.
    drop(sends.remove(1));
    assert_eq!(woken(), [2, 1, 1]);
    assert!(poll_with(&mut sends[1], &wakes[2]).is_ready());
    assert_eq!(receiver.try_recv(), Ok(3));
}

#[test]
fn a_batch_wakes_as_many_senders_as_it_made_room_for() {
    let (sender, mut receiver) = mpsc::channel(3);
    (0..3).for_each(|n| sender.try_send(n).unwrap());
    let woken = Arc::new(Counter::default());
    let mut sends: Vec<_> = (3..7).map(|n| Box::pin(sender.send(n))).collect();
    for send in &mut sends {
        assert!(poll_with(send, &woken).is_pending());
    }
    let mut received = vec![-1];
    assert_eq!(receiver.blocking_recv_many(&mut received, 8), 3);
    assert_eq!(received, [-1, 0, 1, 2]);
    assert_eq!(woken.count(), 3);
}

#[test]
fn a_receiver_that_does_not_wait_is_not_woken() {
    let (sender, mut receiver) = mpsc::channel(4);
    let woken = Arc::new(Counter::default());
    assert!(poll_with(&mut pin!(receiver.recv()), &woken).is_pending());
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(woken.count(), 1, "the second finds nobody waiting");
    assert_eq!(receiver.try_recv(), Ok(1));
    sender.try_send(3).unwrap();
    assert_eq!(woken.count(), 1);
}

#[test]
fn dropping_the_receiver_drops_the_queue_and_gives_senders_their_message_back() {
    for capacity in [Some(3), None] {
        let dropped = Dropped::default();
        match capacity {
            Some(capacity) => {
                let (sender, receiver) = mpsc::channel(capacity);
                (0..3).for_each(|_| sender.try_send(dropped.guard()).unwrap());
                let mut waits = pin!(sender.send(dropped.guard()));
                assert!(poll_once(&mut waits).is_pending());
                drop(receiver);
                assert_eq!(dropped.count(), 3);
                let Poll::Ready(Err(SendError(back))) = poll_once(&mut waits) else {
                    panic!("it is closed");
                };
                assert_eq!(dropped.count(), 3);
                drop(back);
                assert!(sender.is_closed());
                let refused = sender.try_send(dropped.guard());
                assert!(refused.is_err_and(|error| error.is_closed()));
            }
            None => {
                let (sender, receiver) = mpsc::unbounded();
                assert_eq!(receiver.capacity(), None);
                (0..3).for_each(|_| sender.send(dropped.guard()).unwrap());
                drop(receiver);
                assert_eq!(dropped.count(), 3);
                assert!(sender.send(dropped.guard()).is_err());
                assert!(sender.send(dropped.guard()).is_err());
            }
        }
        assert_eq!(dropped.count(), 5);
    }
}

#[test]
fn what_was_sent_before_the_last_sender_went_is_received() {
    let (sender, mut receiver) = mpsc::channel(4);
    let other = sender.clone();
    assert!(sender.same_channel(&other));
    other.try_send(1).unwrap();
    drop(sender);
    assert!(!receiver.is_closed());
    other.try_send(2).unwrap();
    drop(other);
    assert!(receiver.is_closed());
    assert_eq!(receiver.blocking_recv(), Some(1));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(receiver.blocking_recv(), None);
}

#[test]
fn the_last_sender_wakes_a_receiver_that_waits() {
    let (sender, mut receiver) = mpsc::channel::<u32>(1);
    let woken = Arc::new(Counter::default());
    let mut recv = Box::pin(receiver.recv());
    assert!(poll_with(&mut recv, &woken).is_pending());
    drop(sender.clone());
    assert_eq!(woken.count(), 0);
    drop(sender);
    assert_eq!(woken.count(), 1);
    assert_eq!(poll_with(&mut recv, &woken), Poll::Ready(None));
}

#[test]
fn close_refuses_what_comes_and_keeps_what_is_there() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(1).unwrap();
    let mut waits = pin!(sender.send(2));
    assert!(poll_once(&mut waits).is_pending());
    receiver.close();
    assert_eq!(poll_once(&mut waits), Poll::Ready(Err(SendError(2))));
    assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(receiver.blocking_recv(), Some(1));
    assert_eq!(receiver.blocking_recv(), None);
}

#[test]
fn plain_threads_block_at_either_end() {
    let (sender, mut receiver) = mpsc::channel(1);
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let sender: Sender<u64> = sender.clone();
            thread::spawn(move || (0..1000).for_each(|n| sender.blocking_send(n).unwrap()))
        })
        .collect();
    drop(sender);
    let mut sum = 0;
    while let Some(n) = receiver.blocking_recv() {
        sum += n;
    }
    assert_eq!(sum, 3 * 499_500);
    for sender in senders {
        sender.join().unwrap();
    }
}

#[apply(on_each_driver)]
fn a_blocking_operation_on_a_loop_is_refused() {
    kit::hush();
    let refused = kit::block_on(async {
        let (sender, _receiver) = mpsc::channel(1);
        let blocking = std::panic::AssertUnwindSafe(|| sender.blocking_send(1));
        std::panic::catch_unwind(blocking).is_err()
    });
    assert!(refused);
}

#[test]
fn a_receiver_is_a_stream() {
    let (sender, mut receiver) = mpsc::unbounded();
    (0..3).for_each(|n| sender.send(n).unwrap());
    drop(sender);
    here("the stream", async {
        let mut seen = Vec::new();
        while let Some(n) = next(&mut receiver).await {
            seen.push(n);
        }
        assert_eq!(seen, [0, 1, 2]);
    });
}

/// The executor here is none of Ringmill's, and has no turns that would give a budget back.
#[apply(on_each_driver)]
fn a_plain_executor_can_use_a_channel_for_ever() {
    let (sender, mut receiver) = mpsc::channel(4);
    here("a thousand messages", async {
        for n in 0..1000 {
            sender.send(n).await.unwrap();
            assert_eq!(receiver.recv().await, Some(n));
        }
    });
    // Nor after a loop has run on the thread.
    kit::runtime(1).block_on(async { ringmill::yield_now().await });
    here("a thousand messages", async {
        for n in 0..1000 {
            sender.send(n).await.unwrap();
            assert_eq!(receiver.recv().await, Some(n));
        }
    });
}

/// A channel that is never empty, and never full, does not keep its task's loop to itself.
#[apply(on_each_driver)]
fn a_channel_that_never_runs_dry_lets_other_tasks_run() {
    kit::runtime(1).block_on(soon("another task's turn", async {
        let (sender, mut receiver) = mpsc::channel(4);
        let busy = ringmill::spawn(async move {
            loop {
                sender.send(()).await.unwrap();
                receiver.recv().await.unwrap();
            }
        });
        ringmill::yield_now().await;
        busy.abort();
        assert!(busy.await.unwrap_err().is_cancelled());
    }));
}
