//! Waiting until all other tasks wait, and steps in order.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::wait::soon;
use kit::{ON_PURPOSE, block_on, build, builder, hush, runtime};
use ringmill::blocking::spawn_blocking;
use ringmill::channel::{mpsc, oneshot};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::test_util::{
    MockClock, SequenceError, Sequencer, wait_all_blocked, wait_all_blocked_for,
};
use ringmill::time::sleep;
use ringmill::{spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[apply(on_each_driver)]
fn all_other_tasks_have_come_as_far_as_they_can() {
    block_on(async {
        let steps = Rc::new(Cell::new(0));
        for count in 0..10 {
            let steps = steps.clone();
            drop(spawn(async move {
                for _ in 0..100 * count {
                    yield_now().await;
                    steps.set(steps.get() + 1);
                }
                pending::<()>().await;
            }));
        }
        // One that sleeps waits, too.
        drop(spawn(sleep(3_600 * SECOND)));
        soon("quiet", wait_all_blocked()).await;
        assert_eq!(steps.get(), 4_500);
        soon("quiet again", wait_all_blocked()).await;
    });
}

#[apply(on_each_driver)]
fn messages_between_loops_have_arrived() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    runtime.block_on(async {
        for _ in 0..50 {
            let passed = Arc::new(AtomicUsize::new(0));
            let (first, mut from_first) = mpsc::unbounded::<u32>();
            let (second, mut from_second) = mpsc::unbounded::<u32>();
            let there = passed.clone();
            let back = other.spawn(move || async move {
                while let Some(left) = from_first.recv().await {
                    there.fetch_add(1, Ordering::Relaxed);
                    second.send(left).unwrap();
                }
            });
            let to_other = first.clone();
            let here = spawn(async move {
                while let Some(left) = from_second.recv().await {
                    if left > 0 {
                        to_other.send(left - 1).unwrap();
                    }
                }
            });
            first.send(20).unwrap();
            soon("quiet", wait_all_blocked()).await;
            assert_eq!(passed.load(Ordering::Relaxed), 21);
            here.abort_handle().abort();
            back.abort_handle().abort();
        }
    });
}

#[apply(on_each_driver)]
fn bytes_over_loopback_have_arrived() {
    block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let came = Rc::new(Cell::new(0));
        let counts = came.clone();
        drop(spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            while let Some(bytes) = stream.recv().await.unwrap() {
                counts.set(counts.get() + bytes.len());
                stream.send(bytes).await.0.unwrap();
            }
        }));
        let mut stream = TcpStream::connect(address).await.unwrap();
        for round in 1..=100 {
            stream.write_all(&[1; 1_000]).await.unwrap();
            soon("quiet", wait_all_blocked()).await;
            assert_eq!(came.get(), round * 1_000);
        }
    });
}

#[apply(on_each_driver)]
fn jobs_of_the_pool_have_ended() {
    block_on(async {
        let done = Arc::new(AtomicUsize::new(0));
        for count in 1..=50 {
            let done_there = done.clone();
            let job = spawn_blocking(move || {
                (0..100).for_each(|_| thread::yield_now());
                done_there.fetch_add(1, Ordering::Relaxed);
            });
            job.detach().unwrap();
            soon("quiet", wait_all_blocked()).await;
            assert_eq!(done.load(Ordering::Relaxed), count);
        }
    });
}

#[apply(on_each_driver)]
fn several_may_wait_and_those_with_less_cushion_go_first() {
    block_on(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let waits = |name, cushion| {
            let log = log.clone();
            spawn(async move {
                wait_all_blocked_for(cushion).await;
                log.borrow_mut().push(name);
            })
        };
        let all = [
            waits("long", Duration::from_millis(3)),
            waits("first", Duration::ZERO),
            waits("short", Duration::from_millis(1)),
            waits("second", Duration::ZERO),
        ];
        for task in all {
            soon("its turn", task).await.unwrap();
        }
        assert_eq!(*log.borrow(), ["first", "second", "short", "long"]);
    });
}

