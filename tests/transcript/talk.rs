//! Bytes there and back: by copies, by leases, by owned buffers, and both ways at once.

use crate::kit::random::check;
use crate::kit::tcp::megabytes;
use crate::kit::wait::soon;
use crate::log::Log;
use crate::peer::{Peer, elsewhere, meet};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{Handle, spawn};
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::thread;

pub async fn bytes_there_and_back(log: &Log) {
    log.scene("bytes there and back");
    let (mut stream, peer) = meet().await;
    log.outcome("write", stream.write(b"hello").await);
    log.done("flush", stream.flush().await);
    log.bytes("peer read", &peer.read(5).await);
    peer.write(b"hi there");
    log.read("read", async |room| stream.read(&mut room[..3]).await)
        .await;
    let mut room = [0; 5];
    log.done("read_exact", stream.read_exact(&mut room).await);
    log.bytes("it read", &room);
    let pieces = [
        IoSlice::new(b"in "),
        IoSlice::new(b""),
        IoSlice::new(b"two"),
    ];
    log.outcome("write_vectored", stream.write_vectored(&pieces).await);
    log.done("flush", stream.flush().await);
    log.bytes("peer read", &peer.read(6).await);
    log.outcome("write nothing", stream.write(b"").await);
    log.outcome("read into nothing", stream.read(&mut []).await);
    peer.write(b"abcd");
    let (mut first, mut second) = ([0; 2], [0; 8]);
    let mut rooms = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let read = soon("bytes", stream.read_vectored(&mut rooms)).await;
    log.outcome("read_vectored", read);
    log.bytes("it read", &[&first[..], &second[..2]].concat());
    peer.write(b"short");
    peer.end();
    let exact = soon("an end", stream.read_exact(&mut [0; 9])).await;
    log.done("read_exact of more than comes", exact);
    log.outcome("read", stream.read(&mut room).await);
    log.outcome("read again", stream.read(&mut room).await);
    drop(stream);
    log.outcome("peer read to the end", peer.rest().await);
}

pub async fn leases_and_owned_buffers(log: &Log) {
    log.scene("leases and owned buffers");
    let (mut stream, peer) = meet().await;
    peer.write(b"leased bytes");
    let mut lease = soon("a lease", stream.recv()).await.unwrap().unwrap();
    log.bytes("recv", &lease);
    lease.advance(7);
    let (sent, lease) = stream.send(lease).await;
    log.done("send what is left of the lease", sent);
    log.bytes("it comes back", &lease);
    drop(lease);
    log.bytes("peer read", &peer.read(5).await);
    let (sent, buffer) = stream.send(b"owned".to_vec()).await;
    log.done("send", sent);
    log.bytes("it comes back", &buffer);
    let (sent, _) = stream.send(String::new()).await;
    log.done("send nothing", sent);
    log.outcome("write", stream.write(b", written").await);
    let (sent, _) = stream.send(" and sent").await;
    log.done("send", sent);
    log.bytes("peer read", &peer.read(23).await);
    peer.write(b"abcdef");
    log.read("read", async |room| stream.read(&mut room[..2]).await)
        .await;
    let rest = soon("a lease", stream.recv()).await.unwrap().unwrap();
    log.bytes("recv of what the read left", &rest);
    peer.end();
    for _ in 0..2 {
        let end = soon("the end", stream.recv()).await;
        log.outcome("recv", end.map(|lease| lease.is_none()));
    }
}

/// Totals alone: the kernel chooses the pieces.
pub async fn both_ways_at_once(log: &Log) {
    const TOTAL: usize = 3 << 20;
    log.scene("both ways at once");
    let (stream, peer) = meet().await;
    let (mut reader, mut writer) = stream.into_split();
    let writing = spawn(async move {
        for (turn, piece) in megabytes()[..TOTAL].chunks(70_001).enumerate() {
            if turn % 2 == 0 {
                writer.write_all(piece).await.unwrap();
            } else {
                writer.send(piece.to_vec()).await.0.unwrap();
            }
        }
        writer.shutdown().await
    });
    let up = thread::spawn({
        let peer = peer.clone();
        move || {
            peer.write(&megabytes()[..TOTAL]);
            peer.end();
        }
    });
    let reading = spawn(async move {
        let mut read = 0;
        while let Some(bytes) = reader.recv().await.unwrap() {
            check(&bytes, read);
            read += bytes.len() as u64;
        }
        read
    });
    let down = peer.rest().await.unwrap();
    check(&down, 0);
    log.line(format!("peer read {} bytes", down.len()));
    let read = soon("the reader", reading).await.unwrap();
    log.line(format!("read {read} bytes"));
    log.done("shutdown", soon("the writer", writing).await.unwrap());
    elsewhere("the peer's writer", move || up.join().unwrap()).await;
}

/// The loop at rest is woken by a thread, and its own tasks talk to one another over sockets.
pub async fn wakes_from_outside(log: &Log) {
    log.scene("wakes from outside");
    let handle = Handle::current();
    let answer = elsewhere("a spawn from a plain thread", move || {
        handle.spawn_on(0, || async { 40 + 2 })
    })
    .await;
    log.line(format!(
        "spawned from outside: {:?}",
        soon("it", answer).await.ok()
    ));
    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Some(bytes) = stream.recv().await.unwrap() {
            stream.write_all(&bytes).await.unwrap();
        }
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    for round in 0..3 {
        stream.write_all(&[b'a' + round; 3]).await.unwrap();
        let mut room = [0; 3];
        stream.read_exact(&mut room).await.unwrap();
        log.bytes("echo", &room);
    }
    log.done("shutdown", stream.shutdown(Shutdown::Write).await);
    log.read("read", async |room| stream.read(room).await).await;
    log.line(format!(
        "server ended: {}",
        soon("it", server).await.is_ok()
    ));
}

/// The last words of a runtime: gives the peer that is to hear them.
pub async fn last_words(log: &Log) -> Peer {
    log.scene("the end of the runtime");
    let (mut stream, peer) = meet().await;
    log.done("write_all", stream.write_all(&megabytes()[..50_000]).await);
    peer
}
