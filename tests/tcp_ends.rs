//! TCP's less happy ends: resets, drops, slow peers, churn.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::random::check;
use kit::tcp::{ANY, megabytes, pair, pair_with_std, read_to_end};
use kit::wait::{eventually, soon, until};
use kit::{block_on, build, builder, child, process, runtime};
use ringmill::net::{ListenOptions, TcpListener, TcpStream};
use ringmill::{Runtime, spawn, yield_now};
use socket2::{Domain, SockRef, Socket, Type};
use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

#[apply(on_each_driver)]
fn a_reset_surfaces_once_after_the_bytes_before_it_and_then_the_end() {
    block_on(async {
        let (mut stream, mut peer) = pair_with_std().await;
        peer.write_all(b"last words").unwrap();
        let mut room = [0; 4];
        soon("bytes", stream.read_exact(&mut room)).await.unwrap();
        SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(peer);
        let mut rest = [0; 6];
        soon("bytes", stream.read_exact(&mut rest)).await.unwrap();
        assert_eq!(&rest, b" words");
        let error = soon("the reset", stream.read(&mut room)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        for _ in 0..3 {
            assert_eq!(soon("the end", stream.read(&mut room)).await.unwrap(), 0);
        }
        assert!(stream.recv().await.unwrap().is_none());
        let written = match stream.write_all(b"x").await {
            Ok(()) => stream.flush().await,
            error => error,
        };
        let kind = written.unwrap_err().kind();
        assert!(matches!(
            kind,
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        ));
    });
}

#[apply(on_each_driver)]
fn a_reset_ends_a_writer_that_waits_for_room() {
    block_on(async {
        let (mut stream, peer) = pair_with_std().await;
        let writer = spawn(async move {
            loop {
                if let Err(error) = stream.write_all(&[0; 50_000]).await {
                    return error.kind();
                }
            }
        });
        peer.set_nonblocking(true).unwrap();
        until("some bytes", || peer.peek(&mut [0; 1]).is_ok()).await;
        // Unread bytes make this close a reset.
        drop(peer);
        let kind = soon("the error", writer).await.unwrap();
        assert!(matches!(
            kind,
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        ));
    });
}

#[apply(on_each_driver)]
fn read_exact_tells_how_much_was_missing() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"abc").await.unwrap();
        drop(client);
        let error = server.read_exact(&mut [0; 10]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains("7 bytes"), "{error}");
    });
}

#[apply(on_each_driver)]
fn bytes_that_were_written_arrive_although_the_stream_is_dropped_at_once() {
    block_on(async {
        for len in [1, 1_000, 60_000, 1 << 20] {
            let (mut client, mut server) = pair().await;
            let bytes = &megabytes()[..len];
            let writer = spawn(async move {
                client.write_all(bytes).await.unwrap();
                drop(client);
            });
            let read = read_to_end(&mut server).await;
            assert!(read == bytes, "{} of {len} bytes", read.len());
            writer.await.unwrap();
        }
    });
}

#[apply(on_each_driver)]
fn bytes_that_were_written_arrive_although_the_runtime_is_dropped_at_once() {
    for len in [1, 50_000] {
        let listener = std::net::TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap();
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut all).unwrap();
            all
        });
        block_on(async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&megabytes()[..len]).await.unwrap();
        });
        assert!(reader.join().unwrap() == megabytes()[..len]);
    }
}

#[apply(on_each_driver)]
fn a_peer_that_takes_nothing_does_not_hold_up_the_end_nor_leak() {
    child::alone(
        "a_peer_that_takes_nothing_does_not_hold_up_the_end_nor_leak",
        || {
            let listener = std::net::TcpListener::bind(ANY).unwrap();
            let address = listener.local_addr().unwrap();
            let round = || {
                let runtime = build(builder(1).drain_timeout(Duration::from_millis(20)));
                let mut cx = Context::from_waker(Waker::noop());
                let stuck = runtime.block_on(async {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    let peer = listener.accept().unwrap().0;
                    // So small that a send is stuck half done.
                    SockRef::from(&peer)
                        .set_recv_buffer_size(16 * 1024)
                        .unwrap();
                    SockRef::from(&stream)
                        .set_send_buffer_size(16 * 1024)
                        .unwrap();
                    // Until nothing more is taken: a send is in flight, half done.
                    while let Poll::Ready(written) = stream.poll_write(&mut cx, &[1; 10_000]) {
                        assert!(written.unwrap() > 0);
                        yield_now().await;
                    }
                    for _ in 0..3 {
                        ringmill::time::sleep(Duration::from_millis(1)).await;
                        while stream.poll_write(&mut cx, &[1; 10_000]).is_ready() {}
                    }
                    peer
                });
                drop(runtime);
                drop(stuck);
            };
            round();
            let before = process::descriptors();
            for _ in 0..5 {
                round();
            }
            assert_eq!(process::descriptors(), before);
        },
    );
}

// Bounds.

/// Settings that make the kernel's own buffers small, so that the runtime's bounds show.
fn small() -> ListenOptions {
    ListenOptions::new()
        .recv_buffer(16 * 1024)
        .send_buffer(16 * 1024)
}

/// The kernel's buffers of both ends, the queue of 64 KiB, the staged 64 KiB and those in flight:
/// with the doubling of what was asked for, less than this.
const BOUND: usize = 512 * 1024;

