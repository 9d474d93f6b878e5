//! Senders on two loops and on plain threads, receivers that come and go: every message exactly once,
//! and in order per sender.

use crate::kit::driver::{apply, on_each_driver};
use crate::kit::dropped::{Dropped, Guard};
use crate::kit::random::Random;
use crate::kit::wait::here;
use crate::{kit, messages};
use ringmill::channel::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;

/// Senders on loops, and as many messages each; two more are on plain threads.
const ON_LOOPS: u64 = 4;
const SENDERS: u64 = ON_LOOPS + 2;

type Message = (u64, u64);

/// What a sender did: the number that it comes to next, and the numbers that it got back.
struct Sent {
    next: u64,
    refused: Vec<u64>,
}

#[apply(on_each_driver)]
fn every_message_arrives_once_and_in_order_per_sender() {
    let each = messages() / SENDERS;
    let runtime = kit::runtime(2);
    let handle = runtime.handle().clone();
    let (sender, mut receiver) = mpsc::channel::<Message>(1024);
    let threads: Vec<_> = (ON_LOOPS..SENDERS)
        .map(|from| {
            let sender = sender.clone();
            thread::spawn(move || {
                (0..each).for_each(|number| sender.blocking_send((from, number)).unwrap());
            })
        })
        .collect();
    let expected = runtime.block_on(async move {
        for from in 0..ON_LOOPS {
            let sender = sender.clone();
            handle.spawn_on((from % 2) as usize, move || async move {
                for number in 0..each {
                    sender.send((from, number)).await.unwrap();
                }
            });
        }
        drop(sender);
        let (mut expected, mut batch) = ([0; SENDERS as usize], Vec::new());
        while receiver.recv_many(&mut batch, 64).await > 0 {
            for (from, number) in batch.drain(..) {
                assert_eq!(expected[from as usize], number, "from sender {from}");
                expected[from as usize] += 1;
            }
        }
        expected
    });
    assert_eq!(expected, [each; SENDERS as usize]);
    threads.into_iter().for_each(|it| it.join().unwrap());
}

/// Channel after channel with the same senders' numbers; each receiver ends at a random moment by
/// closing and draining, so that what was accepted is what was received, to the message.
#[apply(on_each_driver)]
fn what_was_accepted_is_received_whenever_an_end_goes() {
    let mut random = Random::seeded();
    let runtime = kit::runtime(2);
    let mut left = messages() / 10;
    while left > 0 {
        let round = random.below(5_000) + 1;
        left = left.saturating_sub(round);
        let limits: [u64; SENDERS as usize] = std::array::from_fn(|_| random.below(2 * round));
        let capacity = 1 + random.below(64) as usize;
        let (sender, mut receiver) = mpsc::channel::<Message>(capacity);
        let results: Arc<Mutex<Vec<(u64, Sent)>>> = Arc::default();
        let threads: Vec<_> = (ON_LOOPS..SENDERS)
            .map(|from| {
                let (sender, results) = (sender.clone(), results.clone());
                let limit = limits[from as usize];
                thread::spawn(move || {
                    let mut sent = Sent::new();
                    while sent.next < limit && sent.told(sender.blocking_send((from, sent.next))) {}
                    results.lock().unwrap().push((from, sent));
                })
            })
            .collect();
        let handle = runtime.handle().clone();
        let expected = runtime.block_on(async {
            let mut tasks = Vec::new();
            for from in 0..ON_LOOPS {
                let (sender, results) = (sender.clone(), results.clone());
                let limit = limits[from as usize];
                tasks.push(handle.spawn_on((from % 2) as usize, move || async move {
                    let mut sent = Sent::new();
                    while sent.next < limit && sent.told(sender.send((from, sent.next)).await) {}
                    results.lock().unwrap().push((from, sent));
                }));
            }
            drop(sender);
            let mut expected = [0; SENDERS as usize];
            let mut received = 0;
            while let Some((from, number)) = receiver.recv().await {
                assert_eq!(expected[from as usize], number, "from sender {from}");
                expected[from as usize] += 1;
                received += 1;
                if received == round {
                    receiver.close();
                }
            }
            for task in tasks {
                task.await.unwrap();
            }
            expected
        });
        threads.into_iter().for_each(|it| it.join().unwrap());
        for (from, sent) in results.lock().unwrap().drain(..) {
            assert_eq!(sent.next, expected[from as usize], "of sender {from}");
            let refused = &sent.refused;
            assert!(refused.is_empty() || *refused == [sent.next]);
        }
    }
}

/// As before, but the receiver is dropped with whatever is queued and whoever waits.
#[apply(on_each_driver)]
fn every_message_is_received_given_back_or_dropped_with_the_receiver() {
    let mut random = Random::seeded();
    let runtime = kit::runtime(2);
    let mut left = messages() / 20;
    while left > 0 {
        let round = random.below(2_000) + 1;
        left = left.saturating_sub(round);
        let capacity = 1 + random.below(16) as usize;
        let (sender, mut receiver) = mpsc::channel(capacity);
        let dropped = Dropped::default();
        let send = {
            let dropped = dropped.clone();
            // Until the receiver is gone; how many were made.
            move |sender: mpsc::Sender<Guard>| async move {
                let mut made = 1;
                while sender.send(dropped.guard()).await.is_ok() {
                    made += 1;
                }
                made
            }
        };
        let on_a_thread = {
            let (sender, send) = (sender.clone(), send.clone());
            thread::spawn(move || here("the end of the channel", send(sender)))
        };
        let made: usize = runtime.block_on(async {
            let there = {
                let (sender, send) = (sender.clone(), send.clone());
                runtime.handle().spawn_on(1, move || send(sender))
            };
            let here = ringmill::spawn(send(sender));
            for _ in 0..round {
                drop(receiver.recv().await.unwrap());
            }
            drop(receiver);
            here.await.unwrap() + there.await.unwrap()
        });
        let made = made + on_a_thread.join().unwrap();
        assert_eq!(dropped.count(), made);
    }
}

impl Sent {
    fn new() -> Self {
        Sent {
            next: 0,
            refused: Vec::new(),
        }
    }

    /// Takes a result down; whether to go on.
    fn told(&mut self, sent: Result<(), ringmill::channel::SendError<Message>>) -> bool {
        match sent {
            Ok(()) => self.next += 1,
            Err(error) => self.refused.push(error.into_inner().1),
        }
        self.refused.is_empty()
    }
}
