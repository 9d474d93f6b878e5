//! TCP: what is written is what is read, whatever the two ends do.

mod kit;

use kit::random::{check, patterned};
use kit::wait::{eventually, soon, until};
use kit::{builder, child, process, runtime};
use ringmill::net::{ListenOptions, TcpListener, TcpSocket, TcpStream};
use ringmill::{Runtime, spawn, yield_now};
use socket2::{Domain, SockRef, Socket, Type};
use std::cell::Cell;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const ANY: &str = "127.0.0.1:0";

fn block_on<F: Future>(future: F) -> F::Output {
    runtime(1).block_on(future)
}

/// Two ends of a connection, both on this loop.
async fn pair() -> (TcpStream, TcpStream) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = spawn(TcpStream::connect(address));
    let (server, _) = soon("the accept", listener.accept()).await.unwrap();
    (client.await.unwrap().unwrap(), server)
}

/// One end on this loop, the other a plain blocking socket.
async fn pair_with_std() -> (TcpStream, std::net::TcpStream) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let other = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    other.set_nodelay(true).unwrap();
    let (stream, _) = soon("the accept", listener.accept()).await.unwrap();
    (stream, other)
}

/// The first 8 MiB of the pattern, reckoned once.
fn megabytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| patterned(0, 8 << 20))
}

async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut room = vec![0; 32 * 1024];
    loop {
        match soon("bytes", stream.read(&mut room)).await.unwrap() {
            0 => return all,
            count => all.extend_from_slice(&room[..count]),
        }
    }
}

/// A local address that refuses connections for as long as the socket lives.
fn refusing() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

// The ways of reading and writing.

#[test]
fn every_way_of_writing_is_read_by_every_way_of_reading() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"abc").await.unwrap();
        assert_eq!(client.write(b"def").await.unwrap(), 3);
        let pieces = [IoSlice::new(b"g"), IoSlice::new(b""), IoSlice::new(b"hi")];
        assert_eq!(client.write_vectored(&pieces).await.unwrap(), 3);
        let buffer = b"jklmnopqrstuvwxyz".to_vec();
        let address = buffer.as_ptr();
        let (sent, buffer) = client.send(buffer).await;
        sent.unwrap();
        assert_eq!((buffer.as_ptr(), buffer.len()), (address, 17));
        client.shutdown(Shutdown::Write).await.unwrap();

        let mut room = [0; 4];
        server.read_exact(&mut room).await.unwrap();
        assert_eq!(&room, b"abcd");
        let (mut first, mut second) = ([0; 2], [0; 3]);
        let mut rooms = [
            IoSliceMut::new(&mut []),
            IoSliceMut::new(&mut first),
            IoSliceMut::new(&mut second),
        ];
        let count = server.read_vectored(&mut rooms).await.unwrap();
        let mut read = [&first[..], &second[..]].concat();
        read.truncate(count);
        while let Some(mut bytes) = soon("bytes", server.recv()).await.unwrap() {
            read.push(bytes[0]);
            bytes.advance(1);
            read.extend_from_slice(&bytes);
        }
        assert_eq!(read, b"efghijklmnopqrstuvwxyz");
        assert!(server.recv().await.unwrap().is_none(), "the end stays");
        assert_eq!(server.read(&mut room).await.unwrap(), 0);
    });
}

#[test]
fn owned_sends_take_every_kind_of_bytes() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        client.send(&b"static "[..]).await.0.unwrap();
        client.send("text ").await.0.unwrap();
        client.send(String::from("string ")).await.0.unwrap();
        client.send(Box::<[u8]>::from(&b"box "[..])).await.0.unwrap();
        client.send(Rc::<[u8]>::from(&b"rc "[..])).await.0.unwrap();
        client.send(std::sync::Arc::<[u8]>::from(&b"arc "[..])).await.0.unwrap();
        client.send(Vec::new()).await.0.unwrap();
        server.write_all(b"lease").await.unwrap();
        let lease = soon("a lease", client.recv()).await.unwrap().unwrap();
        let (sent, lease) = client.send(lease).await;
        sent.unwrap();
        assert_eq!(&lease[..], b"lease");
        drop(client);
        let all = read_to_end(&mut server).await;
        assert_eq!(all, b"static text string box rc arc lease");
    });
}

#[test]
fn an_empty_read_waits_for_nothing_and_ends_nothing() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        assert_eq!(server.read_vectored(&mut []).await.unwrap(), 0);
        assert_eq!(client.write(b"").await.unwrap(), 0);
        assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
        client.write_all(b"x").await.unwrap();
        drop(client);
        assert_eq!(read_to_end(&mut server).await, b"x");
    });
}

