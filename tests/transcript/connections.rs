//! Connections as they come about, or do not.

use crate::kit::tcp::ANY;
use crate::kit::wait::{soon, until};
use crate::log::Log;
use crate::peer::{Peer, bound, unanswering};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{spawn, yield_now};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

pub async fn accepts(log: &Log) {
    log.scene("accepts");
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    log.timed_out("accept", listener.accept()).await;
    log.cancelled("accept", listener.accept()).await;
    let peer = Peer::connect(address);
    accepted(log, &mut listener, &peer).await;

    // The connection comes while the future is held and not asked.
    let mut late = None;
    let accept = listener.accept();
    let connect = async || {
        late = Some(Peer::connect(address));
        for _ in 0..10 {
            yield_now().await;
        }
    };
    log.overtaken("accept with a connection on the way", accept, connect)
        .await;
    accepted(log, &mut listener, &late.unwrap()).await;

    let peers: Vec<_> = (0..5).map(|_| Peer::connect(address)).collect();
    for peer in &peers {
        accepted(log, &mut listener, peer).await;
    }

    // One that is gone before it is accepted comes all the same, with its bytes and its end.
    let peer = Peer::connect(address);
    peer.write(b"gone");
    drop(peer);
    let (mut stream, _) = soon("the accept", listener.accept()).await.unwrap();
    log.read("read", async |room| stream.read(room).await).await;
    log.read("read", async |room| stream.read(room).await).await;
}

/// Accepts, and checks by a byte each way that it is that peer's connection.
async fn accepted(log: &Log, listener: &mut TcpListener, peer: &Peer) {
    let (mut stream, from) = soon("the accept", listener.accept()).await.unwrap();
    log.line(format!("accepted the next: {}", from == peer.address()));
    peer.write(b"?");
    log.read("read", async |room| stream.read(room).await).await;
    stream.write_all(b"!").await.unwrap();
    drop(stream);
    log.bytes("peer read to the end", &peer.rest().await.unwrap());
}

pub async fn connects(log: &Log) {
    log.scene("connects");
    let (_refuses, refused) = bound();
    connected(log, "connect where nobody listens", refused).await;
    let error = TcpStream::connect(Vec::<SocketAddr>::new()).await;
    log.outcome("connect to nowhere", error);
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let good = listener.local_addr().unwrap();
    let stream = TcpStream::connect(&[refused, good][..]).await.unwrap();
    let (_, from) = soon("the accept", listener.accept()).await.unwrap();
    log.line(format!(
        "connected to the second address: {}",
        stream.local_addr().unwrap() == from
    ));

    let (_socket, _queued, silent) = unanswering().await;
    log.timed_out("connect", TcpStream::connect(silent)).await;
    log.cancelled("connect", TcpStream::connect(silent)).await;
    let limit = Duration::from_millis(2);
    let late = TcpStream::connect_timeout(silent, limit).await;
    log.outcome("connect_timeout", late);
    let waiting = spawn(TcpStream::connect(silent));
    yield_now().await;
    waiting.abort();
    log.line(format!(
        "connect aborted: {}",
        soon("it", waiting).await.is_err()
    ));
    // Behind all that.
    let stream = TcpStream::connect(good).await.unwrap();
    let (mut other, _) = soon("the accept", listener.accept()).await.unwrap();
    drop(stream);
    log.read("read", async |room| other.read(room).await).await;
}

async fn connected(log: &Log, what: &str, address: SocketAddr) {
    match TcpStream::connect(address).await {
        Ok(_) => log.line(format!("{what}: connected")),
        Err(error) => log.line(format!(
            "{what}: {:?}, naming the address: {}",
            error.kind(),
            error.to_string().contains(&address.to_string())
        )),
    }
}

pub async fn listeners_end(log: &Log) {
    log.scene("listeners end");
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    let peers: Vec<_> = (0..3).map(|_| Peer::connect(address)).collect();
    accepted(log, &mut listener, &peers[0]).await;
    let mut left = soon("the close", listener.close()).await.unwrap();
    log.line(format!("closed with {} pending", left.len()));
    connected(log, "connect after the close", address).await;
    // Which order they are given in is not promised.
    left.sort_by_key(|stream| {
        let from = stream.peer_addr().unwrap();
        peers.iter().position(|peer| peer.address() == from)
    });
    for (stream, peer) in left.iter_mut().zip(&peers[1..]) {
        log.done("write_all", stream.write_all(b"saved").await);
        log.done("flush", stream.flush().await);
        log.bytes("peer read", &peer.read(5).await);
    }

    // A mere drop ends them: whether by a reset or an end is the kernel's choice.
    for polled in [false, true] {
        let mut listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        if polled {
            log.cancelled("accept", listener.accept()).await;
        }
        let peer = Peer::connect(address);
        drop(listener);
        let ended = match peer.rest().await {
            Ok(all) => all.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        log.line(format!("dropped with one pending, which ended: {ended}"));
        // The close is the kernel's to finish.
        until("the port's end", || {
            std::net::TcpStream::connect(address).is_err()
        })
        .await;
        connected(log, "connect after the drop", address).await;
    }

    let first = TcpListener::bind(ANY).await.unwrap();
    let taken = TcpListener::bind(first.local_addr().unwrap()).await;
    log.outcome("bind where another listens", taken.map(drop));
}
