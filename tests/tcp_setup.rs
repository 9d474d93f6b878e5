//! TCP before and around the bytes: connecting, listening, addresses, options.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::tcp::{ANY, pair, pair_with_std};
use kit::wait::{eventually, soon, until};
use kit::{block_on, child, process, runtime};
use ringmill::net::{ListenOptions, TcpListener, TcpSocket, TcpStream};
use ringmill::{spawn, yield_now};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

/// A local address that refuses connections for as long as the socket lives.
fn refusing() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[apply(on_each_driver)]
fn a_refused_connect_names_the_address() {
    let (_socket, address) = refusing();
    let error = block_on(TcpStream::connect(address)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[apply(on_each_driver)]
fn addresses_are_tried_in_turn() {
    block_on(async {
        let (_first, refused) = refusing();
        let (_second, refused_too) = refusing();
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let good = listener.local_addr().unwrap();
        let stream = TcpStream::connect(&[refused, refused_too, good][..])
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        listener.accept().await.unwrap();

        let error = TcpStream::connect(vec![refused, refused_too])
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains(&refused_too.to_string()),
            "{error}"
        );
        let error = TcpStream::connect(Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let bound = TcpListener::bind(&[good, SocketAddr::from(([127, 0, 0, 1], 0))][..]).await;
        assert_ne!(bound.unwrap().local_addr().unwrap(), good);
    });
}

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
fn names_are_resolved_and_nonsense_is_refused() {
    block_on(async {
        let mut listener = TcpListener::bind(("localhost", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        assert!(address.ip().is_loopback());
        let by_name = [
            soon("a name", TcpStream::connect(("localhost", address.port()))).await,
            soon(
                "a name",
                TcpStream::connect(format!("localhost:{}", address.port())),
            )
            .await,
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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
            soon("the echo", client.read_exact(&mut room))
                .await
                .unwrap();
            assert_eq!(&room, b"hello");
            echo.await.unwrap();
        }
    });
}

// Listening.

#[apply(on_each_driver)]
fn closing_a_listener_hands_over_what_had_connected() {
    const CLIENTS: usize = 600;
    process::allow_many_descriptors();
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

#[apply(on_each_driver)]
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
