//! Limits: tiny pools, tiny rings, no descriptors. Slower, perhaps; but every byte arrives, and
//! nothing stops for good.

mod kit;

use kit::child::{Running, is_child};
use kit::driver::{self, apply, on_each_driver, on_uring};
use kit::random::{check, patterned};
use kit::wait::{soon, until};
use kit::{build, builder, process};
use nix::sys::resource::Resource;
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{DriverKind, Handle, LoopStats, Runtime, spawn, yield_now};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;

const ANY: &str = "127.0.0.1:0";

fn stats() -> LoopStats {
    Handle::current().stats()[0].clone()
}

/// Whether the loop receives by itself: it then has the bytes of one arrival copied out of a scarce
/// buffer before it takes the next. A ring's buffers are filled by the kernel, ahead of the loop.
fn fills_one_buffer_at_a_time() -> bool {
    driver::current() == DriverKind::Epoll
}

/// Accepts for ever and sends back what comes, now by copy, now by lease.
async fn echo(mut listener: TcpListener) {
    for n in 0_u64.. {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(spawn(async move {
            if n % 2 == 0 {
                let mut room = [0; 1_000];
                loop {
                    let count = stream.read(&mut room).await.unwrap();
                    if count == 0 {
                        break;
                    }
                    stream.write_all(&room[..count]).await.unwrap();
                }
            } else {
                while let Some(bytes) = stream.recv().await.unwrap() {
                    stream.send(bytes).await.0.unwrap();
                }
            }
        }));
    }
}

/// Sends `len` bytes through an echo server and checks that each comes back.
async fn round_trip(address: SocketAddr, len: usize) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let writing = spawn(async move {
        writer.write_all(&patterned(0, len)).await.unwrap();
        writer.shutdown().await.unwrap();
        writer
    });
    let mut read = 0;
    let mut room = vec![0; 4_096];
    loop {
        let count = soon("the echo", reader.read(&mut room)).await.unwrap();
        if count == 0 {
            break;
        }
        check(&room[..count], read as u64);
        read += count;
    }
    assert_eq!(read, len, "bytes came back");
    drop(soon("the writer", writing).await.unwrap());
}

/// Sends `len` bytes over each of `connections` at once, with both ends on one loop.
fn echo_all(runtime: &Runtime, connections: usize, len: usize) -> LoopStats {
    runtime.block_on(async {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(echo(listener)).abort_on_drop();
        let clients: Vec<_> = (0..connections)
            .map(|_| spawn(round_trip(address, len)))
            .collect();
        for client in clients {
            soon("a client", client).await.unwrap();
        }
        drop(server);
        until("no lease", || stats().leased == 0).await;
        stats()
    })
}

#[apply(on_each_driver)]
fn a_pool_of_a_few_small_buffers_delivers_everything() {
    for (count, len) in [(8, 64), (8, 128), (8, 4_096), (1, 64), (2, 1_000)] {
        let runtime = build(builder(1).buffer_pool(count, len));
        echo_all(&runtime, 60, 6_000);
        // And with an empty pool now and then, at the latest when hundreds receive at once.
        let stats = echo_all(&runtime, 200, 500);
        assert!(
            count > 2 || stats.enobufs > 0 || fills_one_buffer_at_a_time(),
            "a pool of {count} was never empty"
        );
    }
}

#[apply(on_uring)]
fn a_completion_queue_of_sixteen_loses_nothing() {
    for ring in [8, 16] {
        let runtime = build(builder(1).ring_entries(ring).completion_entries(16));
        let mut rounds = 0;
        loop {
            let stats = echo_all(&runtime, 100, 3_000);
            rounds += 1;
            if stats.overflows > 0 && stats.rearms > 0 {
                break;
            }
            assert!(
                rounds < 30,
                "{} overflows, {} armed again",
                stats.overflows,
                stats.rearms
            );
        }
    }
}

#[apply(on_uring)]
fn a_ring_of_one_entry_serves_any_number_of_operations() {
    for ring in [1, 2, 4] {
        let runtime = build(builder(1).ring_entries(ring));
        echo_all(&runtime, 150, 1_000);
    }
}

#[apply(on_uring)]
fn small_ring_and_small_pool_together_lose_nothing() {
    let runtime = build(
        builder(1)
            .ring_entries(2)
            .completion_entries(2)
            .buffer_pool(1, 64),
    );
    echo_all(&runtime, 50, 2_000);
}

