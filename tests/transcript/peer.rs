//! The other end: plain blocking sockets, on a thread of their own wherever they may wait.

use crate::kit::tcp::ANY;
use crate::kit::wait::{soon, until};
use ringmill::net::{ListenOptions, TcpListener, TcpStream};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A blocking socket that is connected.
#[derive(Clone)]
pub struct Peer(Arc<std::net::TcpStream>);

impl Peer {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Peer(Arc::new(stream))
    }

    /// Its own address.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Writes a few bytes, which the kernel takes at once.
    pub fn write(&self, bytes: &[u8]) {
        (&*self.0).write_all(bytes).unwrap();
    }

    /// Writes while the kernel takes more; gives how much.
    pub fn fill(&self, bytes: &[u8]) -> usize {
        self.0.set_nonblocking(true).unwrap();
        let mut written = 0;
        loop {
            assert!(written < bytes.len(), "nobody reads, and all was taken");
            match (&*self.0).write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.0.set_nonblocking(false).unwrap();
        written
    }

    /// Reads exactly so many bytes.
    pub async fn read(&self, count: usize) -> Vec<u8> {
        let peer = self.clone();
        elsewhere("the peer's bytes", move || {
            let mut room = vec![0; count];
            (&*peer.0).read_exact(&mut room).unwrap();
            room
        })
        .await
    }

    /// Reads to the end.
    pub async fn rest(&self) -> io::Result<Vec<u8>> {
        let peer = self.clone();
        elsewhere("the end at the peer", move || peer.rest_here()).await
    }

    /// As [`rest`](Peer::rest), where no loop is.
    pub fn rest_here(&self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        (&*self.0).read_to_end(&mut all).map(|_| all)
    }

    /// Ends sending.
    pub fn end(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Closes by a reset.
    pub fn reset(self) {
        SockRef::from(&*self.0)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

/// Runs what may block on a thread of its own, while the loop goes on.
pub async fn elsewhere<T: Send + 'static>(
    what: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let thread = thread::spawn(run);
    until(what, || thread.is_finished()).await;
    thread.join().unwrap()
}

/// A connection: this loop's end, and the peer.
pub async fn meet() -> (TcpStream, Peer) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let peer = Peer::connect(listener.local_addr().unwrap());
    let (stream, _) = soon("the accept", listener.accept()).await.unwrap();
    (stream, peer)
}

/// A connection of which the kernel's buffers are small, so that a writer soon waits.
pub async fn meet_narrow() -> (TcpStream, Peer) {
    const SMALL: usize = 16 * 1024;
    let options = ListenOptions::new().recv_buffer(SMALL).send_buffer(SMALL);
    let mut listener = TcpListener::bind_with(ANY, options).await.unwrap();
    let peer = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    peer.set_recv_buffer_size(SMALL).unwrap();
    peer.set_send_buffer_size(SMALL).unwrap();
    peer.connect(&listener.local_addr().unwrap().into())
        .unwrap();
    let (stream, _) = soon("the accept", listener.accept()).await.unwrap();
    (stream, Peer(Arc::new(peer.into())))
}

/// A socket that is bound: it refuses connections until it listens.
pub fn bound() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// An address that answers no further handshake, for as long as what is returned lives.
pub async fn unanswering() -> (Socket, Vec<TcpStream>, SocketAddr) {
    let (socket, address) = bound();
    socket.listen(0).unwrap();
    let mut queued = Vec::new();
    let limit = Duration::from_millis(50);
    // A full backlog drops them.
    while let Ok(stream) = TcpStream::connect_timeout(address, limit).await {
        queued.push(stream);
        assert!(queued.len() < 10, "the backlog is never full");
    }
    (socket, queued, address)
}
