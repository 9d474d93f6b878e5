//! Sends and receives that are dropped after a few polls: nothing is lost, nobody is left waiting.

use crate::kit::driver::{apply, on_each_driver};
use crate::kit::random::Random;
use crate::kit::wait::soon;
use crate::{kit, messages};
use ringmill::channel::{TryRecvError, mpsc, spsc};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Polls a future up to `polls` times, whenever it is woken, and drops it then.
async fn up_to<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        if left == 0 {
            // So that this ends where nobody wakes it.
            cx.waker().wake_by_ref();
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

#[apply(on_each_driver)]
fn dropped_sends_and_receives_lose_no_message_of_an_mpsc_channel() {
    const SENDERS: u64 = 4;
    let total = messages() / 50;
    let mut random = Random::seeded();
    let runtime = kit::runtime(2);
    let handle = runtime.handle().clone();
    runtime.block_on(soon("the last message", async move {
        let (sender, mut receiver) = mpsc::channel(2);
        for from in 0..SENDERS {
            let sender = sender.clone();
            let mut random = Random::with_seed(random.next());
            handle.spawn_on((from % 2) as usize, move || async move {
                let mut number = 0;
                while number < total {
                    // A send that is dropped has not sent.
                    let send = sender.send((from, number));
                    match up_to(random.below(4), send).await {
                        Some(sent) => sent.unwrap(),
                        None => continue,
                    }
                    number += 1;
                }
            });
        }
        drop(sender);
        let mut expected = [0; SENDERS as usize];
        loop {
            match up_to(random.below(4), receiver.recv()).await {
                Some(Some((from, number))) => {
                    let expected = &mut expected[from as usize];
                    assert_eq!(*expected, number, "from sender {from}");
                    *expected += 1;
                }
                Some(None) => break,
                None => {}
            }
        }
        assert_eq!(expected, [total; SENDERS as usize]);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }));
}

#[apply(on_each_driver)]
fn dropped_batches_lose_no_message_of_an_spsc_channel() {
    let total = messages() / 10;
    let mut random = Random::seeded();
    let runtime = kit::runtime(2);
    let handle = runtime.handle().clone();
    runtime.block_on(soon("the last message", async move {
        let (mut sender, mut receiver) = spsc::channel(8);
        let mut theirs = Random::with_seed(random.next());
        handle.spawn_on(1, move || async move {
            let (mut next, mut batch) = (0, VecDeque::new());
            while next < total || !batch.is_empty() {
                let more = theirs.below(20).min(total - next);
                batch.extend(next..next + more);
                next += more;
                if let Some(sent) = up_to(theirs.below(4), sender.send_many(&mut batch)).await {
                    sent.unwrap();
                    assert!(batch.is_empty());
                }
            }
        });
        let (mut expected, mut received) = (0, Vec::new());
        loop {
            let limit = 1 + random.below(10) as usize;
            let recv = receiver.recv_many(&mut received, limit);
            let ended = up_to(random.below(4), recv).await == Some(0);
            for number in received.drain(..) {
                assert_eq!(number, expected);
                expected += 1;
            }
            if ended {
                break;
            }
        }
        assert_eq!(expected, total);
    }));
}

/// Every sender that waits is dropped after it was woken, until one stays.
#[apply(on_each_driver)]
fn a_turn_is_passed_on_until_somebody_takes_it() {
    kit::runtime(1).block_on(soon("the last sender's turn", async {
        let (sender, mut receiver) = mpsc::channel(1);
        for _ in 0..100 {
            sender.try_send(0).unwrap();
            let leaving: Vec<_> = (0..10)
                .map(|_| {
                    let sender = sender.clone();
                    ringmill::spawn(async move { sender.send(1).await })
                })
                .collect();
            let staying = {
                let sender = sender.clone();
                ringmill::spawn(async move { sender.send(2).await })
            };
            ringmill::yield_now().await;
            assert_eq!(receiver.recv().await, Some(0));
            for task in &leaving {
                task.abort();
            }
            assert_eq!(receiver.recv().await, Some(2));
            staying.await.unwrap().unwrap();
        }
    }));
}