#[apply(on_each_driver)]
fn one_that_is_dropped_keeps_nobody_waiting() {
    let clock = MockClock::autojump();
    let runtime = build(builder(1).mock_clock(&clock));
    runtime.block_on(async {
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut dropped = pin!(wait_all_blocked_for(Duration::MAX));
            assert!(dropped.as_mut().poll(&mut cx).is_pending());
            assert!(dropped.as_mut().poll(&mut cx).is_pending());
        }
        wait_all_blocked().await;
        sleep(SECOND).await;
    });
    assert_eq!(clock.elapsed(), SECOND);
}

#[apply(on_each_driver)]
fn quiet_comes_before_a_jump() {
    let clock = MockClock::autojump();
    let runtime = build(builder(2).mock_clock(&clock));
    let other = runtime.handle().loops()[1].clone();
    runtime.block_on(async {
        let here = spawn(sleep(SECOND));
        let there = other.spawn(|| sleep(SECOND));
        for _ in 0..20 {
            wait_all_blocked().await;
            assert_eq!(clock.elapsed(), Duration::ZERO);
        }
        here.await.unwrap();
        there.await.unwrap();
        assert_eq!(clock.elapsed(), SECOND);
    });
}

#[apply(on_each_driver)]
fn a_cushion_waits_for_what_is_outside() {
    block_on(async {
        let (sender, receiver) = oneshot::channel();
        let task = spawn(receiver);
        let sends = thread::spawn(move || {
            (0..100).for_each(|_| thread::yield_now());
            sender.send(1).unwrap();
        });
        // It begins anew whenever something happens.
        while !task.is_finished() {
            soon("quiet", wait_all_blocked_for(Duration::from_millis(2))).await;
        }
        sends.join().unwrap();
        assert_eq!(task.await.unwrap(), Ok(1));
    });
}

#[apply(on_each_driver)]
fn steps_are_in_the_order_of_their_numbers() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    runtime.block_on(async {
        let sequence = Sequencer::new();
        let log = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in (0..100).rev() {
            let (sequence, log) = (sequence.clone(), log.clone());
            let step = move || async move {
                let step = sequence.at(number).await.unwrap();
                yield_now().await;
                log.lock().unwrap().push(number);
                drop(step);
            };
            if number % 3 == 0 {
                tasks.push(other.spawn(step));
            } else {
                tasks.push(spawn(step()));
            }
        }
        for task in tasks {
            soon("a step", task).await.unwrap();
        }
        assert!(log.lock().unwrap().iter().copied().eq(0..100));
    });
}

#[apply(on_each_driver)]
fn a_number_is_used_once() {
    block_on(async {
        let sequence = Sequencer::new();
        let first = sequence.at(0).await.unwrap();
        let reused = |number| Err(SequenceError::Reused(number));
        assert_eq!(sequence.at(0).await.map(drop), reused(0));
        let waits = spawn(sequence.at(2));
        yield_now().await;
        assert_eq!(sequence.at(2).await.map(drop), reused(2));
        drop(first);
        assert_eq!(sequence.at(0).await.map(drop), reused(0));
        // That broke nothing.
        drop(sequence.at(1).await.unwrap());
        drop(soon("the step", waits).await.unwrap().unwrap());
    });
}

#[apply(on_each_driver)]
fn a_dropped_waiter_breaks_the_sequence() {
    block_on(async {
        let sequence = Sequencer::new();
        let step = sequence.at(0).await.unwrap();
        let waits = spawn(sequence.at(2));
        let cancelled = spawn(sequence.at(1));
        wait_all_blocked().await;
        cancelled.abort_handle().abort();
        let broken = soon("the error", waits).await.unwrap();
        assert_eq!(broken.map(drop), Err(SequenceError::Broken));
        drop(step);
        let late = sequence.at(5).await;
        assert_eq!(late.map(drop), Err(SequenceError::Broken));
    });
}

#[apply(on_each_driver)]
fn a_step_that_panics_is_over() {
    hush();
    block_on(async {
        let sequence = Sequencer::new();
        drop(sequence.at(7)); // never polled: it is none
        let panics = spawn({
            let sequence = sequence.clone();
            async move {
                let _step = sequence.at(0).await.unwrap();
                panic!("{ON_PURPOSE}");
            }
        });
        let _step = soon("the step", sequence.at(1)).await.unwrap();
        assert!(panics.await.unwrap_err().is_panic());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(pin!(sequence.at(3)).poll(&mut cx), Poll::Pending));
    });
}