#[apply(on_each_driver)]
fn a_starved_connection_is_fed_although_another_task_never_rests() {
    let runtime = build(builder(1).buffer_pool(1, 64));
    runtime.block_on(async {
        let busy = spawn(async {
            loop {
                yield_now().await;
            }
        })
        .abort_on_drop();
        let listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(echo(listener)).abort_on_drop();
        let clients: Vec<_> = (0..10).map(|_| spawn(round_trip(address, 2_000))).collect();
        for client in clients {
            soon("a client", client).await.unwrap();
        }
        let starved = stats().enobufs > 0 || fills_one_buffer_at_a_time();
        assert!(starved, "nobody starved");
        drop((busy, server));
    });
}

#[apply(on_each_driver)]
fn hoarded_leases_starve_nobody_and_come_back() {
    const LEASES: usize = 100;
    let runtime = build(builder(1).buffer_pool(8, 64));
    runtime.block_on(async {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let mut hoarded = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut hoarder, _) = listener.accept().await.unwrap();
        let mut leases = Vec::new();
        let mut taken = 0;
        while leases.len() < LEASES {
            hoarded.write_all(&patterned(taken, 64)).unwrap();
            let lease = soon("a lease", hoarder.recv()).await.unwrap().unwrap();
            check(&lease, taken);
            taken += lease.len() as u64;
            leases.push(lease);
        }
        yield_now().await;
        // The others go on all the while.
        let address = listener.local_addr().unwrap();
        let server = spawn(echo(listener)).abort_on_drop();
        for _ in 0..20 {
            round_trip(address, 1_000).await;
        }
        let leased = stats().leased;
        assert!(leased > 0 && leased <= 8, "{leased} leased of 8");

        // What was lent did not change meanwhile.
        let mut from = 0;
        for lease in leases.drain(..) {
            check(&lease, from);
            from += lease.len() as u64;
        }
        until("no lease", || stats().leased == 0).await;
        hoarded.write_all(b"!").unwrap();
        let last = soon("bytes", hoarder.recv()).await.unwrap().unwrap();
        assert_eq!(&last[..], b"!");
        drop(server);
    });
}

#[apply(on_each_driver)]
fn readers_that_do_not_read_starve_nobody() {
    const IDLE: usize = 100;
    let runtime = build(builder(1).buffer_pool(16, 256));
    runtime.block_on(async {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut unread = Vec::new();
        for _ in 0..IDLE {
            let peer = std::net::TcpStream::connect(address).unwrap();
            peer.set_nodelay(true).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            // Armed, so that what comes is taken from the socket ahead of the reader.
            let mut room = [0; 1];
            (&peer).write_all(&patterned(0, 1)).unwrap();
            soon("a byte", stream.read(&mut room)).await.unwrap();
            unread.push((stream, peer));
        }
        // Many small segments, each of which would take a buffer.
        for n in 0..50 {
            for (_, peer) in &unread {
                let mut peer = peer;
                peer.write_all(&patterned(1 + n * 3, 3)).unwrap();
            }
            yield_now().await;
        }
        let server = spawn(echo(listener)).abort_on_drop();
        for _ in 0..20 {
            round_trip(address, 10_000).await;
        }
        for (stream, _) in &mut unread {
            let mut room = [0; 150];
            soon("the bytes", stream.read_exact(&mut room))
                .await
                .unwrap();
            check(&room, 1);
        }
        drop(server);
    });
}

