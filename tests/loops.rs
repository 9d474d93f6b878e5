//! Loops and threads: what is sent arrives, what is woken runs, whatever thread it comes from.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::wait::{eventually, here, soon, until};
use kit::{block_on, build, builder, runtime};
use ringmill::{LoopRef, yield_now};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

#[apply(on_each_driver)]
fn a_task_runs_on_the_loop_that_it_was_sent_to() {
    let runtime = build(builder(3).name("where"));
    let handle = runtime.handle().clone();
    let names = runtime.block_on(async {
        let mut names = Vec::new();
        for task in handle.spawn_on_each(|index| async move {
            yield_now().await;
            let here = LoopRef::current().unwrap();
            assert_eq!(here.index(), index);
            let thread = thread::current().name().map(str::to_owned);
            (here.name().to_owned(), thread)
        }) {
            names.push(soon("a loop", task).await.unwrap());
        }
        names
    });
    for (index, (name, thread)) in names.iter().enumerate() {
        assert_eq!(*name, format!("where-{index}"));
        if index > 0 {
            assert_eq!(thread.as_ref(), Some(name));
        }
    }
}

#[apply(on_each_driver)]
fn handles_are_awaited_across_loops_in_both_directions() {
    const ROUNDS: u64 = 2_000;
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let sum = runtime.block_on(async {
        let mut sum = 0;
        for n in 0..ROUNDS {
            let back = handle.clone();
            let there = handle.spawn_on(1, move || async move {
                let here = back.spawn_on(0, move || async move { n });
                here.await.unwrap() + 1
            });
            sum += soon("a round trip", there).await.unwrap();
        }
        sum
    });
    assert_eq!(sum, ROUNDS * (ROUNDS - 1) / 2 + ROUNDS);
}

#[apply(on_each_driver)]
fn a_plain_thread_spawns_and_joins() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let joined = thread::spawn(move || {
        let mut sum = 0;
        for n in 0..1_000 {
            let task = handle.spawn_on(1, move || async move {
                yield_now().await;
                n
            });
            sum += here("the task", task).unwrap();
        }
        sum
    });
    assert_eq!(joined.join().unwrap(), 499_500);
}

#[apply(on_each_driver)]
fn what_is_sent_to_a_runtime_that_is_gone_comes_back_cancelled() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    drop(runtime);
    let dropped = Dropped::default();
    for index in 0..2 {
        let guard = dropped.guard();
        let task = handle.spawn_on(index, move || async move {
            let _guard = guard;
        });
        assert!(here("the task", task).unwrap_err().is_cancelled());
    }
    assert_eq!(dropped.count(), 2);
}

/// A flag that a thread sets and a task waits for.
#[derive(Default)]
struct Signal {
    set: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        let waker = self.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn take(&self) {
        poll_fn(|cx| {
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            if self.set.swap(false, Ordering::SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[apply(on_each_driver)]
fn every_wake_from_a_plain_thread_arrives() {
    const ROUNDS: usize = 20_000;
    let there = Arc::new(Signal::default());
    let (answer, answered) = mpsc::channel();
    let thread = thread::spawn({
        let there = there.clone();
        move || {
            for round in 0..ROUNDS {
                there.set();
                assert_eq!(answered.recv().unwrap(), round);
            }
        }
    });
    block_on(async {
        for round in 0..ROUNDS {
            soon("a wake", there.take()).await;
            answer.send(round).unwrap();
        }
    });
    thread.join().unwrap();
}

#[apply(on_each_driver)]
fn a_storm_of_wakes_from_threads_loses_none_and_ends() {
    const THREADS: u64 = 4;
    const WAKES: u64 = 250_000;
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let count = Arc::new(AtomicU64::new(0));
    let (told, wakers) = mpsc::channel();
    // One task on each loop waits for all wakes, and is woken by each of them.
    let tasks = handle.spawn_on_each({
        let count = count.clone();
        move |_| async move {
            let mut told = Some(told);
            let mut polls = 0_u64;
            poll_fn(|cx| {
                if let Some(told) = told.take() {
                    told.send(cx.waker().clone()).unwrap();
                }
                polls += 1;
                if count.load(Ordering::SeqCst) == THREADS * WAKES {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            polls
        }
    });
    let threads = thread::spawn(move || {
        let wakers: Vec<Waker> = wakers.iter().take(2).collect();
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (wakers, count) = (wakers.clone(), count.clone());
                thread::spawn(move || {
                    for n in 0..WAKES as usize {
                        count.fetch_add(1, Ordering::SeqCst);
                        wakers[n % 2].wake_by_ref();
                        // And one that takes its waker with it.
                        let other = wakers[(n + 1) % 2].clone();
                        std::hint::black_box(other).wake();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
    let polls = runtime.block_on(async {
        let mut polls = Vec::new();
        for task in tasks {
            polls.push(soon("the end of the storm", task).await.unwrap());
        }
        polls
    });
    threads.join().unwrap();
    for count in polls {
        assert!(count > 1, "the storm never woke it");
    }
}

#[apply(on_each_driver)]
fn wakers_outlive_the_runtime() {
    let wakers = Arc::new(Mutex::new(Vec::new()));
    let runtime = runtime(2);
    let tasks = runtime.handle().spawn_on_each({
        let wakers = wakers.clone();
        move |_| {
            poll_fn(move |cx| -> Poll<()> {
                wakers.lock().unwrap().push(cx.waker().clone());
                Poll::Pending
            })
        }
    });
    runtime.block_on(until("both wakers", || wakers.lock().unwrap().len() == 2));
    drop(runtime);
    for task in tasks {
        assert!(here("the task", task).unwrap_err().is_cancelled());
    }
    for waker in std::mem::take(&mut *wakers.lock().unwrap()) {
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
    }
}

/// Counts wakes.
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[apply(on_each_driver)]
fn a_join_handle_wakes_only_its_latest_waiter() {
    let runtime = runtime(2);
    let gate = Arc::new(Signal::default());
    let mut task = runtime.handle().spawn_on(1, {
        let gate = gate.clone();
        move || async move { gate.take().await }
    });
    let counts = [(); 3].map(|()| Arc::new(Counting(AtomicUsize::new(0))));
    for count in &counts {
        let waker = Waker::from(count.clone());
        let polled = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    gate.set();
    eventually("the task", || counts[2].0.load(Ordering::SeqCst) > 0);
    let counted = counts.map(|count| count.0.load(Ordering::SeqCst));
    assert_eq!(counted, [0, 0, 1]);
    here("the output", task).unwrap();
}
