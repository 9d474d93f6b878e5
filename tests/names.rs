//! Names, and hosts with several addresses.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::runtime;
use kit::wait::soon;
use ringmill::net::{TcpListener, TcpStream, lookup_host};
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr};

#[apply(on_each_driver)]
fn a_name_is_looked_up_and_one_that_nobody_has_is_an_error_that_names_it() {
    runtime(1).block_on(async {
        let addresses = soon("the addresses", lookup_host(("localhost", 7))).await;
        assert!(addresses.unwrap().iter().all(|it| it.ip().is_loopback()));
        let error = soon("an error", lookup_host("no-such-host.invalid:7")).await;
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("no-such-host.invalid:7: "), "{error}");
    });
}

#[apply(on_each_driver)]
fn look_ups_may_be_dropped_and_many_asked_at_once() {
    runtime(1).block_on(async {
        let tasks: Vec<_> = (0..100)
            .map(|port| ringmill::spawn(lookup_host(("localhost", port))))
            .collect();
        for port in 0..100 {
            drop(lookup_host(("localhost", port)));
        }
        for (port, task) in tasks.into_iter().enumerate() {
            let addresses = soon("the addresses", task).await.unwrap().unwrap();
            assert!(addresses.iter().all(|it| usize::from(it.port()) == port));
        }
    });
}

/// A listener that answers no more: its queue is full, and the kernel drops what else comes.
struct Deaf {
    listener: Socket,
    _queued: Vec<Socket>,
}

impl Deaf {
    fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let queued = (0..4).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            // It has begun, which is all that is wanted.
            let _ = socket.connect(&address);
            socket
        });
        Deaf {
            _queued: queued.collect(),
            listener,
        }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap().as_socket().unwrap()
    }
}

#[apply(on_each_driver)]
fn an_address_that_does_not_answer_does_not_keep_the_next_from_being_tried() {
    runtime(1).block_on(async {
        let deaf = Deaf::new();
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answers = listener.local_addr().unwrap();
        let addresses = [deaf.address(), deaf.address(), answers];
        let stream = soon("a connection", TcpStream::connect(&addresses[..])).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), answers);
        soon("the other end", listener.accept()).await.unwrap();
    });
}

#[apply(on_each_driver)]
fn where_none_answers_the_last_failure_comes_back() {
    runtime(1).block_on(async {
        let refusing = |_| {
            // Bound and not listening: nobody else gets the port meanwhile.
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            socket.bind(&any.into()).unwrap();
            socket
        };
        let sockets: Vec<_> = (0..3).map(refusing).collect();
        let address = |socket: &Socket| socket.local_addr().unwrap().as_socket().unwrap();
        let addresses: Vec<_> = sockets.iter().map(address).collect();
        let refused = soon("an error", TcpStream::connect(addresses.clone())).await;
        let error = refused.map(drop).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        let named = addresses[2].to_string();
        assert!(error.to_string().contains(&named), "{error}");
    });
}
