//! Tasks: spawning, joining, cancelling, panicking, and taking turns.

mod kit;

use kit::wait::{eventually, here, soon, until};
use kit::{ON_PURPOSE, child, hush, process, runtime};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{Handle, LoopRef, spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread;
use std::time::Duration;

/// Counts its drops, and the thread of the last one.
#[derive(Clone, Default)]
struct Dropped {
    count: Arc<AtomicUsize>,
    by: Arc<Mutex<Option<thread::ThreadId>>>,
}

struct Guard(Dropped);

impl Dropped {
    fn guard(&self) -> Guard {
        Guard(self.clone())
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        *self.0.by.lock().unwrap() = Some(thread::current().id());
    }
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: in a drop");
    }
}

/// A waker that panics when it is used.
fn panicking_waker() -> Waker {
    const TABLE: RawWakerVTable = RawWakerVTable::new(
        |_| RawWaker::new(std::ptr::null(), &TABLE),
        |_| panic!("{ON_PURPOSE}: in a wake"),
        |_| panic!("{ON_PURPOSE}: in a wake by reference"),
        |_| {},
    );
    // SAFETY: the table needs no data.
    unsafe { Waker::new(std::ptr::null(), &TABLE) }
}

fn block_on<F: Future>(future: F) -> F::Output {
    runtime(1).block_on(future)
}

// Spawning and joining.

#[test]
fn a_task_gives_its_output_to_whoever_joins_it() {
    let outputs = block_on(async {
        let tasks: Vec<_> = (0..1_000).map(|n| spawn(async move { n * 2 })).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(outputs, 999_000);
}

#[test]
fn a_task_that_is_not_joined_runs_all_the_same() {
    let ran = Rc::new(Cell::new(0));
    block_on(async {
        for _ in 0..100 {
            let ran = ran.clone();
            drop(spawn(async move {
                yield_now().await;
                ran.set(ran.get() + 1);
            }));
        }
        until("100 detached tasks", || ran.get() == 100).await;
    });
    assert_eq!(Rc::strong_count(&ran), 1);
}

#[test]
fn an_output_is_dropped_once_whether_it_is_taken_or_not() {
    let dropped = Dropped::default();
    block_on(async {
        let taken = spawn({
            let guard = dropped.guard();
            async move { guard }
        });
        drop(taken.await.unwrap());
        assert_eq!(dropped.count(), 1);

        let finished = spawn({
            let guard = dropped.guard();
            async move { guard }
        });
        until("the second task", || finished.is_finished()).await;
        assert_eq!(dropped.count(), 1);
        drop(finished);
        assert_eq!(dropped.count(), 2);

        drop(spawn({
            let guard = dropped.guard();
            async move { guard }
        }));
        until("the third output's drop", || dropped.count() == 3).await;
    });
    assert_eq!(dropped.count(), 3);
}

#[test]
fn tasks_left_by_one_block_on_go_on_in_the_next() {
    let runtime = runtime(1);
    let turns = Rc::new(Cell::new(0));
    let task = runtime.block_on(async {
        let turns = turns.clone();
        spawn(async move {
            until("the gate", || turns.get() == 1).await;
            turns.set(2);
        })
    });
    assert!(!task.is_finished());
    turns.set(1);
    runtime.block_on(task).unwrap();
    assert_eq!(turns.get(), 2);
}

#[test]
fn block_on_takes_a_future_that_borrows() {
    let mut words = vec!["a"];
    runtime(1).block_on(async {
        yield_now().await;
        words.push("b");
    });
    assert_eq!(words, ["a", "b"]);
}

// Panics.

#[test]
fn a_panic_in_a_poll_ends_its_task_alone() {
    hush();
    const TASKS: usize = 20_000;
    let (outputs, panics) = block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|n| {
                spawn(async move {
                    if n % 3 == 0 {
                        yield_now().await;
                    }
                    assert!(n % 10 != 0, "{ON_PURPOSE}: {n}");
                    n
                })
            })
            .collect();
        let (mut outputs, mut panics) = (0, 0);
        for (n, task) in tasks.into_iter().enumerate() {
            match task.await {
                Ok(output) => {
                    assert_eq!(output, n);
                    outputs += 1;
                }
                Err(error) => {
                    assert!(error.is_panic() && !error.is_cancelled());
                    assert_eq!(error.spawned_at().file(), file!());
                    let payload = error.into_panic();
                    let text = payload.downcast_ref::<String>().unwrap();
                    assert_eq!(*text, format!("{ON_PURPOSE}: {n}"));
                    panics += 1;
                }
            }
        }
        (outputs, panics)
    });
    assert_eq!((outputs, panics), (TASKS * 9 / 10, TASKS / 10));
}

