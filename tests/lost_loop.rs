//! A loop that dies by a panic of the runtime's own: whoever needs it hears of that at once, and the
//! others go on.

mod kit;

use kit::driver::{self, apply, carried, on_each_driver};
use kit::dropped::Dropped;
use kit::runtime;
use kit::seccomp;
use kit::wait::{NEVER, here, soon};
use ringmill::channel::{RecvError, mpsc, oneshot};
use ringmill::{DriverKind, LoopRef, PerLoop, serve};
use std::future::{Future, pending};
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc as plain;
use std::thread;
use std::time::Duration;

/// The present loop's next wait fails in a way that no retry mends: its thread is refused the call.
/// The panic is left in the log.
fn die() -> impl Future<Output = ()> {
    let call = match driver::current() {
        DriverKind::Uring => libc::SYS_io_uring_enter,
        _ => libc::SYS_epoll_pwait2,
    };
    async move {
        seccomp::deny(call, libc::EBADF);
        ringmill::time::sleep(Duration::from_micros(1)).await;
        unreachable!("the wait was refused");
    }
}

fn kill(target: &LoopRef) {
    drop(target.spawn(carried(die)));
}

#[apply(on_each_driver)]
fn calls_to_a_loop_that_dies_fail_and_so_do_later_ones() {
    let runtime = runtime(3);
    let loops = runtime.handle().loops();
    runtime.block_on(async {
        let dropped = Dropped::default();
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let guard = dropped.guard();
                loops[1].call(move || async move {
                    let _guard = guard;
                    pending::<()>().await;
                })
            })
            .collect();
        kill(&loops[1]);
        for call in calls {
            let error = soon("an answer", call).await.unwrap_err();
            assert!(error.is_cancelled(), "{error}");
        }
        assert_eq!(dropped.count(), 100);
        let late = loops[1].call(|| async { 1 });
        let error = soon("an answer", late).await.unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        // The others do not mind.
        let alive = loops[2].call(|| async { 2 });
        assert_eq!(soon("an answer", alive).await.unwrap(), 2);
    });
}

#[apply(on_each_driver)]
fn channels_whose_other_end_died_with_its_loop_are_closed() {
    let runtime = runtime(2);
    let other = &runtime.handle().loops()[1];
    runtime.block_on(async {
        let (sender, mut receiver) = mpsc::channel(4);
        let (reply, answer) = oneshot::channel::<u32>();
        let (full, never_taken) = mpsc::channel(1);
        drop(other.spawn(move || async move {
            let _ends = (reply, never_taken);
            sender.send(1).await.unwrap();
            pending::<()>().await;
        }));
        assert_eq!(soon("a message", receiver.recv()).await, Some(1));
        full.try_send(1).unwrap();
        kill(other);
        assert_eq!(soon("the end", receiver.recv()).await, None);
        assert_eq!(soon("the end", answer).await, Err(RecvError));
        let unsent = soon("the end", full.send(2)).await.unwrap_err();
        assert_eq!(unsent.into_inner(), 2);
    });
}

#[apply(on_each_driver)]
fn a_value_on_a_loop_that_died_is_out_of_reach() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let values = PerLoop::new(&handle, |index| index);
        let values = soon("the values", values).await.unwrap();
        kill(&handle.loops()[1]);
        let error = loop {
            let call = values.call_on(1, |value| async move { *value });
            match soon("an answer", call).await {
                Ok(value) => assert_eq!(value, 1),
                Err(error) => break error,
            }
        };
        assert!(error.is_cancelled(), "{error}");
        assert_eq!(values.with(|value| *value), 0);
    });
}

#[apply(on_each_driver)]
fn what_waits_for_any_loop_is_run_by_another() {
    let runtime = runtime(3);
    let handle = runtime.handle();
    let (occupied, is_occupied) = plain::channel();
    let occupy = |target: &LoopRef| {
        let (go_on, may_go_on) = plain::channel::<()>();
        let occupied = occupied.clone();
        drop(target.spawn(move || async move {
            occupied.send(()).unwrap();
            let _ = may_go_on.recv();
        }));
        is_occupied.recv().unwrap();
        go_on
    };
    let (one, two) = (occupy(&handle.loops()[1]), occupy(&handle.loops()[2]));
    kill(&handle.loops()[1]);
    let tasks: Vec<_> = (0..99)
        .map(|_| handle.spawn_anywhere(|| async { LoopRef::current().unwrap().index() }))
        .collect();
    drop(one);
    drop(two);
    let mut lost = 0;
    for task in tasks {
        match here("a task", task) {
            // The first loop does not run here.
            Ok(ran_on) => assert_ne!(ran_on, 0),
            // What the dying loop had taken it could not give back.
            Err(error) => lost += usize::from(error.is_cancelled()),
        }
    }
    assert!(lost <= 1, "{lost}");
}

