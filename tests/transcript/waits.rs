//! Waiting given up: dropped, overtaken, out of time; and a peer that takes nothing.

use crate::kit::random::check;
use crate::kit::tcp::megabytes;
use crate::kit::wait::soon;
use crate::log::Log;
use crate::peer::{Peer, meet, meet_narrow};
use ringmill::net::TcpStream;
use ringmill::time::timeout;
use ringmill::{spawn, yield_now};
use std::io::{self, IoSliceMut};
use std::net::Shutdown;
use std::time::Duration;

pub async fn reads_given_up(log: &Log) {
    log.scene("reads given up");
    let (mut stream, peer) = meet().await;
    let mut room = [0; 8];
    log.cancelled("read", stream.read(&mut room)).await;
    peer.write(b"late");
    log.read("read", async |room| stream.read(room).await).await;
    log.cancelled("recv", stream.recv()).await;
    peer.write(b"later");
    let lease = soon("a lease", stream.recv()).await.unwrap().unwrap();
    log.bytes("recv", &lease);
    drop(lease);
    log.cancelled("read_exact", stream.read_exact(&mut room))
        .await;
    peer.write(b"12345678");
    log.done("read_exact", soon("it", stream.read_exact(&mut room)).await);
    log.bytes("it read", &room);

    // The bytes come while the future is held and not asked.
    let (read, write) = (stream.read(&mut room), async || {
        peer.write(b"overtaken");
        for _ in 0..10 {
            yield_now().await;
        }
    });
    log.overtaken("read with bytes on the way", read, write)
        .await;
    log.read("read", async |room| stream.read(room).await).await;
    // So does the end.
    let (read, end) = (stream.read(&mut room), async || {
        peer.end();
        yield_now().await;
    });
    log.overtaken("read with the end on the way", read, end)
        .await;
    log.read("read", async |room| stream.read(room).await).await;
}

pub async fn reads_out_of_time(log: &Log) {
    log.scene("reads out of time");
    let (mut stream, peer) = meet().await;
    let (mut room, mut other) = ([0; 8], [0; 8]);
    log.timed_out("read", stream.read(&mut room)).await;
    let mut rooms = [IoSliceMut::new(&mut room), IoSliceMut::new(&mut other)];
    log.timed_out("read_vectored", stream.read_vectored(&mut rooms))
        .await;
    log.timed_out("recv", stream.recv()).await;
    log.timed_out("read_exact", stream.read_exact(&mut room))
        .await;
    peer.write(b"abc");
    log.read("read", async |room| stream.read(&mut room[..1]).await)
        .await;
    // What an exact read has taken is gone with it: it is the one that says so.
    log.timed_out(
        "read_exact of more than is there",
        stream.read_exact(&mut room),
    )
    .await;
    peer.write(b"def");
    log.read("read", async |room| stream.read(room).await).await;
    let (reader, writer) = stream.split();
    log.timed_out("read, beside a writer", reader.read(&mut room))
        .await;
    log.done("write_all", writer.write_all(b"still well").await);
    log.done("flush", writer.flush().await);
    log.bytes("peer read", &peer.read(10).await);
}

pub async fn owned_sends_given_up(log: &Log) {
    const LONG: usize = 1 << 20;
    log.scene("owned sends given up");
    let (mut stream, peer) = meet_narrow().await;
    let long = megabytes()[..LONG].to_vec();
    log.cancelled("send", stream.send(long)).await;
    log.timed_out("flush behind a send in flight", stream.flush())
        .await;
    let tail = spawn(async move {
        stream.write_all(b"tail").await?;
        stream.send("end").await.0
    });
    let all = peer.rest().await.unwrap();
    check(&all[..LONG], 0);
    log.line("peer read all of the buffer that was dropped in flight");
    log.bytes("and then", &all[LONG..]);
    log.done("write_all and send", soon("it", tail).await.unwrap());
}

