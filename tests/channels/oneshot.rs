//! oneshot: one message, and every way in which it does not come.

use crate::kit::driver::{apply, on_each_driver};
use crate::kit::dropped::Dropped;
use crate::{Counter, kit, poll_once, poll_with};
use ringmill::channel::{RecvError, SendError, TryRecvError, oneshot};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

#[test]
fn the_message_wakes_who_waits() {
    let (sender, mut receiver) = oneshot::channel();
    let (first, second) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    assert!(poll_with(&mut receiver, &first).is_pending());
    assert!(poll_with(&mut receiver, &second).is_pending());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    sender.send(7).unwrap();
    assert_eq!((first.count(), second.count()), (0, 1));
    assert!(receiver.is_ready());
    assert_eq!(poll_once(&mut receiver), Poll::Ready(Ok(7)));
    // Once.
    assert_eq!(poll_once(&mut receiver), Poll::Ready(Err(RecvError)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_sender_that_goes_is_told_of() {
    let (sender, mut receiver) = oneshot::channel::<u32>();
    let woken = Arc::new(Counter::default());
    assert!(poll_with(&mut receiver, &woken).is_pending());
    drop(sender);
    assert_eq!(woken.count(), 1);
    assert_eq!(poll_once(&mut receiver), Poll::Ready(Err(RecvError)));
}

#[test]
fn a_message_that_nobody_takes_comes_back_or_is_dropped() {
    let dropped = Dropped::default();
    let (sender, receiver) = oneshot::channel();
    assert!(!sender.is_closed());
    drop(receiver);
    assert!(sender.is_closed());
    let SendError(back) = sender.send(dropped.guard()).unwrap_err();
    assert_eq!(dropped.count(), 0);
    drop(back);

    let (sender, receiver) = oneshot::channel();
    sender.send(dropped.guard()).unwrap();
    drop(receiver);
    assert_eq!(dropped.count(), 2);
}

#[test]
fn close_keeps_a_message_that_has_arrived() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(1));

    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert_eq!(receiver.blocking_recv(), Err(RecvError));
}

#[test]
fn a_sender_hears_that_nobody_waits_any_more() {
    let (mut sender, receiver) = oneshot::channel::<u32>();
    let woken = Arc::new(Counter::default());
    let mut closed = pin!(sender.closed());
    assert!(poll_with(&mut closed, &woken).is_pending());
    drop(receiver);
    assert_eq!(woken.count(), 1);
    assert!(poll_once(&mut closed).is_ready());
}

#[apply(on_each_driver)]
fn it_answers_between_loops_and_threads() {
    let runtime = kit::runtime(2);
    let handle = runtime.handle().clone();
    runtime.block_on(async move {
        for round in 0..200 {
            let (ask, question) = oneshot::channel();
            let (tell, answer) = oneshot::channel();
            handle.spawn_on(1, move || async move {
                let number: u32 = question.await.unwrap();
                tell.send(number * 2).unwrap();
            });
            ask.send(round).unwrap();
            assert_eq!(answer.await, Ok(round * 2));
        }
    });
    let (sender, receiver) = oneshot::channel();
    let waits = thread::spawn(move || receiver.blocking_recv());
    sender.send(1).unwrap();
    assert_eq!(waits.join().unwrap(), Ok(1));
}
