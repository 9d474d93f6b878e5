//! What only the epoll driver could get wrong: edges, numbers used again, calls that are denied.

mod kit;

use kit::child::alone;
use kit::driver::{apply, on_epoll};
use kit::tcp::pair_with_std;
use kit::wait::{NEVER, soon, until};
use kit::{runtime, seccomp};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::time::{Instant, sleep};
use ringmill::{spawn, yield_now};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// Timers, wake-ups between loops and connections, all of which need the wait.
fn everything_works() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    runtime.block_on(async {
        let start = Instant::now();
        sleep(Duration::from_micros(1_500)).await;
        // Never early.
        assert!(start.elapsed() >= Duration::from_micros(1_500));
        let there = soon("the other loop", other.spawn(|| async { 7 })).await;
        assert_eq!(there.unwrap(), 7);
        let (mut stream, mut peer) = pair_with_std().await;
        let sender = thread::spawn(move || peer.write_all(b"hello").map(|()| peer));
        let mut room = [0; 5];
        soon("bytes", stream.read_exact(&mut room)).await.unwrap();
        assert_eq!(&room, b"hello");
        sender.join().unwrap().unwrap();
    });
}

#[apply(on_epoll)]
fn a_denied_epoll_pwait2_is_done_without() {
    alone("a_denied_epoll_pwait2_is_done_without", || {
        seccomp::deny(libc::SYS_epoll_pwait2, libc::EPERM);
        everything_works();
    });
}

#[apply(on_epoll)]
fn a_loop_that_always_has_work_still_serves_its_connections() {
    runtime(1).block_on(async {
        let (mut stream, mut peer) = pair_with_std().await;
        let over = Rc::new(Cell::new(false));
        let busy = spawn({
            let over = over.clone();
            async move {
                while !over.get() {
                    yield_now().await;
                }
            }
        });
        let other_end = thread::spawn(move || {
            let mut room = [0; 4];
            for _ in 0..100 {
                peer.write_all(b"ping").unwrap();
                peer.read_exact(&mut room).unwrap();
            }
        });
        let mut room = [0; 4];
        for _ in 0..100 {
            soon("a ping", stream.read_exact(&mut room)).await.unwrap();
            soon("room", stream.write_all(&room)).await.unwrap();
        }
        until("the other end", || other_end.is_finished()).await;
        over.set(true);
        busy.await.unwrap();
        other_end.join().unwrap();
    });
}

/// The last bytes and the end of the stream may be reported by one event, or by two, before the
/// bytes are read or after.
#[apply(on_epoll)]
fn an_end_that_follows_the_last_bytes_is_never_missed() {
    const CONNECTIONS: usize = 2_000;
    runtime(1).block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peers = thread::spawn(move || {
            for connection in 0..CONNECTIONS {
                let mut peer = std::net::TcpStream::connect(address).unwrap();
                peer.write_all(b"last").unwrap();
                if connection % 2 == 0 {
                    thread::yield_now();
                }
                peer.shutdown(Shutdown::Write).unwrap();
                // Until the other side has seen the end.
                assert_eq!(peer.read(&mut [0]).unwrap(), 0);
            }
        });
        for _ in 0..CONNECTIONS {
            let (mut stream, _) = soon("a connection", listener.accept()).await.unwrap();
            let mut received = Vec::new();
            while let Some(bytes) = soon("the end", stream.recv()).await.unwrap() {
                received.extend_from_slice(&bytes);
            }
            assert_eq!(received, b"last");
        }
        until("the peers", || peers.is_finished()).await;
        peers.join().unwrap();
    });
}

/// While a duplicate is open elsewhere the kernel keeps reporting a descriptor that was closed here.
#[apply(on_epoll)]
fn a_number_that_is_used_again_gets_no_report_of_its_predecessor() {
    runtime(1).block_on(async {
        let (mut stream, mut old_peer) = pair_with_std().await;
        // A duplicate is what is registered, and closed; the file stays open.
        let kept = std::net::TcpStream::from(
            std::os::fd::AsFd::as_fd(&stream)
                .try_clone_to_owned()
                .unwrap(),
        );
        old_peer.write_all(b"1").unwrap();
        let mut room = [0; 1];
        soon("a byte", stream.read_exact(&mut room)).await.unwrap();
        drop(stream);
        // Let the close go out.
        sleep(Duration::from_millis(1)).await;

        let (mut newer, mut new_peer) = pair_with_std().await;
        old_peer.write_all(b"for the closed one").unwrap();
        new_peer.write_all(b"2").unwrap();
        soon("a byte", newer.read_exact(&mut room)).await.unwrap();
        assert_eq!(&room, b"2");
        drop((newer, new_peer));
        sleep(Duration::from_millis(1)).await;

        // The same file again, maybe by its old number: the kernel knows the pair already.
        let mut again = TcpStream::from_std(kept).unwrap();
        let mut text = [0; 18];
        soon("the bytes", again.read_exact(&mut text))
            .await
            .unwrap();
        assert_eq!(&text, b"for the closed one");
        let twin = std::os::fd::AsFd::as_fd(&again)
            .try_clone_to_owned()
            .unwrap();
        drop(again);
        sleep(Duration::from_millis(1)).await;
        let mut again = TcpStream::from_std(twin.into()).unwrap();
        old_peer.write_all(b"3").unwrap();
        soon("a byte", again.read_exact(&mut room)).await.unwrap();
        assert_eq!(&room, b"3");
    });
}

/// Such a close waits for the peer, and must not hold the loop up.
#[apply(on_epoll)]
fn what_lingers_is_closed_in_the_pool() {
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let (mut stream, mut peer) = pair_with_std().await;
        stream.set_linger(Some(NEVER)).unwrap();
        stream.write_all(b"last").await.unwrap();
        let before = handle.blocking_stats().ran;
        drop(stream);
        until("the close", || handle.blocking_stats().ran == before + 1).await;
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"last");
    });
}