#[test]
fn writes_and_owned_sends_keep_their_order() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        let reader = spawn(async move { read_to_end(&mut server).await });
        let all = &megabytes()[..1 << 20];
        for (n, piece) in all.chunks(4_321).enumerate() {
            match n % 3 {
                0 => client.write_all(piece).await.unwrap(),
                1 => client.send(piece.to_vec()).await.0.unwrap(),
                _ => {
                    let (head, tail) = piece.split_at(piece.len() / 2);
                    let written = client
                        .write_vectored(&[IoSlice::new(head), IoSlice::new(tail)])
                        .await
                        .unwrap();
                    client.write_all(&piece[written..]).await.unwrap();
                }
            }
        }
        drop(client);
        assert!(soon("the reader", reader).await.unwrap() == all);
    });
}

#[test]
fn large_transfers_both_ways_at_once_arrive_whole() {
    let (up, down) = block_on(async {
        let (client, server) = pair().await;
        let mut ends = Vec::new();
        for stream in [client, server] {
            let (mut reader, mut writer) = stream.into_split();
            let write = spawn(async move {
                for piece in megabytes().chunks(100_001) {
                    writer.write_all(piece).await.unwrap();
                }
                writer.shutdown().await.unwrap();
                writer
            });
            let read = spawn(async move {
                let mut read = 0;
                let mut room = vec![0; 50_000];
                loop {
                    let count = reader.read(&mut room).await.unwrap();
                    if count == 0 {
                        break;
                    }
                    assert!(room[..count] == megabytes()[read..read + count]);
                    read += count;
                }
                read
            });
            ends.push((write, read));
        }
        let mut counts = Vec::new();
        for (write, read) in ends {
            counts.push(soon("a reader", read).await.unwrap());
            soon("a writer", write).await.unwrap();
        }
        (counts[0], counts[1])
    });
    assert_eq!((up, down), (8 << 20, 8 << 20));
}

#[test]
fn leases_and_owned_sends_move_a_large_transfer_whole() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        let echo = spawn(async move {
            while let Some(bytes) = server.recv().await.unwrap() {
                server.send(bytes).await.0.unwrap();
            }
        });
        let (reader, writer) = client.split();
        let mut back = Vec::new();
        for piece in megabytes()[..2 << 20].chunks(30_000) {
            writer.write_all(piece).await.unwrap();
            let mut room = vec![0; piece.len()];
            soon("the echo", reader.read_exact(&mut room)).await.unwrap();
            back.extend_from_slice(&room);
        }
        assert!(back == megabytes()[..2 << 20]);
        drop(client);
        soon("the end", echo).await.unwrap();
    });
}

// Halves.

#[test]
fn halves_of_one_connection_reunite_and_others_do_not() {
    block_on(async {
        let (client, server) = pair().await;
        let (client_reader, client_writer) = client.into_split();
        let (server_reader, server_writer) = server.into_split();
        let error = TcpStream::reunite(client_reader, server_writer).unwrap_err();
        assert!(error.to_string().contains("different connections"));
        let (client_reader, server_writer) = (error.0, error.1);
        let mut client = TcpStream::reunite(client_reader, client_writer).unwrap();
        let mut server = TcpStream::reunite(server_reader, server_writer).unwrap();
        client.write_all(b"together").await.unwrap();
        drop(client);
        assert_eq!(read_to_end(&mut server).await, b"together");
    });
}

#[test]
fn a_half_closed_connection_goes_on_in_the_other_direction() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.shutdown(Shutdown::Write).await.unwrap();
        assert_eq!(read_to_end(&mut server).await, b"question");
        for _ in 0..100 {
            server.write_all(&[7; 1_000]).await.unwrap();
            yield_now().await;
        }
        server.shutdown(Shutdown::Write).await.unwrap();
        assert_eq!(read_to_end(&mut client).await, vec![7; 100_000]);
        let refused = client.write_all(b"more").await;
        let refused = match refused {
            Ok(()) => client.flush().await,
            refused => refused,
        };
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn dropping_the_write_half_ends_sending_after_what_was_written() {
    block_on(async {
        let (client, mut server) = pair().await;
        let (mut reader, mut writer) = client.into_split();
        let bytes = &megabytes()[..200_000];
        let writing = spawn(async move {
            writer.write_all(bytes).await.unwrap();
        });
        assert!(read_to_end(&mut server).await == bytes);
        writing.await.unwrap();
        server.write_all(b"and back").await.unwrap();
        drop(server);
        let mut back = [0; 8];
        reader.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"and back");
        assert_eq!(reader.read(&mut back).await.unwrap(), 0);
    });
}