#[test]
fn a_panic_in_the_root_future_comes_out_of_block_on() {
    hush();
    let runtime = runtime(2);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            yield_now().await;
            panic!("{ON_PURPOSE}: the root");
        })
    }));
    let payload = caught.unwrap_err();
    assert_eq!(
        payload.downcast_ref::<String>().unwrap(),
        "on purpose: the root"
    );
    assert_eq!(runtime.block_on(async { 7 }), 7, "the runtime lives on");
}

#[test]
fn a_panic_in_a_futures_drop_comes_back_as_a_panic() {
    hush();
    block_on(async {
        let at_its_end = spawn(async {
            let _bomb = PanicsInDrop;
            yield_now().await;
        });
        assert!(at_its_end.await.unwrap_err().is_panic());

        let aborted = spawn(async {
            let _bomb = PanicsInDrop;
            pending::<()>().await;
        });
        yield_now().await;
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_panic());

        let detached = spawn(async {
            let _bomb = PanicsInDrop;
            yield_now().await;
        });
        let handle = detached.abort_handle();
        drop(detached);
        until("the detached task", || handle.is_finished()).await;
    });
}

#[test]
fn a_panic_in_an_outputs_drop_goes_no_further() {
    hush();
    let count = block_on(async {
        drop(spawn(async { PanicsInDrop }));
        let finished = spawn(async { PanicsInDrop });
        until("the task", || finished.is_finished()).await;
        drop(finished);
        spawn(async { 1 }).await.unwrap()
    });
    assert_eq!(count, 1);
}

#[test]
fn a_panic_in_a_closure_sent_to_another_loop_comes_back() {
    hush();
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let task = handle.spawn_on(1, || -> std::future::Ready<()> {
            panic!("{ON_PURPOSE}: in the closure")
        });
        assert!(soon("the panic", task).await.unwrap_err().is_panic());
        let next = handle.spawn_on(1, || async { 5 });
        assert_eq!(soon("the next task", next).await.unwrap(), 5);
    });
}

#[test]
fn a_joiners_waker_that_panics_ends_nobody() {
    hush();
    block_on(async {
        let gate = Rc::new(Cell::new(false));
        let mut task = spawn({
            let gate = gate.clone();
            async move { until("the gate", || gate.get()).await }
        });
        let waker = panicking_waker();
        let polled = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        gate.set(true);
        until("the task", || task.is_finished()).await;
        task.await.unwrap();
    });
}

#[test]
fn a_timers_waker_that_panics_ends_nobody() {
    hush();
    block_on(async {
        let waker = panicking_waker();
        let mut first = Box::pin(ringmill::time::sleep(Duration::from_millis(2)));
        let polled = first.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        ringmill::time::sleep(Duration::from_millis(3)).await;
        until("the timer", || first.is_elapsed()).await;
    });
}

