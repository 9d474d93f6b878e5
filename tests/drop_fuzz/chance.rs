//! Chance, and futures that are dropped by it.

use crate::kit::random::Random;
use crate::kit::wait::soon;
use ringmill::net::TcpStream;
use ringmill::time::sleep;
use ringmill::yield_now;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::IoSliceMut;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

/// What all tasks of one loop share: chance, and how many futures were dropped.
#[derive(Clone)]
pub struct Storm {
    random: Rc<RefCell<Random>>,
    /// Over all loops.
    dropped: Arc<AtomicU64>,
    goal: u64,
}

impl Storm {
    pub fn new(seed: u64, dropped: Arc<AtomicU64>, goal: u64) -> Self {
        Storm {
            random: Rc::new(RefCell::new(Random::with_seed(seed))),
            dropped,
            goal,
        }
    }

    pub fn rages(&self) -> bool {
        self.dropped.load(Ordering::Relaxed) < self.goal
    }

    pub fn below(&self, bound: usize) -> usize {
        self.random.borrow_mut().below(bound as u64) as usize
    }

    /// Polls a future 0 to 3 times and drops it, or (one time in five) lets it finish.
    pub async fn cut<F: Future>(&self, future: F) -> Option<F::Output> {
        let polls = self.below(5);
        if polls == 4 {
            return Some(soon("an operation", future).await);
        }
        // Between the polls the task comes back by itself, or the loop turns for real.
        let turn = self.below(4) == 0;
        let output = {
            let mut future = pin!(future);
            let mut output = None;
            for _ in 0..polls {
                let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
                if let Poll::Ready(ready) = polled {
                    output = Some(ready);
                    break;
                }
                if turn {
                    sleep(Duration::from_micros(20)).await;
                } else {
                    yield_now().await;
                }
            }
            output
        };
        if output.is_none() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        output
    }

    /// Reads in one of the ways, or is cut short.
    pub async fn read(&self, stream: &mut TcpStream) -> Option<Vec<u8>> {
        let mut first = vec![0; 1 + self.below(3_000)];
        match self.below(3) {
            0 => {
                let count = self.cut(stream.read(&mut first)).await?.unwrap();
                first.truncate(count);
                Some(first)
            }
            1 => {
                let mut second = vec![0; 1 + self.below(3_000)];
                let mut rooms = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
                let count = self.cut(stream.read_vectored(&mut rooms)).await?.unwrap();
                first.extend_from_slice(&second);
                if count > first.len() - second.len() {
                    first.truncate(count);
                } else {
                    first.truncate(count.min(first.len() - second.len()));
                }
                Some(first)
            }
            _ => {
                let lease = self.cut(stream.recv()).await?.unwrap();
                Some(lease.map_or(Vec::new(), |lease| lease.to_vec()))
            }
        }
    }
}
