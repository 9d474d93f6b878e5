//! Tasks: spawning, joining, cancelling, and taking turns.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::{Dropped, Guard};
use kit::tcp::ANY;
use kit::wait::{here, soon, until};
use kit::{block_on, runtime};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{JoinHandle, spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io::Write;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
fn tasks_left_by_one_block_on_go_on_in_the_next() {
    let runtime = runtime(1);
    let turns = Rc::new(Cell::new(0));
    let mut task = None;
    runtime.block_on(async {
        let turns = turns.clone();
        task = Some(spawn(async move {
            until("the gate", || turns.get() == 1).await;
            turns.set(2);
        }));
    });
    let task = task.unwrap();
    assert!(!task.is_finished());
    turns.set(1);
    runtime.block_on(task).unwrap();
    assert_eq!(turns.get(), 2);
}

#[apply(on_each_driver)]
fn block_on_takes_a_future_that_borrows() {
    let mut words = vec!["a"];
    runtime(1).block_on(async {
        yield_now().await;
        words.push("b");
    });
    assert_eq!(words, ["a", "b"]);
}

// Cancelling.

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
fn an_abort_after_the_end_changes_nothing() {
    block_on(async {
        let task = spawn(async { 9 });
        until("the task", || task.is_finished()).await;
        task.abort();
        assert_eq!(task.await.unwrap(), 9);
    });
}

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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
    assert_eq!(dropped.by(), Some(its_thread));
}

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

        let mut listener = TcpListener::bind(ANY).await.unwrap();
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
        soon("the bytes", stream.read_exact(&mut room))
            .await
            .unwrap();
        stream.write_all(&room).await.unwrap();
        assert_eq!(soon("the echo", client).await.unwrap(), *b"hello");

        let away = handle.spawn_on(1, || async { 11 });
        assert_eq!(soon("the other loop", away).await.unwrap(), 11);
        stop.set(true);
        busy.await.unwrap()
    });
    assert!(turns > 0);
}

/// A task that sets `count` to 0 whenever it has its turn.
fn reset_at_each_turn(count: &Rc<Cell<u64>>) -> JoinHandle<()> {
    let count = count.clone();
    spawn(async move {
        loop {
            count.set(0);
            yield_now().await;
        }
    })
}

#[apply(on_each_driver)]
fn a_socket_that_is_always_readable_gives_the_others_their_turn() {
    /// The budget of operations that one poll may use up.
    const BUDGET: u64 = 128;
    const BYTES: u64 = 4 << 20;
    let listener = std::net::TcpListener::bind(ANY).unwrap();
    let address = listener.local_addr().unwrap();
    let writer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&vec![1; BYTES as usize]).unwrap();
    });
    let (read, most) = block_on(async {
        let since = Rc::new(Cell::new(0));
        let other = reset_at_each_turn(&since);
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

#[apply(on_each_driver)]
fn accepts_that_are_always_ready_give_the_others_their_turn() {
    const CLIENTS: usize = 300;
    let most = block_on(async {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        let since = Rc::new(Cell::new(0));
        let other = reset_at_each_turn(&since);
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
