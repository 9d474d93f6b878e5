//! spsc: the ring, batches, ends.

use crate::kit::dropped::Dropped;
use crate::kit::wait::here;
use crate::{Counter, messages, next, poll_once, poll_with};
use ringmill::channel::{Closed, SendError, TryRecvError, TrySendError, spsc};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

#[test]
fn the_ring_holds_its_capacity_and_no_more() {
    // Not a power of two, and gone around a few times.
    let (mut sender, mut receiver) = spsc::channel(3);
    assert_eq!((sender.capacity(), receiver.capacity()), (3, 3));
    for round in 0..10 {
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        (0..3).for_each(|n| sender.try_send(round + n).unwrap());
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!((sender.len(), receiver.len()), (3, 3));
        (0..3).for_each(|n| assert_eq!(receiver.try_recv(), Ok(round + n)));
    }
    assert!(sender.is_empty() && receiver.is_empty());
}

#[test]
fn a_batch_goes_as_far_as_there_is_room() {
    let (mut sender, mut receiver) = spsc::channel(4);
    let mut batch: VecDeque<_> = (0..6).collect();
    assert_eq!(sender.try_send_many(&mut batch), Ok(4));
    assert_eq!(batch, [4, 5]);
    assert_eq!(sender.try_send_many(&mut batch), Ok(0));
    let mut received = Vec::new();
    assert_eq!(receiver.try_recv_many(&mut received, 3), Ok(3));
    assert_eq!(sender.try_send_many(&mut batch), Ok(2));
    assert_eq!(receiver.try_recv_many(&mut received, 9), Ok(3));
    assert_eq!(received, [0, 1, 2, 3, 4, 5]);
    assert_eq!(
        receiver.try_recv_many(&mut received, 9),
        Err(TryRecvError::Empty)
    );
}

#[test]
fn a_dropped_batch_keeps_what_was_not_sent() {
    let (mut sender, mut receiver) = spsc::channel(2);
    let mut batch: VecDeque<_> = (0..5).collect();
    let woken = Arc::new(Counter::default());
    {
        let mut send = pin!(sender.send_many(&mut batch));
        assert!(poll_with(&mut send, &woken).is_pending());
        assert_eq!(receiver.try_recv(), Ok(0));
        assert_eq!(woken.count(), 1);
        assert!(poll_with(&mut send, &woken).is_pending());
    }
    assert_eq!(batch, [3, 4]);
    receiver.close();
    assert_eq!(here("the close", sender.send_many(&mut batch)), Err(Closed));
    assert_eq!(batch, [3, 4]);
    assert_eq!(receiver.blocking_recv(), Some(1));
    assert_eq!(receiver.blocking_recv(), Some(2));
    assert_eq!(receiver.blocking_recv(), None);
}

#[test]
fn each_end_wakes_the_other_only_if_it_waits() {
    let (mut sender, mut receiver) = spsc::channel(1);
    let woken = Arc::new(Counter::default());
    assert!(poll_with(&mut pin!(receiver.recv()), &woken).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!(woken.count(), 1);
    assert!(poll_with(&mut pin!(sender.send(2)), &woken).is_pending());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(woken.count(), 2);
    sender.try_send(3).unwrap();
    assert_eq!(receiver.try_recv(), Ok(3));
    assert_eq!(woken.count(), 2);
}

#[test]
fn dropping_the_receiver_drops_the_queue_and_gives_the_sender_its_message_back() {
    let dropped = Dropped::default();
    let (mut sender, receiver) = spsc::channel(2);
    sender.try_send(dropped.guard()).unwrap();
    sender.try_send(dropped.guard()).unwrap();
    let woken = Arc::new(Counter::default());
    let mut waits = Box::pin(sender.send(dropped.guard()));
    assert!(poll_with(&mut waits, &woken).is_pending());
    drop(receiver);
    assert_eq!((dropped.count(), woken.count()), (2, 1));
    let Poll::Ready(Err(SendError(back))) = poll_once(&mut waits) else {
        panic!("it is closed");
    };
    drop(waits);
    assert_eq!(dropped.count(), 2);
    let refused = sender.try_send(back);
    assert!(sender.is_closed() && refused.is_err_and(|error| error.is_closed()));
    assert_eq!(dropped.count(), 3);
}

#[test]
fn what_was_sent_before_the_sender_went_is_received_or_dropped_with_the_ring() {
    let dropped = Dropped::default();
    let (mut sender, mut receiver) = spsc::channel(4);
    (0..3).for_each(|_| sender.try_send(dropped.guard()).unwrap());
    drop(sender);
    assert!(receiver.is_closed());
    drop(receiver.blocking_recv().unwrap());
    assert_eq!(dropped.count(), 1);
    drop(receiver);
    assert_eq!(dropped.count(), 3);
}

#[test]
fn a_sender_may_close() {
    let (mut sender, mut receiver) = spsc::channel(4);
    sender.try_send(1).unwrap();
    sender.close();
    assert_eq!(sender.try_send(2), Err(TrySendError::Closed(2)));
    let mut batch = VecDeque::from([3, 4]);
    assert_eq!(sender.try_send_many(&mut batch), Err(Closed));
    assert_eq!(batch, [3, 4]);
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn batches_between_threads_arrive_once_and_in_order() {
    let (mut sender, mut receiver) = spsc::channel(100);
    let total = messages();
    let sending = thread::spawn(move || {
        let (mut next, mut batch) = (0, VecDeque::new());
        while next < total {
            let size = (next % 37).min(total - next);
            batch.extend(next..next + size);
            next += size;
            sender.blocking_send_many(&mut batch).unwrap();
            if next < total {
                sender.blocking_send(next).unwrap();
                next += 1;
            }
        }
    });
    let (mut expected, mut received) = (0, Vec::new());
    while receiver.blocking_recv_many(&mut received, 64) > 0 {
        for n in received.drain(..) {
            assert_eq!(n, expected);
            expected += 1;
        }
    }
    assert_eq!(expected, total);
    sending.join().unwrap();
}

#[test]
fn a_receiver_is_a_stream() {
    let (mut sender, mut receiver) = spsc::channel(4);
    (0..3).for_each(|n| sender.try_send(n).unwrap());
    drop(sender);
    here("the stream", async {
        for n in 0..3 {
            assert_eq!(next(&mut receiver).await, Some(n));
        }
        assert_eq!(next(&mut receiver).await, None);
    });
}