#[test]
fn a_sockets_waker_that_panics_ends_nobody() {
    hush();
    block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let waker = panicking_waker();
        let mut cx = Context::from_waker(&waker);

        // An accept that nobody awaits, and two that do.
        {
            let mut accept = Box::pin(listener.accept());
            assert!(accept.as_mut().poll(&mut cx).is_pending());
            let clients = [
                std::net::TcpStream::connect(address).unwrap(),
                std::net::TcpStream::connect(address).unwrap(),
            ];
            until("the accept", || {
                let noop = Waker::noop();
                let polled = accept.as_mut().poll(&mut Context::from_waker(noop));
                polled.is_ready()
            })
            .await;
            drop(clients);
        }
        drop(soon("the second accept", listener.accept()).await.unwrap());

        // A connect, a read and a send.
        let mut connect = Box::pin(TcpStream::connect(address));
        assert!(connect.as_mut().poll(&mut cx).is_pending());
        let (server, _) = soon("the connection", listener.accept()).await.unwrap();
        let mut client = soon("the connect", connect).await.unwrap();
        let mut server = server;
        let mut room = [0; 4];
        assert!(server.poll_read(&mut cx, &mut room).is_pending());
        client.write_all(b"ping").await.unwrap();
        {
            let mut send = Box::pin(client.send(vec![0; 1 << 20]));
            while send.as_mut().poll(&mut cx).is_ready() {}
            let mut reader = spawn(async move {
                server.read_exact(&mut room).await.unwrap();
                assert_eq!(&room, b"ping");
                let mut rest = vec![0; 1 << 20];
                server.read_exact(&mut rest).await.unwrap();
                server
            });
            soon("the send", send).await.0.unwrap();
            server = soon("the reader", &mut reader).await.unwrap();
        }
        drop(server);
        assert_eq!(spawn(async { 3 }).await.unwrap(), 3);
    });
}

