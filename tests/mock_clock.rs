//! The mock clock: time passes when the test says so, or when everything waits, and never while
//! something is under way.

mod kit;

use kit::driver::{self, apply, on_each_driver};
use kit::{build, builder};
use ringmill::blocking::{compute, spawn_blocking};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::pipe::pipe;
use ringmill::scope::{fail_after, move_on_after};
use ringmill::test_util::MockClock;
use ringmill::time::{Instant, MissedTickPolicy, interval, sleep, sleep_until, timeout};
use ringmill::{Runtime, fs, spawn, spawn_anywhere, yield_now};
use std::cell::RefCell;
use std::future::pending;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn runtime(loops: usize, clock: &MockClock) -> Runtime {
    build(builder(loops).mock_clock(clock))
}

/// A runtime on a clock that jumps.
#[track_caller]
fn jumping(loops: usize) -> (Runtime, MockClock) {
    let clock = MockClock::autojump();
    (runtime(loops, &clock), clock)
}

#[apply(on_each_driver)]
fn an_hour_of_sleeps_ends_at_its_instant() {
    let (runtime, clock) = jumping(1);
    runtime.block_on(async {
        let start = Instant::now();
        for number in 1..=3_600 {
            sleep(SECOND).await;
            assert_eq!(start.elapsed(), number * SECOND);
        }
    });
    assert_eq!(clock.elapsed(), 3_600 * SECOND);
}