#[test]
fn dropping_the_read_half_leaves_the_writer_working() {
    block_on(async {
        let (client, mut server) = pair().await;
        let (mut reader, mut writer) = client.into_split();
        // A receive in flight, and some bytes that nobody will read.
        let mut cx = Context::from_waker(Waker::noop());
        assert!(reader.poll_read(&mut cx, &mut [0; 8]).is_pending());
        server.write_all(b"never read").await.unwrap();
        server.flush().await.unwrap();
        drop(reader);
        let reading = spawn(async move { read_to_end(&mut server).await });
        writer.write_all(&megabytes()[..300_000]).await.unwrap();
        writer.flush().await.unwrap();
        writer.shutdown().await.unwrap();
        let read = soon("the reader", reading).await.unwrap();
        assert!(read == megabytes()[..300_000]);
    });
}

#[test]
fn a_shut_down_read_side_is_at_its_end() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        let mut cx = Context::from_waker(Waker::noop());
        assert!(client.poll_read(&mut cx, &mut [0; 8]).is_pending());
        client.shutdown(Shutdown::Read).await.unwrap();
        assert_eq!(soon("the end", client.read(&mut [0; 8])).await.unwrap(), 0);
        client.write_all(b"still").await.unwrap();
        drop(client);
        assert_eq!(read_to_end(&mut server).await, b"still");
    });
}

// Ends that are not the nice ones.

#[test]
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
        assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset));
    });
}

#[test]
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
        assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset));
    });
}

#[test]
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

#[test]
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

#[test]
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