pub async fn a_peer_that_takes_nothing(log: &Log) {
    log.scene("a peer that takes nothing");
    let (mut stream, peer) = meet_narrow().await;
    let accepted = write_until_it_waits(log, &mut stream).await;
    log.cancelled("write", stream.write(b"never")).await;
    log.timed_out("write", stream.write(b"never")).await;
    log.timed_out("write_all", stream.write_all(b"never")).await;
    log.cancelled("flush", stream.flush()).await;
    log.timed_out("flush", stream.flush()).await;
    log.timed_out("shutdown", stream.shutdown(Shutdown::Write))
        .await;
    log.cancelled("send", stream.send("never")).await;
    log.timed_out("send", stream.send("never")).await;
    // The other direction is open all the while.
    peer.write(b"go on");
    log.read("read", async |room| stream.read(room).await).await;

    let writer = spawn(async move {
        stream.write_all(b"at last").await?;
        stream.flush().await?;
        stream.shutdown(Shutdown::Write).await
    });
    let all = peer.rest().await.unwrap();
    check(&all[..accepted], 0);
    log.line("peer read every byte that was accepted");
    log.bytes("and then", &all[accepted..]);
    let ended = soon("the writer", writer).await.unwrap();
    log.done("write_all, flush and shutdown", ended);
}

/// A reader and a writer wait for one socket, and each is told of its own.
pub async fn both_halves_wait(log: &Log) {
    const TOTAL: usize = 1 << 20;
    log.scene("both halves wait");
    let (stream, peer) = meet_narrow().await;
    let (mut reader, mut writer) = stream.into_split();
    let writing = spawn(async move {
        writer.write_all(&megabytes()[..TOTAL]).await?;
        writer.flush().await?;
        Ok(writer)
    });
    log.timed_out("read", reader.read(&mut [0; 8])).await;
    log.line(format!("the writer is done: {}", writing.is_finished()));
    peer.write(b"to the reader");
    log.read("read", async |room| reader.read(room).await).await;
    log.line(format!("the writer is done: {}", writing.is_finished()));
    let reading = spawn(async move {
        let mut room = [0; 8];
        let count = reader.read(&mut room).await.unwrap();
        room[..count].to_vec()
    });
    check(&peer.read(TOTAL).await, 0);
    let writer = soon("the writer", writing).await.unwrap();
    log.line("peer read all that the writer wrote");
    log.line(format!("the reader is done: {}", reading.is_finished()));
    drop(writer.unwrap_or_else(|error: io::Error| panic!("{error}")));
    log.outcome("peer read to the end", peer.rest().await);
    peer.write(b"answer");
    log.bytes("read", &soon("the reader", reading).await.unwrap());
}

pub async fn a_reader_that_takes_nothing(log: &Log) {
    log.scene("a reader that takes nothing");
    let (mut stream, peer) = meet_narrow().await;
    log.cancelled("read", stream.read(&mut [0; 1])).await;
    let written = fill_until_it_waits(&peer).await;
    log.line("the peer waits for room");
    peer.end();
    let mut read = 0;
    let mut room = [0; 1_000];
    loop {
        match soon("bytes", stream.read(&mut room)).await.unwrap() {
            0 => break,
            count => {
                check(&room[..count], read as u64);
                read += count;
            }
        }
    }
    log.line(format!("read all of it: {}", read == written));
}

/// How often in a row nothing must be taken, for "it waits" to be no matter of speed.
const REFUSALS: usize = 10;

async fn write_until_it_waits(log: &Log, stream: &mut TcpStream) -> usize {
    let (mut accepted, mut refusals) = (0, 0);
    while refusals < REFUSALS {
        let bytes = &megabytes()[accepted..][..5_000];
        match timeout(Duration::from_millis(1), stream.write(bytes)).await {
            Ok(count) => (accepted, refusals) = (accepted + count.unwrap(), 0),
            Err(_) => refusals += 1,
        }
    }
    log.line("a write waits for room");
    accepted
}

async fn fill_until_it_waits(peer: &Peer) -> usize {
    let (mut written, mut refusals) = (0, 0);
    while refusals < REFUSALS {
        match peer.fill(&megabytes()[written..]) {
            0 => refusals += 1,
            count => (written, refusals) = (written + count, 0),
        }
        ringmill::time::sleep(Duration::from_millis(1)).await;
    }
    written
}