#[test]
fn a_panicking_waker_on_another_loop_does_not_end_that_loop() {
    hush();
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let (told, address) = mpsc::channel();
    let server = handle.spawn_on(1, move || async move {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        told.send(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let waker = panicking_waker();
        let polled = stream.poll_read(&mut Context::from_waker(&waker), &mut [0; 8]);
        assert!(polled.is_pending());
        // Once the bytes are there, the waker has been woken.
        let mut room = [0; 3];
        until("bytes", || {
            let mut cx = Context::from_waker(&waker);
            matches!(stream.poll_read(&mut cx, &mut room), Poll::Ready(Ok(3)))
        })
        .await;
        room
    });
    let address = address.recv().unwrap();
    let mut client = std::net::TcpStream::connect(address).unwrap();
    client.write_all(b"abc").unwrap();
    assert_eq!(here("the server", server).unwrap(), *b"abc");
    let after = handle.spawn_on(1, || async { LoopRef::current().unwrap().index() });
    assert_eq!(here("a task on that loop", after).unwrap(), 1);
}

// Cancelling.

#[test]
fn an_aborted_task_is_dropped_and_says_cancelled() {
    let dropped = Dropped::default();
    block_on(async {
        let before_its_first_poll = spawn({
            let guard = dropped.guard();
            async move {
                let _guard = guard;
                unreachable!("it was aborted before it ran");
            }
        });
        before_its_first_poll.abort();
        let error = before_its_first_poll.await.map(|(): ()| ()).unwrap_err();
        assert!(error.is_cancelled() && !error.is_panic());
        assert_eq!(dropped.count(), 1);

        let waiting = spawn({
            let guard = dropped.guard();
            async move {
                let _guard = guard;
                pending::<()>().await;
            }
        });
        yield_now().await;
        let handle = waiting.abort_handle();
        handle.clone().abort();
        handle.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(dropped.count(), 2);
        assert!(handle.is_finished());
        handle.abort();
    });
}

#[test]
fn an_abort_after_the_end_changes_nothing() {
    block_on(async {
        let task = spawn(async { 9 });
        until("the task", || task.is_finished()).await;
        task.abort();
        assert_eq!(task.await.unwrap(), 9);
    });
}

#[test]
fn a_task_may_abort_itself() {
    block_on(async {
        let own = Rc::new(RefCell::new(None::<ringmill::AbortHandle>));
        let task = spawn({
            let own = own.clone();
            async move {
                own.borrow().as_ref().unwrap().abort();
                pending::<()>().await;
            }
        });
        *own.borrow_mut() = Some(task.abort_handle());
        assert!(soon("the task", task).await.unwrap_err().is_cancelled());
    });
}

#[test]
fn an_abort_from_a_plain_thread_drops_the_future_on_its_own_loop() {
    let runtime = runtime(2);
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let (told, ready) = mpsc::channel();
    let task = runtime.handle().spawn_on(1, move || async move {
        let _guard = guard;
        told.send(thread::current().id()).unwrap();
        pending::<()>().await;
    });
    let its_thread = ready.recv().unwrap();
    task.abort();
    assert!(here("the task", task).unwrap_err().is_cancelled());
    assert_eq!(dropped.count(), 1);
    assert_eq!(*dropped.by.lock().unwrap(), Some(its_thread));
}

#[test]
fn abort_on_drop_aborts_unless_disarmed() {
    let dropped = Dropped::default();
    block_on(async {
        let wait = |guard: Guard| async move {
            let _guard = guard;
            pending::<()>().await;
        };
        let tied = spawn(wait(dropped.guard())).abort_on_drop();
        yield_now().await;
        drop(tied);
        until("the drop", || dropped.count() == 1).await;

        let untied = spawn(wait(dropped.guard())).abort_on_drop().disarm();
        let handle = untied.abort_handle();
        drop(untied);
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(!handle.is_finished());
        assert_eq!(dropped.count(), 1);
        assert_eq!(spawn(async { 4 }).abort_on_drop().await.unwrap(), 4);
    });
    assert_eq!(dropped.count(), 2, "the runtime's end took the other");
}

// Turns.

#[test]
fn yield_now_lets_every_other_task_run_once() {
    let order = Rc::new(RefCell::new(Vec::new()));
    block_on(async {
        let tasks: Vec<_> = (0..3)
            .map(|name| {
                let order = order.clone();
                spawn(async move {
                    for _ in 0..3 {
                        order.borrow_mut().push(name);
                        yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(*order.borrow(), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
}

#[test]
fn a_task_that_is_always_ready_starves_neither_timers_nor_sockets_nor_other_loops() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let stop = Rc::new(Cell::new(false));
    let turns = runtime.block_on(async {
        let busy = spawn({
            let stop = stop.clone();
            async move {
                let mut turns = 0_u64;
                while !stop.get() {
                    yield_now().await;
                    turns += 1;
                }
                turns
            }
        });
        let sleep = ringmill::time::sleep(Duration::from_millis(1));
        soon("the timer", sleep).await;

        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            let mut room = [0; 5];
            stream.read_exact(&mut room).await.unwrap();
            room
        });
        let (mut stream, _) = soon("the accept", listener.accept()).await.unwrap();
        let mut room = [0; 5];
        soon("the bytes", stream.read_exact(&mut room)).await.unwrap();
        stream.write_all(&room).await.unwrap();
        assert_eq!(soon("the echo", client).await.unwrap(), *b"hello");

        let away = handle.spawn_on(1, || async { 11 });
        assert_eq!(soon("the other loop", away).await.unwrap(), 11);
        stop.set(true);
        busy.await.unwrap()
    });
    assert!(turns > 0);
}

#[test]
fn a_socket_that_is_always_readable_gives_the_others_their_turn() {
    /// The budget of operations that one poll may use up.
    const BUDGET: u64 = 128;
    const BYTES: u64 = 4 << 20;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let writer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&vec![1; BYTES as usize]).unwrap();
    });
    let (read, most) = block_on(async {
        let since = Rc::new(Cell::new(0));
        let other = spawn({
            let since = since.clone();
            async move {
                loop {
                    since.set(0);
                    yield_now().await;
                }
            }
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (mut read, mut most) = (0, 0);
        let mut room = [0; 64];
        loop {
            let count = stream.read(&mut room).await.unwrap();
            if count == 0 {
                break;
            }
            read += count as u64;
            since.set(since.get() + 1);
            most = most.max(since.get());
        }
        other.abort();
        (read, most)
    });
    writer.join().unwrap();
    assert_eq!(read, BYTES);
    assert!(most <= BUDGET, "{most} reads in one turn");
    assert!(most > BUDGET / 2, "it was never readable for long: {most}");
}

#[test]
fn accepts_that_are_always_ready_give_the_others_their_turn() {
    const CLIENTS: usize = 300;
    let most = block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        let since = Rc::new(Cell::new(0));
        let other = spawn({
            let since = since.clone();
            async move {
                loop {
                    since.set(0);
                    yield_now().await;
                }
            }
        });
        let mut most = 0;
        for _ in 0..CLIENTS {
            drop(soon("an accept", listener.accept()).await.unwrap());
            since.set(since.get() + 1);
            most = most.max(since.get());
        }
        other.abort();
        drop(clients);
        most
    });
    assert!(most <= 128, "{most} accepts in one turn");
}

// Other loops and other threads.

#[test]
fn a_task_runs_on_the_loop_that_it_was_sent_to() {
    let runtime = kit::builder(3).name("where").build().unwrap();
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

#[test]
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

#[test]
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

#[test]
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

#[test]
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

#[test]
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
                    for n in 0..WAKES {
                        count.fetch_add(1, Ordering::SeqCst);
                        if n % 2 == 0 {
                            wakers[0].wake_by_ref();
                            wakers[1].clone().wake();
                        } else {
                            wakers[1].wake_by_ref();
                            wakers[0].clone().wake();
                        }
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

#[test]
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

// The runtime's own end.

#[test]
fn a_runtime_within_a_runtime_is_refused_and_the_outer_one_goes_on() {
    child::alone(
        "a_runtime_within_a_runtime_is_refused_and_the_outer_one_goes_on",
        || {
            hush();
            let message = |nested: fn()| {
                let payload = block_on(async move {
                    let task = spawn(async move { nested() });
                    task.await.unwrap_err().into_panic()
                });
                match payload.downcast::<String>() {
                    Ok(text) => *text,
                    Err(payload) => (*payload.downcast_ref::<&str>().unwrap()).to_owned(),
                }
            };
            let expected = "`block_on` cannot be called from inside a task";
            let by_function = message(|| ringmill::block_on(async {}).unwrap());
            assert!(by_function.contains(expected), "{by_function}");
            let by_runtime = message(|| runtime(2).block_on(async {}));
            assert!(by_runtime.contains(expected), "{by_runtime}");
        },
    );
}

#[test]
fn a_runtime_may_be_dropped_inside_another_ones_task() {
    child::alone(
        "a_runtime_may_be_dropped_inside_another_ones_task",
        || {
            let inner = runtime(2);
            let dropped = Dropped::default();
            let guard = dropped.guard();
            drop(inner.handle().spawn_on(0, move || async move {
                let _guard = guard;
                pending::<()>().await;
            }));
            inner.block_on(yield_now());
            block_on(async move {
                drop(inner);
                yield_now().await;
                assert_eq!(LoopRef::current().unwrap().index(), 0);
                assert_eq!(spawn(async { 2 }).await.unwrap(), 2);
            });
            assert_eq!(dropped.count(), 1);
        },
    );
}

#[test]
fn dropping_a_runtime_ends_the_tasks_of_every_loop() {
    const TASKS: usize = 100;
    let dropped = Dropped::default();
    let started = Arc::new(AtomicUsize::new(0));
    let runtime = runtime(3);
    let mut tasks = Vec::new();
    for n in 0..TASKS {
        let (guard, started) = (dropped.guard(), started.clone());
        tasks.push(runtime.handle().spawn_on(n % 3, move || async move {
            let _guard = guard;
            started.fetch_add(1, Ordering::SeqCst);
            match n % 4 {
                0 => pending::<()>().await,
                1 => ringmill::time::sleep(Duration::from_secs(3_600)).await,
                2 => loop {
                    yield_now().await;
                },
                _ => {
                    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    let _never = listener.accept().await;
                }
            }
        }));
    }
    runtime.block_on(until("all tasks", || {
        started.load(Ordering::SeqCst) == TASKS
    }));
    drop(runtime);
    assert_eq!(dropped.count(), TASKS);
    for task in tasks {
        assert!(here("the task", task).unwrap_err().is_cancelled());
    }
}

#[test]
fn shutdown_lets_tasks_finish_that_were_only_just_sent() {
    for _ in 0..20 {
        let runtime = runtime(3);
        let done = Arc::new(AtomicUsize::new(0));
        for n in 0..30 {
            let done = done.clone();
            drop(runtime.handle().spawn_on(n % 3, move || async move {
                ringmill::time::sleep(Duration::from_millis(2)).await;
                done.fetch_add(1, Ordering::SeqCst);
            }));
        }
        let cancelled = runtime.shutdown(kit::wait::NEVER);
        assert_eq!((cancelled, done.load(Ordering::SeqCst)), (0, 30));
    }
}

#[test]
fn shutdown_cancels_what_does_not_finish_and_counts_it() {
    let runtime = runtime(2);
    let started = Arc::new(AtomicUsize::new(0));
    for n in 0..6 {
        let started = started.clone();
        drop(runtime.handle().spawn_on(n % 2, move || async move {
            started.fetch_add(1, Ordering::SeqCst);
            pending::<()>().await;
        }));
    }
    runtime.block_on(until("all six", || started.load(Ordering::SeqCst) == 6));
    assert_eq!(runtime.shutdown(Duration::from_millis(20)), 6);
}

#[test]
fn runtimes_that_come_and_go_leave_nothing_behind() {
    child::alone("runtimes_that_come_and_go_leave_nothing_behind", || {
        let round = |n: usize| {
            let runtime = runtime(1 + n % 3);
            let handle = runtime.handle().clone();
            runtime.block_on(async {
                for task in handle.spawn_on_each(|_| async {
                    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    let address = listener.local_addr().unwrap();
                    let client = TcpStream::connect(address).await.unwrap();
                    let (mut server, _) = listener.accept().await.unwrap();
                    server.write_all(b"x").await.unwrap();
                    // Left behind on purpose: with a read in flight, an accept, a timer.
                    drop(spawn(async move {
                        let mut client = client;
                        let _ = client.read_exact(&mut [0; 9]).await;
                    }));
                    drop(spawn(async move {
                        let _keep = server;
                        let _ = listener.accept().await;
                    }));
                    drop(spawn(ringmill::time::sleep(Duration::from_secs(3_600))));
                    yield_now().await;
                }) {
                    soon("a loop", task).await.unwrap();
                }
            });
        };
        // What the process makes once (the memory of allocator arenas, of thread stacks) is there
        // after a few.
        for n in 0..12 {
            round(n);
        }
        let before = (process::descriptors(), process::threads());
        let mappings = process::mappings();
        for n in 0..120 {
            round(n);
        }
        assert_eq!((process::descriptors(), process::threads()), before);
        let more = process::mappings().saturating_sub(mappings);
        assert!(more < 20, "{more} mappings more");
    });
}

#[test]
fn a_handle_kept_does_not_keep_descriptors() {
    child::alone("a_handle_kept_does_not_keep_descriptors", || {
        drop(runtime(2));
        let before = process::descriptors();
        let kept: Vec<Handle> = (0..10).map(|_| runtime(2).handle().clone()).collect();
        assert_eq!(process::descriptors(), before);
        assert_eq!(kept.len(), 10);
    });
}

/// Counts wakes.
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
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