#[apply(on_each_driver)]
fn accepting_survives_having_no_descriptors() {
    const NAME: &str = "accepting_survives_having_no_descriptors";
    const CLIENTS: usize = 100;
    /// For the child's connections, beyond what it has open.
    const ROOM: u64 = 20;
    if is_child(NAME) {
        starved_server(ROOM);
        return;
    }
    let mut child = Running::start(NAME);
    let address: SocketAddr = child.line("listening on").parse().unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    assert!(child.line("starved, accepted").parse::<u64>().unwrap() <= ROOM);
    let rests = child.line("rested ten times with ticks and enters");
    let mut rests = rests.split(' ').map(|count| count.parse::<u64>().unwrap());
    let (ticks, enters) = (rests.next().unwrap(), rests.next().unwrap());
    // Six for each failure; and each client that comes meanwhile may wake the loop.
    let most = 10 * 6 + CLIENTS as u64;
    assert!(
        ticks <= most && enters <= most,
        "{ticks} ticks, {enters} enters"
    );
    // All are served, in turn, as descriptors become free.
    for (n, mut client) in clients.into_iter().enumerate() {
        client.set_read_timeout(Some(kit::wait::NEVER)).unwrap();
        client.write_all(&[n as u8]).unwrap();
        let mut room = [0; 1];
        client.read_exact(&mut room).unwrap();
        assert_eq!(room, [n as u8]);
    }
    assert_eq!(child.line("served"), CLIENTS.to_string());
    // And it is as good as new.
    let mut last = std::net::TcpStream::connect(address).unwrap();
    last.write_all(b"x").unwrap();
    last.read_exact(&mut [0; 1]).unwrap();
    drop(last);
    let ended = child.finish();
    assert!(ended.status.success(), "{}", ended.output);
}

/// The child: serves 101 connections with descriptors for a few.
fn starved_server(room: u64) {
    let runtime = kit::runtime(1);
    runtime.block_on(async {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let _fillers = process::limit_descriptors(room);
        println!("listening on {}", listener.local_addr().unwrap());
        let served = Rc::new(Cell::new(0));
        let mut failures = 0;
        let mut at_first = None;
        let mut accepted = 0;
        while accepted < 101 {
            match listener.accept().await {
                Ok((mut stream, _)) => {
                    accepted += 1;
                    let served = served.clone();
                    drop(spawn(async move {
                        let mut room = [0; 1];
                        stream.read_exact(&mut room).await.unwrap();
                        stream.write_all(&room).await.unwrap();
                        assert_eq!(stream.read(&mut room).await.unwrap(), 0);
                        served.set(served.get() + 1);
                        if served.get() == 100 {
                            println!("served 100");
                        }
                    }));
                }
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                    failures += 1;
                    let (ticks, enters) = (stats().ticks, stats().enters);
                    if failures == 1 {
                        println!("starved, accepted {accepted}");
                        at_first = Some((ticks, enters));
                    } else if failures == 11
                        && let Some((ticks_then, enters_then)) = at_first
                    {
                        println!(
                            "rested ten times with ticks and enters {} {}",
                            ticks - ticks_then,
                            enters - enters_then
                        );
                    }
                }
            }
        }
        until("the last connection", || served.get() == 101).await;
    });
}

#[apply(on_each_driver)]
fn connecting_without_descriptors_fails_and_works_again_later() {
    kit::child::alone(
        "connecting_without_descriptors_fails_and_works_again_later",
        || {
            let runtime = kit::runtime(1);
            runtime.block_on(async {
                let listener = TcpListener::bind(ANY).await.unwrap();
                let address = listener.local_addr().unwrap();
                let server = spawn(echo(listener)).abort_on_drop();
                let before = process::descriptors();
                round_trip(address, 10).await;
                until("its end", || process::descriptors() == before).await;
                let (soft, _) = nix::sys::resource::getrlimit(Resource::RLIMIT_NOFILE).unwrap();
                let fillers = process::limit_descriptors(0);
                for _ in 0..10 {
                    let error = TcpStream::connect(address).await.unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                }
                drop(fillers);
                process::limit(Resource::RLIMIT_NOFILE, soft);
                round_trip(address, 10).await;
                drop(server);
            });
        },
    );
}

#[apply(on_each_driver)]
fn a_thousand_connections_at_once_from_threads_are_all_answered() {
    process::allow_many_descriptors();
    let runtime = build(builder(2).buffer_pool(16, 128));
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(echo(listener)).abort_on_drop();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn(move || {
                    let mut streams: Vec<_> = (0..250)
                        .map(|_| std::net::TcpStream::connect(address).unwrap())
                        .collect();
                    for stream in &mut streams {
                        stream.write_all(&patterned(0, 500)).unwrap();
                    }
                    for stream in &mut streams {
                        let mut room = [0; 500];
                        stream.read_exact(&mut room).unwrap();
                        check(&room, 0);
                    }
                })
            })
            .collect();
        until("the threads", || threads.iter().all(|t| t.is_finished())).await;
        for thread in threads {
            thread.join().unwrap();
        }
        drop(server);
    });
    assert_eq!(handle.stats()[0].leased, 0);
}
