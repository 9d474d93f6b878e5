//! Names to addresses, beside the loops: getaddrinfo(3) blocks, for seconds where a name server is
//! away.
//!
//! A few threads, started when there is something to look up and gone when there is not.

use super::address::Resolving;
use crate::sys::{contained, lock};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// Look-ups at a time. They wait for the network, not for the processor; glibc's own resolver asks
/// one question at a time a thread.
const THREADS: usize = 4;

/// Look-ups that may wait for a thread; one more is refused.
const WAITING: usize = 1024;

type Addresses = io::Result<Vec<SocketAddr>>;

struct Job {
    look_up: Box<dyn FnOnce() -> Addresses + Send>,
    answer: Arc<Mutex<Answer>>,
}

/// What a thread leaves for the task that waits.
#[derive(Default)]
struct Answer {
    addresses: Option<Addresses>,
    waker: Option<Waker>,
}

struct Pool {
    jobs: VecDeque<Job>,
    threads: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    jobs: VecDeque::new(),
    threads: 0,
});

/// The addresses of a name, as the system's resolver gives them.
pub(super) fn look_up(name: impl ToSocketAddrs + Send + 'static) -> Resolving {
    Box::pin(async move {
        let answer = Arc::new(Mutex::new(Answer::default()));
        submit(Job {
            look_up: Box::new(move || name.to_socket_addrs().map(Iterator::collect)),
            answer: answer.clone(),
        })?;
        poll_fn(|cx| {
            // Cloned before the lock is taken and dropped after: a waker's code is foreign.
            let waker = cx.waker().clone();
            let mut answer = lock(&answer);
            let addresses = answer.addresses.take();
            let old = answer.waker.replace(waker);
            drop(answer);
            drop(old);
            addresses.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    })
}

fn submit(job: Job) -> io::Result<()> {
    let mut pool = lock(&POOL);
    if pool.jobs.len() >= WAITING {
        let message = format!("{WAITING} name look-ups wait already");
        return Err(io::Error::new(io::ErrorKind::WouldBlock, message));
    }
    pool.jobs.push_back(job);
    if pool.threads < THREADS {
        let started = std::thread::Builder::new()
            .name("ringmill-names".to_owned())
            .spawn(work);
        match started {
            Ok(_) => pool.threads += 1,
            // Another thread will come to it.
            Err(_) if pool.threads > 0 => {}
            Err(error) => {
                pool.jobs.pop_back();
                return Err(error);
            }
        }
    }
    Ok(())
}

fn work() {
    loop {
        let job = {
            let mut pool = lock(&POOL);
            match pool.jobs.pop_front() {
                Some(job) => job,
                None => {
                    pool.threads -= 1;
                    return;
                }
            }
        };
        // The task may have gone away meanwhile.
        if Arc::strong_count(&job.answer) == 1 {
            continue;
        }
        let addresses = (job.look_up)();
        let waker = {
            let mut answer = lock(&job.answer);
            answer.addresses = Some(addresses);
            answer.waker.take()
        };
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
    }
}