#[test]
fn a_peer_that_takes_nothing_does_not_hold_up_the_end_nor_leak() {
    child::alone(
        "a_peer_that_takes_nothing_does_not_hold_up_the_end_nor_leak",
        || {
            let listener = std::net::TcpListener::bind(ANY).unwrap();
            let address = listener.local_addr().unwrap();
            let round = || {
                let runtime = builder(1)
                    .drain_timeout(Duration::from_millis(20))
                    .build()
                    .unwrap();
                let mut cx = Context::from_waker(Waker::noop());
                let stuck = runtime.block_on(async {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    let peer = listener.accept().unwrap().0;
                    // So small that a send is stuck half done.
                    SockRef::from(&peer).set_recv_buffer_size(16 * 1024).unwrap();
                    SockRef::from(&stream).set_send_buffer_size(16 * 1024).unwrap();
                    // Until nothing more is taken: a send is in flight, half done.
                    loop {
                        match stream.poll_write(&mut cx, &[1; 10_000]) {
                            Poll::Ready(written) => assert!(written.unwrap() > 0),
                            Poll::Pending => break,
                        }
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

// Connecting.

#[test]
fn a_refused_connect_names_the_address() {
    let (_socket, address) = refusing();
    let error = block_on(TcpStream::connect(address)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn addresses_are_tried_in_turn() {
    block_on(async {
        let (_first, refused) = refusing();
        let (_second, refused_too) = refusing();
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let good = listener.local_addr().unwrap();
        let stream = TcpStream::connect(&[refused, refused_too, good][..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        listener.accept().await.unwrap();

        let error = TcpStream::connect(vec![refused, refused_too]).await.unwrap_err();
        assert!(error.to_string().contains(&refused_too.to_string()), "{error}");
        let error = TcpStream::connect(Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let bound = TcpListener::bind(&[good, SocketAddr::from(([127, 0, 0, 1], 0))][..]).await;
        assert_ne!(bound.unwrap().local_addr().unwrap(), good);
    });
}

#[test]
fn a_connect_that_nobody_answers_times_out_and_leaves_nothing() {
    child::alone(
        "a_connect_that_nobody_answers_times_out_and_leaves_nothing",
        || {
            // A listener whose backlog is full drops further handshakes.
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            socket.bind(&any.into()).unwrap();
            socket.listen(0).unwrap();
            let address = socket.local_addr().unwrap().as_socket().unwrap();
            let runtime = runtime(1);
            let mut taken = Vec::new();
            let error = runtime.block_on(async {
                loop {
                    let limit = Duration::from_millis(50);
                    match TcpStream::connect_timeout(address, limit).await {
                        Ok(stream) => taken.push(stream),
                        Err(error) => return error,
                    }
                    assert!(taken.len() < 10, "the backlog is never full");
                }
            });
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(error.to_string().contains(&address.to_string()), "{error}");
            let before = process::descriptors();
            runtime.block_on(async {
                for _ in 0..20 {
                    let limit = Duration::from_millis(1);
                    let error = TcpStream::connect_timeout(address, limit).await;
                    assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
                }
            });
            eventually("the end of the attempts", || {
                runtime.block_on(yield_now());
                process::descriptors() == before
            });
        },
    );
}

#[test]
fn names_are_resolved_and_nonsense_is_refused() {
    block_on(async {
        let mut listener = TcpListener::bind(("localhost", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        assert!(address.ip().is_loopback());
        let by_name = [
            soon("a name", TcpStream::connect(("localhost", address.port()))).await,
            soon("a name", TcpStream::connect(format!("localhost:{}", address.port()))).await,
            soon("an address", TcpStream::connect(address.to_string())).await,
        ];
        for stream in by_name {
            let stream = stream.unwrap();
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, stream.local_addr().unwrap());
        }
        let error = TcpStream::connect("no port in it").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("no port in it"), "{error}");
    });
}

#[test]
fn a_socket_may_be_bound_before_it_connects() {
    block_on(async {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = TcpSocket::for_address(address).unwrap();
        socket.set_nodelay(false).unwrap();
        socket.bind(ANY.parse().unwrap()).unwrap();
        let stream = socket.connect(address).await.unwrap();
        assert!(!stream.nodelay().unwrap());
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());

        let taken = TcpSocket::for_address(address).unwrap();
        let error = taken.bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    });
}

// Addresses and options.

#[test]
fn both_ends_agree_on_their_addresses() {
    block_on(async {
        let (client, server) = pair().await;
        assert_eq!(client.local_addr().unwrap(), server.peer_addr().unwrap());
        assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
        let shown = format!("{server:?}");
        assert!(shown.contains(&client.local_addr().unwrap().to_string()));
        assert!(client.as_raw_fd() != server.as_raw_fd());
    });
}

#[test]
fn options_read_back_as_they_were_set() {
    block_on(async {
        let (client, server) = pair().await;
        for stream in [&client, &server] {
            assert!(stream.nodelay().unwrap(), "the default");
            stream.set_nodelay(false).unwrap();
            assert!(!stream.nodelay().unwrap());
            assert_eq!(stream.linger().unwrap(), None);
            let linger = Some(Duration::from_secs(3));
            stream.set_linger(linger).unwrap();
            assert_eq!(stream.linger().unwrap(), linger);
            stream.set_linger(None).unwrap();
            assert!(!stream.keepalive().unwrap());
            stream.set_keepalive(Some(Duration::from_secs(40))).unwrap();
            assert!(stream.keepalive().unwrap());
            let idle = SockRef::from(stream).tcp_keepalive_time().unwrap();
            assert_eq!(idle, Duration::from_secs(40));
            stream.set_keepalive(None).unwrap();
            assert!(!stream.keepalive().unwrap());
        }
    });
}

#[test]
fn a_zero_linger_makes_the_drop_a_reset() {
    block_on(async {
        let (stream, mut peer) = pair_with_std().await;
        stream.set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        yield_now().await;
        let read = thread::spawn(move || peer.read(&mut [0; 1]));
        until("the reset", || read.is_finished()).await;
        let error = read.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn listen_options_reach_the_accepted_sockets() {
    block_on(async {
        let options = ListenOptions::new()
            .nodelay(false)
            .recv_buffer(20_000)
            .send_buffer(30_000)
            .backlog(7);
        let mut listener = TcpListener::bind_with(ANY, options).await.unwrap();
        let address = listener.local_addr().unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(!server.nodelay().unwrap());
        let socket = SockRef::from(&server);
        // The kernel doubles what it is asked for (socket(7)).
        assert_eq!(socket.recv_buffer_size().unwrap(), 40_000);
        assert_eq!(socket.send_buffer_size().unwrap(), 60_000);

        let shared = ListenOptions::new().reuse_port(true);
        let first = TcpListener::bind_with(ANY, shared).await.unwrap();
        let same = first.local_addr().unwrap();
        TcpListener::bind_with(same, shared).await.unwrap();
        let error = TcpListener::bind(same).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn sockets_made_elsewhere_are_taken_over_blocking_or_not() {
    block_on(async {
        for nonblocking in [false, true] {
            let listener = std::net::TcpListener::bind(ANY).unwrap();
            listener.set_nonblocking(nonblocking).unwrap();
            let address = listener.local_addr().unwrap();
            let mut listener = TcpListener::from_std(listener).unwrap();
            let client = std::net::TcpStream::connect(address).unwrap();
            client.set_nonblocking(nonblocking).unwrap();
            let mut client = TcpStream::from_std(client).unwrap();
            let (mut server, _) = soon("the accept", listener.accept()).await.unwrap();
            let echo = spawn(async move {
                let mut room = [0; 5];
                server.read_exact(&mut room).await.unwrap();
                server.write_all(&room).await.unwrap();
            });
            let mut room = [0; 5];
            let mut cx = Context::from_waker(Waker::noop());
            assert!(client.poll_read(&mut cx, &mut room).is_pending());
            client.write_all(b"hello").await.unwrap();
            soon("the echo", client.read_exact(&mut room)).await.unwrap();
            assert_eq!(&room, b"hello");
            echo.await.unwrap();
        }
    });
}

// Listening.

#[test]
fn closing_a_listener_hands_over_what_had_connected() {
    const CLIENTS: usize = 600;
    block_on(async {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || std::net::TcpStream::connect(address).unwrap();
        // More than are accepted ahead, so that some wait in the kernel.
        let mut clients: Vec<_> = (0..CLIENTS / 2).map(|_| connect()).collect();
        drop(soon("an accept", listener.accept()).await.unwrap());
        clients.extend((0..CLIENTS / 2).map(|_| connect()));
        let left = soon("the close", listener.close()).await.unwrap();
        assert_eq!(left.len(), CLIENTS - 1);
        let error = std::net::TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        for mut stream in left {
            stream.write_all(b"!").await.unwrap();
            stream.flush().await.unwrap();
        }
        let mut answered = 0;
        for mut client in clients {
            answered += client.read(&mut [0; 1]).unwrap();
        }
        assert_eq!(answered, CLIENTS - 1);
    });
}

#[test]
fn a_dropped_listener_closes_what_nobody_took() {
    child::alone("a_dropped_listener_closes_what_nobody_took", || {
        let runtime = runtime(1);
        let before = process::descriptors();
        let mut clients = runtime.block_on(async {
            let mut listener = TcpListener::bind(ANY).await.unwrap();
            let address = listener.local_addr().unwrap();
            let clients: Vec<_> = (0..50)
                .map(|_| std::net::TcpStream::connect(address).unwrap())
                .collect();
            drop(soon("an accept", listener.accept()).await.unwrap());
            clients
        });
        eventually("the end of the listener", || {
            runtime.block_on(yield_now());
            process::descriptors() == before + clients.len()
        });
        for client in &mut clients {
            let ended = match client.read(&mut [0; 1]) {
                Ok(count) => count == 0,
                Err(error) => error.kind() == ErrorKind::ConnectionReset,
            };
            assert!(ended);
        }
    });
}

// Bounds.

/// Settings that make the kernel's own buffers small, so that the runtime's bounds show.
fn small() -> ListenOptions {
    ListenOptions::new().recv_buffer(16 * 1024).send_buffer(16 * 1024)
}

/// The kernel's buffers of both ends, the queue of 64 KiB, the staged 64 KiB and those in flight:
/// with the doubling of what was asked for, less than this.
const BOUND: usize = 512 * 1024;

async fn small_pair() -> (TcpStream, std::net::TcpStream) {
    let mut listener = TcpListener::bind_with(ANY, small()).await.unwrap();
    let peer = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    peer.set_recv_buffer_size(16 * 1024).unwrap();
    peer.set_send_buffer_size(16 * 1024).unwrap();
    peer.connect(&listener.local_addr().unwrap().into()).unwrap();
    let (stream, _) = soon("the accept", listener.accept()).await.unwrap();
    (stream, peer.into())
}

#[test]
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
            assert!(written < BOUND, "nobody reads, and {written} bytes were taken");
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

#[test]
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
            still = if accepted.replace(accepted.get()) == before { still + 1 } else { 0 };
            before = accepted.get();
            assert!(before < BOUND, "nobody reads, and {before} bytes were taken");
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

#[test]
fn ten_thousand_connections_come_and_go_and_leave_no_slot() {
    child::alone(
        "ten_thousand_connections_come_and_go_and_leave_no_slot",
        || {
            let runtime = runtime(1);
            churn(&runtime, 100);
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
            assert!(more < 4_096, "{more} KiB more");
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
