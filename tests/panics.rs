//! Panics: whoever panics ends alone, and whoever waits is told.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::tcp::ANY;
use kit::wait::{here, soon, until};
use kit::{ON_PURPOSE, block_on, hush, runtime};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{LoopRef, spawn, yield_now};
use std::cell::Cell;
use std::future::{Future, pending};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
fn a_sockets_waker_that_panics_ends_nobody() {
    hush();
    block_on(async {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
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

#[apply(on_each_driver)]
fn a_panicking_waker_on_another_loop_does_not_end_that_loop() {
    hush();
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let (told, address) = mpsc::channel();
    let server = handle.spawn_on(1, move || async move {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
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