/// Also its clients hear of it: those that the lost loop served, and those that come after.
#[apply(on_each_driver)]
fn a_server_that_lost_a_loop_ends_with_an_error() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let (ready, is_ready) = plain::channel();
    let clients = thread::spawn(carried(move || {
        let address: SocketAddr = is_ready.recv().unwrap();
        let mut clients: Vec<_> = (0..20).map(|_| connect(address)).collect();
        for client in &mut clients {
            client.read_exact(&mut [0; 1]).unwrap();
        }
        kill(&other);
        for client in &mut clients {
            // The end, or a reset.
            assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)));
        }
        address
    }));
    let error = runtime.block_on(async {
        let server = serve(("127.0.0.1", 0), |mut stream, drain| async move {
            stream.write_all(b"!").await.unwrap();
            drain.started().await;
        });
        let server = server
            .signals(false)
            .on_ready(move |address| ready.send(address).unwrap());
        soon("the end of the server", server.into_future())
            .await
            .unwrap_err()
    });
    assert!(
        error.to_string().contains("a loop of the server has died"),
        "{error}"
    );
    let refused = TcpStream::connect(clients.join().unwrap()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    stream
}

#[apply(on_each_driver)]
fn the_first_loop_gives_its_panic_to_whoever_runs_it() {
    // A thread to lose.
    let lost = thread::spawn(carried(|| {
        let runtime = runtime(2);
        let handle = runtime.handle().clone();
        let died = catch_unwind(AssertUnwindSafe(|| runtime.block_on(die())));
        let message = died.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("the driver's wait failed"), "{message}");
        // The other loop's life goes on until the runtime is dropped, which hangs at nothing.
        let alive = handle.loops()[1].call(|| async { 2 });
        assert_eq!(here("an answer", alive).unwrap(), 2);
        drop(runtime);
        let late = handle.loops()[0].call(|| async { 1 });
        assert!(here("an answer", late).unwrap_err().is_cancelled());
    }));
    lost.join().unwrap();
}

/// The peer of a stream on a loop that dies; `last` is what that loop's last task does with it.
fn peer_of_a_stream<F: Future<Output = ()>>(
    last: impl FnOnce(ringmill::net::TcpStream) -> F + Send + 'static,
) -> TcpStream {
    let runtime = runtime(2);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = connect(listener.local_addr().unwrap());
    let (stream, _) = listener.accept().unwrap();
    let die = carried(die);
    let lost = runtime.handle().spawn_on(1, move || async move {
        let stream = ringmill::net::TcpStream::from_std(stream).unwrap();
        last(stream).await;
        die().await;
    });
    assert!(runtime.block_on(lost).unwrap_err().is_cancelled());
    peer
}

#[apply(on_each_driver)]
fn a_stream_that_was_to_be_closed_as_its_loop_died_is_closed() {
    let mut peer = peer_of_a_stream(async |stream| drop(stream));
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
}

#[apply(on_each_driver)]
fn a_stream_with_a_send_under_way_as_its_loop_died_ends() {
    let mut peer = peer_of_a_stream(async |mut stream| {
        // More than the sockets take: the rest waits for a peer that reads nothing yet.
        let bytes = vec![0; 16 << 20];
        let sending = stream.write_all(&bytes);
        let _ = ringmill::time::timeout(Duration::from_millis(20), sending).await;
    });
    let received = std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
    assert!((1..16 << 20).contains(&received), "{received} bytes");
}

#[apply(on_each_driver)]
fn a_buffer_under_way_as_its_loop_died_ends() {
    let mut peer = peer_of_a_stream(async |mut stream| {
        let sending = stream.send(vec![0; 16 << 20]);
        let _ = ringmill::time::timeout(Duration::from_millis(20), sending).await;
    });
    let received = std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
    assert!((1..16 << 20).contains(&received), "{received} bytes");
}