async fn small_pair() -> (TcpStream, std::net::TcpStream) {
    let mut listener = TcpListener::bind_with(ANY, small()).await.unwrap();
    let peer = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    peer.set_recv_buffer_size(16 * 1024).unwrap();
    peer.set_send_buffer_size(16 * 1024).unwrap();
    peer.connect(&listener.local_addr().unwrap().into())
        .unwrap();
    let (stream, _) = soon("the accept", listener.accept()).await.unwrap();
    (stream, peer.into())
}

#[apply(on_each_driver)]
fn a_slow_reader_bounds_its_peer_and_gets_every_byte() {
    block_on(async {
        let (mut stream, peer) = small_pair().await;
        // Reading has begun, so that the kernel fills the queue ahead of the reader.
        let mut cx = Context::from_waker(Waker::noop());
        assert!(stream.poll_read(&mut cx, &mut [0; 1]).is_pending());
        peer.set_nonblocking(true).unwrap();
        let mut written = 0;
        let mut refusals = 0;
        while refusals < 50 {
            match (&peer).write(&megabytes()[written..][..7_000]) {
                Ok(count) => {
                    written += count;
                    refusals = 0;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => refusals += 1,
                Err(error) => panic!("{error}"),
            }
            assert!(
                written < BOUND,
                "nobody reads, and {written} bytes were taken"
            );
            ringmill::time::sleep(Duration::from_micros(100)).await;
        }
        assert!(written > 64 * 1024, "the queue was filled ahead: {written}");

        // The rest while it reads slowly.
        let total = 1 << 20;
        let writer = thread::spawn(move || {
            peer.set_nonblocking(false).unwrap();
            (&peer).write_all(&megabytes()[written..total]).unwrap();
        });
        let mut read = 0;
        let mut room = [0; 1_000];
        loop {
            let count = soon("bytes", stream.read(&mut room)).await.unwrap();
            if count == 0 {
                break;
            }
            check(&room[..count], read as u64);
            read += count;
            if read % 10_000 < 1_000 {
                yield_now().await;
            }
        }
        assert_eq!(read, total);
        writer.join().unwrap();
    });
}

#[apply(on_each_driver)]
fn a_writer_waits_for_its_peer_and_loses_nothing() {
    block_on(async {
        let (stream, mut peer) = small_pair().await;
        let total = 1 << 20;
        let accepted = Rc::new(Cell::new(0));
        let writer = spawn({
            let accepted = accepted.clone();
            let mut stream = stream;
            async move {
                while accepted.get() < total {
                    let rest = &megabytes()[accepted.get()..total];
                    let count = stream.write(&rest[..rest.len().min(5_000)]).await.unwrap();
                    accepted.set(accepted.get() + count);
                }
                stream.flush().await.unwrap();
            }
        });
        // It comes to rest without the peer's having read a byte.
        let (mut before, mut still) = (0, 0);
        while still < 50 {
            ringmill::time::sleep(Duration::from_micros(100)).await;
            still = if accepted.replace(accepted.get()) == before {
                still + 1
            } else {
                0
            };
            before = accepted.get();
            assert!(
                before < BOUND,
                "nobody reads, and {before} bytes were taken"
            );
        }
        assert!(before >= 64 * 1024, "at rest after {before} bytes");
        assert!(!writer.is_finished());
        let reader = thread::spawn(move || {
            let mut all = vec![0; total];
            peer.read_exact(&mut all).unwrap();
            assert!(all == megabytes()[..total]);
        });
        soon("the writer", writer).await.unwrap();
        assert_eq!(accepted.get(), total);
        until("the reader", || reader.is_finished()).await;
        reader.join().unwrap();
    });
}

#[apply(on_each_driver)]
fn ten_thousand_connections_come_and_go_and_leave_no_slot() {
    child::alone(
        "ten_thousand_connections_come_and_go_and_leave_no_slot",
        || {
            let runtime = runtime(1);
            // Enough to have touched every buffer of the pool.
            churn(&runtime, 2_000);
            let (before, resident) = (process::descriptors(), process::resident_kib());
            churn(&runtime, 10_000);
            eventually("the last closes", || {
                runtime.block_on(yield_now());
                let stats = &runtime.handle().stats()[0];
                stats.slots == 1 && process::descriptors() == before
            });
            let stats = &runtime.handle().stats()[0];
            assert_eq!((stats.leased, stats.tasks, stats.timers), (0, 0, 0));
            let more = process::resident_kib().saturating_sub(resident);
            assert!(more < 1_024, "{more} KiB more");
        },
    );
}

/// Connects, asks, answers and closes, `count` times, eight at a time.
fn churn(runtime: &Runtime, count: usize) {
    runtime.block_on(async {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(async move {
            for _ in 0..count {
                let (mut stream, _) = listener.accept().await.unwrap();
                drop(spawn(async move {
                    let mut room = [0; 16];
                    stream.read_exact(&mut room).await?;
                    stream.write_all(&room).await
                }));
            }
        });
        let clients: Vec<_> = (0..8)
            .map(|first| {
                spawn(async move {
                    for n in (first..count).step_by(8) {
                        let mut stream = TcpStream::connect(address).await?;
                        let asked = [n as u8; 16];
                        stream.write_all(&asked).await?;
                        let mut room = [0; 16];
                        stream.read_exact(&mut room).await?;
                        assert_eq!(room, asked);
                    }
                    Ok::<(), io::Error>(())
                })
            })
            .collect();
        for client in clients {
            soon("a client", client).await.unwrap().unwrap();
        }
        soon("the server", server).await.unwrap();
    });
}