#[apply(on_each_driver)]
fn timers_fire_at_their_own_instants_in_the_order_of_time() {
    let (runtime, clock) = jumping(1);
    let log = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..1_000_u32)
            .map(|number| {
                let log = log.clone();
                // Nanoseconds to hours: every level of the wheel.
                let nap = Duration::from_nanos(1 << (number * 7 % 43)) + number * SECOND / 100;
                spawn(async move {
                    let due = Instant::now() + nap;
                    sleep(nap).await;
                    assert_eq!(Instant::now(), due);
                    log.borrow_mut().push(due);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let log = log.take();
    assert_eq!(log.len(), 1_000);
    assert!(log.is_sorted());
    assert_eq!(clock.now(), log[999]);
}

#[apply(on_each_driver)]
fn timers_of_one_instant_fire_in_the_order_of_arming() {
    let (runtime, _) = jumping(1);
    let log = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let due = Instant::now() + 3_600 * SECOND;
        let mut tasks = Vec::new();
        // From afar and from nearby: through all levels of the wheel.
        for number in 0..200 {
            let log = log.clone();
            tasks.push(spawn(async move {
                sleep_until(due).await;
                log.borrow_mut().push(number);
            }));
            let left = due - Instant::now();
            sleep(left / 7).await;
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert!(log.take().into_iter().eq(0..200));
}

#[apply(on_each_driver)]
fn a_manual_clock_moves_by_advance_alone() {
    let clock = MockClock::manual();
    let runtime = runtime(1, &clock);
    runtime.block_on(async {
        let start = Instant::now();
        let nap = spawn(sleep(10 * SECOND));
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!((Instant::now(), nap.is_finished()), (start, false));
        clock.advance(9 * SECOND);
        yield_now().await;
        assert!(!nap.is_finished());
        clock.advance_to(start + 10 * SECOND);
        nap.await.unwrap();
        clock.advance_to(start);
        assert_eq!(start.elapsed(), 10 * SECOND);
    });
}

#[apply(on_each_driver)]
fn a_plain_thread_moves_the_clock_of_loops_that_sleep() {
    let clock = MockClock::manual();
    let runtime = runtime(2, &clock);
    let other = runtime.handle().loops()[1].clone();
    let over = Arc::new(AtomicBool::new(false));
    let mover = thread::spawn({
        let (clock, over) = (clock.clone(), over.clone());
        move || {
            while !over.load(Ordering::Relaxed) {
                clock.advance(SECOND);
                thread::yield_now();
            }
        }
    });
    runtime.block_on(async {
        let there = other.spawn(|| sleep(200 * SECOND));
        sleep(100 * SECOND).await;
        there.await.unwrap();
    });
    over.store(true, Ordering::Relaxed);
    mover.join().unwrap();
    assert!(clock.elapsed() >= 200 * SECOND);
}

#[apply(on_each_driver)]
fn all_loops_have_one_time_and_it_jumps_to_the_next_timer_of_any() {
    let (runtime, clock) = jumping(3);
    let log = Arc::new(Mutex::new(Vec::new()));
    let each = runtime.handle().for_each_loop({
        let log = log.clone();
        move |index| async move {
            for step in 1..=20_u32 {
                // No two are due at the same time.
                let nap = Duration::from_secs(3 * u64::from(step) + index as u64);
                let due = Instant::now() + nap;
                sleep(nap).await;
                assert_eq!(Instant::now(), due);
                log.lock().unwrap().push(due);
            }
        }
    });
    runtime.block_on(each).unwrap();
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 60);
    assert!(log.is_sorted());
    assert_eq!(clock.now(), log[59]);
}

#[apply(on_each_driver)]
fn a_loop_that_no_timer_concerns_sleeps_through_the_jumps() {
    let (runtime, _) = jumping(2);
    let parks = || runtime.handle().stats()[1].parks;
    runtime.block_on(async {
        drop(runtime.handle().loops()[1].spawn(|| sleep(3_600 * SECOND)));
        sleep(SECOND).await;
        let before = parks();
        for _ in 0..1_000 {
            sleep(SECOND).await;
        }
        // A late signal may end a sleep, but not each jump.
        assert!(parks() - before < 10);
    });
}

#[apply(on_each_driver)]
fn time_stands_while_messages_are_on_their_way() {
    let (runtime, clock) = jumping(2);
    let other = runtime.handle().loops()[1].clone();
    runtime.block_on(async {
        for number in 0..2_000 {
            let answer = timeout(SECOND, other.call(move || async move { number + 1 }));
            assert_eq!(answer.await.unwrap().unwrap(), number + 1);
        }
    });
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[apply(on_each_driver)]
fn time_stands_while_jobs_run() {
    let (runtime, clock) = jumping(2);
    let (sender, receiver) = mpsc::channel();
    let sends = thread::spawn(move || {
        for number in 0..200 {
            for _ in 0..50 {
                thread::yield_now();
            }
            sender.send(number).unwrap();
        }
    });
    let receiver = Arc::new(Mutex::new(receiver));
    runtime.block_on(async {
        for number in 0..200 {
            let receiver = receiver.clone();
            let work = move || receiver.lock().unwrap().recv().unwrap();
            let job = if number % 2 == 0 {
                spawn_blocking(work)
            } else {
                compute(work)
            };
            assert_eq!(timeout(SECOND, job).await.unwrap().unwrap(), number);
        }
        assert_eq!(clock.elapsed(), Duration::ZERO);
        // And goes on when a job that nobody waits for has ended.
        let idle = spawn_blocking(|| (0..50).for_each(|_| thread::yield_now()));
        idle.detach().unwrap();
        sleep(SECOND).await;
    });
    assert_eq!(clock.elapsed(), SECOND);
    sends.join().unwrap();
}

#[apply(on_each_driver)]
fn time_stands_while_a_closure_answers_through_a_pipe() {
    let (runtime, clock) = jumping(2);
    let other = runtime.handle().loops()[1].clone();
    runtime.block_on(async {
        for _ in 0..200 {
            let answer = other.call(|| async {
                let (sender, mut receiver) = pipe()?;
                let mut end = std::fs::File::from(sender.into_owned_fd()?);
                let writes = spawn_blocking(move || end.write_all(b"7"));
                timeout(SECOND, receiver.read_exact(&mut [0])).await??;
                writes.await.unwrap()
            });
            answer.await.unwrap().unwrap();
        }
    });
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[apply(on_each_driver)]
fn time_stands_while_tasks_wait_for_any_loop() {
    let (runtime, clock) = jumping(3);
    runtime.block_on(async {
        for _ in 0..300 {
            let tasks: Vec<_> = (0..5).map(|_| spawn_anywhere(yield_now)).collect();
            for task in tasks {
                timeout(SECOND, task).await.unwrap().unwrap();
            }
        }
    });
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[apply(on_each_driver)]
fn time_stands_while_files_are_read_and_written() {
    let (runtime, clock) = jumping(1);
    let name = format!(
        "ringmill-clock-{}-{}",
        std::process::id(),
        driver::current()
    );
    let path = std::env::temp_dir().join(name);
    runtime.block_on(async {
        for round in 0..20_u8 {
            let whole = async {
                fs::write(&path, vec![round; 1 << 20]).await?;
                fs::read(&path).await
            };
            let bytes = timeout(SECOND, whole).await.unwrap().unwrap();
            assert_eq!((bytes.len(), bytes[77]), (1 << 20, round));
        }
        fs::remove_file(&path).await.unwrap();
    });
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

/// A connection over loopback that says everything back, `rounds` times.
async fn talk(mut stream: TcpStream, rounds: usize) {
    let sent = [7; 3_000];
    let mut came = [0; 3_000];
    for _ in 0..rounds {
        let exchange = async {
            stream.write_all(&sent).await?;
            stream.read_exact(&mut came).await
        };
        timeout(SECOND, exchange).await.unwrap().unwrap();
    }
}

async fn say_back(mut listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    while let Some(bytes) = stream.recv().await.unwrap() {
        stream.send(bytes).await.0.unwrap();
    }
}

#[apply(on_each_driver)]
fn time_stands_while_bytes_are_on_their_way_over_loopback() {
    for loops in [1, 2] {
        let (runtime, clock) = jumping(loops);
        let last = runtime.handle().loops()[loops - 1].clone();
        runtime.block_on(async {
            let (sender, address) = ringmill::channel::oneshot::channel();
            let server = last.spawn(|| async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                say_back(listener).await;
            });
            let connected = timeout(SECOND, TcpStream::connect(address.await.unwrap()));
            talk(connected.await.unwrap().unwrap(), 500).await;
            server.await.unwrap();
        });
        assert_eq!(clock.elapsed(), Duration::ZERO, "{loops} loops");
    }
}

#[apply(on_each_driver)]
fn a_threshold_waits_for_what_is_outside() {
    let clock = MockClock::autojump();
    clock.set_autojump(kit::wait::NEVER);
    let runtime = runtime(1, &clock);
    runtime.block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            for _ in 0..100 {
                thread::yield_now();
            }
            stream.write_all(b"late").unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap()
        });
        let (mut stream, _) = timeout(SECOND, listener.accept()).await.unwrap().unwrap();
        let mut came = [0; 4];
        let read = timeout(SECOND, stream.read_exact(&mut came));
        read.await.unwrap().unwrap();
        drop(stream);
        drop(peer);
        assert_eq!(clock.elapsed(), Duration::ZERO);
        clock.set_autojump(Duration::from_millis(1));
        sleep(SECOND).await;
        assert_eq!(clock.elapsed(), SECOND);
    });
}

#[apply(on_each_driver)]
fn a_rate_is_virtual_seconds_a_real_one() {
    let clock = MockClock::with_rate(10_000.0);
    let runtime = runtime(1, &clock);
    let started = std::time::Instant::now();
    runtime.block_on(async {
        let start = Instant::now();
        sleep(100 * SECOND).await;
        assert!(start.elapsed() >= 100 * SECOND);
        clock.set_rate(0.0);
        let stands = Instant::now();
        yield_now().await;
        assert_eq!(Instant::now(), stands);
    });
    assert!(started.elapsed() >= Duration::from_millis(10));
}

#[apply(on_each_driver)]
fn intervals_tick_on_time() {
    let (runtime, clock) = jumping(1);
    runtime.block_on(async {
        let mut every = interval(7 * SECOND);
        every.set_missed_tick_policy(MissedTickPolicy::Skip);
        let first = every.tick().await;
        for number in 1..100 {
            assert_eq!(every.tick().await, first + number * 7 * SECOND);
            assert_eq!(Instant::now(), first + number * 7 * SECOND);
        }
        clock.advance(20 * SECOND);
        every.tick().await;
        assert_eq!(every.tick().await, first + 102 * 7 * SECOND);
    });
}

#[apply(on_each_driver)]
fn pool_threads_have_the_runtimes_time() {
    let clock = MockClock::manual();
    let runtime = runtime(1, &clock);
    clock.advance(77 * SECOND);
    let (blocking, computed) = runtime.block_on(async {
        let blocking = spawn_blocking(Instant::now).await.unwrap();
        (blocking, compute(Instant::now).await.unwrap())
    });
    assert_eq!((blocking, computed), (clock.now(), clock.now()));
}

#[apply(on_each_driver)]
fn time_stands_while_the_first_loop_does_not_run() {
    let (runtime, clock) = jumping(2);
    let ticks = runtime.handle().loops()[1].spawn(|| async {
        let mut every = interval(SECOND);
        loop {
            every.tick().await;
        }
    });
    runtime.block_on(sleep(5 * SECOND));
    let now = clock.elapsed();
    // The other loop has waited since, or does now.
    let parks = || runtime.handle().stats()[1].parks;
    let before = parks();
    clock.advance(SECOND);
    kit::wait::eventually("another wait", || parks() > before);
    assert_eq!(clock.elapsed(), now + SECOND);
    drop(ticks);
}

#[apply(on_each_driver)]
fn a_shutdown_ends_also_where_the_clock_stands() {
    let clock = MockClock::manual();
    let runtime = runtime(2, &clock);
    let other = runtime.handle().loops()[1].clone();
    runtime.block_on(async {
        drop(spawn(pending::<()>()));
        drop(other.spawn(|| sleep(Duration::MAX)));
    });
    assert_eq!(runtime.shutdown(SECOND), 2);
}

#[apply(on_each_driver)]
fn nested_deadlines_come_at_their_instants() {
    let (runtime, _) = jumping(2);
    runtime.block_on(async {
        let start = Instant::now();
        for round in 0..100 {
            let (inner, outer) = (7 * SECOND, 10 * SECOND);
            let both = fail_after(outer, async {
                let first = move_on_after(inner, pending::<()>()).await;
                assert_eq!((first, start.elapsed()), (None, round * outer + inner));
                move_on_after(inner, sleep(inner)).await
            });
            assert!(both.await.is_err());
            assert_eq!(start.elapsed(), (round + 1) * outer);
        }
    });
}

#[apply(on_each_driver)]
fn a_clock_serves_one_runtime_at_a_time() {
    let clock = MockClock::manual();
    let first = runtime(1, &clock);
    let error = builder(1).mock_clock(&clock).build().err().unwrap();
    assert!(error.to_string().contains("another runtime"), "{error}");
    drop(first);
    drop(runtime(1, &clock));
}

#[apply(on_each_driver)]
fn without_timers_the_runtime_waits_for_the_outside() {
    let (runtime, clock) = jumping(2);
    let (sender, receiver) = ringmill::channel::oneshot::channel();
    let sends = thread::spawn(move || {
        for _ in 0..100 {
            thread::yield_now();
        }
        sender.send(5).unwrap();
    });
    assert_eq!(runtime.block_on(receiver), Ok(5));
    assert_eq!(clock.elapsed(), Duration::ZERO);
    sends.join().unwrap();
}
