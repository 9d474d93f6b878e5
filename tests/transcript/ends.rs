//! How connections end: one side first, by a reset, by a drop.

use crate::kit::random::check;
use crate::kit::tcp::megabytes;
use crate::kit::wait::{soon, until};
use crate::log::Log;
use crate::peer::{meet, meet_narrow};
use ringmill::net::TcpStream;
use ringmill::{spawn, yield_now};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

pub async fn one_side_ends_first(log: &Log) {
    log.scene("one side ends first");
    let (mut stream, peer) = meet().await;
    log.outcome("write", stream.write(b"question").await);
    log.done("shutdown", stream.shutdown(Shutdown::Write).await);
    log.outcome(
        "peer read to the end",
        peer.rest().await.map(|all| all.len()),
    );
    peer.write(b"late answer");
    log.read("read after the shutdown", async |room| {
        stream.read(room).await
    })
    .await;
    write_and_flush(log, &mut stream).await;
    peer.end();
    log.read("read", async |room| stream.read(room).await).await;

    let (mut stream, peer) = meet().await;
    peer.write(b"bye");
    peer.end();
    log.read("read", async |room| stream.read(room).await).await;
    log.read("read", async |room| stream.read(room).await).await;
    log.outcome(
        "write to a peer that has ended",
        stream.write(b"still").await,
    );
    log.done("flush", stream.flush().await);
    log.bytes("peer read", &peer.read(5).await);
    drop(stream);
    log.outcome("peer read to the end", peer.rest().await);

    let (mut stream, peer) = meet().await;
    let (reader, _) = stream.split();
    log.cancelled("read", reader.read(&mut [0; 8])).await;
    log.done("shutdown of reading", stream.shutdown(Shutdown::Read).await);
    log.read("read", async |room| stream.read(room).await).await;
    log.outcome("write", stream.write(b"one way").await);
    log.done("flush", stream.flush().await);
    log.bytes("peer read", &peer.read(7).await);
}

pub async fn halves_end_alone(log: &Log) {
    log.scene("halves end alone");
    let (stream, peer) = meet().await;
    let (mut reader, mut writer) = stream.into_split();
    log.done("write_all", writer.write_all(b"from the half").await);
    drop(writer);
    let read = peer.rest().await.unwrap();
    log.bytes("peer read to the end", &read);
    peer.write(b"to the other");
    peer.end();
    log.read("read", async |room| reader.read(room).await).await;
    log.read("read", async |room| reader.read(room).await).await;

    let (stream, peer) = meet().await;
    let (mut reader, mut writer) = stream.into_split();
    log.cancelled("read", reader.read(&mut [0; 8])).await;
    drop(reader);
    peer.write(b"never read");
    log.done("write_all", writer.write_all(b"still written").await);
    log.done("flush", writer.flush().await);
    log.bytes("peer read", &peer.read(13).await);
}

pub async fn resets(log: &Log) {
    log.scene("resets");
    let (mut stream, peer) = meet().await;
    peer.write(b"last words");
    log.read("read", async |room| stream.read(&mut room[..4]).await)
        .await;
    peer.reset();
    let mut rest = [0; 6];
    log.done("read_exact", soon("it", stream.read_exact(&mut rest)).await);
    log.bytes("it read", &rest);
    for _ in 0..3 {
        log.read("read after a reset", async |room| stream.read(room).await)
            .await;
    }
    write_and_flush(log, &mut stream).await;
    write_and_flush(log, &mut stream).await;

    // Nobody reads here, so the write is the first to see it.
    let (mut stream, peer) = meet().await;
    peer.reset();
    // The socket has no peer any more once the reset has come.
    until("the reset", || stream.peer_addr().is_err()).await;
    write_and_flush(log, &mut stream).await;
    write_and_flush(log, &mut stream).await;
    log.done("shutdown", stream.shutdown(Shutdown::Write).await);

    // A read that waits is told.
    let (mut stream, peer) = meet().await;
    let waiting = spawn(async move { stream.read(&mut [0; 8]).await });
    yield_now().await;
    peer.reset();
    log.outcome("a read that waits", soon("it", waiting).await.unwrap());

    // So is a writer that waits for room.
    let (mut stream, peer) = meet_narrow().await;
    let waiting = spawn(async move {
        loop {
            if let Err(error) = stream.write_all(&megabytes()[..50_000]).await {
                return error;
            }
        }
    });
    peer.read(1).await;
    peer.reset();
    let error = soon("the error", waiting).await.unwrap();
    // Which of the two depends on how much of the write had gone out.
    let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    let ended = kinds.contains(&error.kind());
    log.line(format!("a writer that waits ends by the reset: {ended}"));
}

pub async fn drops(log: &Log) {
    log.scene("drops");
    for len in [1, 60_000, 1 << 20] {
        let (mut stream, peer) = meet().await;
        let written = spawn(async move { stream.write_all(&megabytes()[..len]).await });
        let all = peer.rest().await.unwrap();
        check(&all, 0);
        log.done("write_all, then drop", soon("it", written).await.unwrap());
        log.line(format!("peer read {} bytes to the end", all.len()));
    }
    let (stream, peer) = meet().await;
    stream.set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    log.outcome("drop without linger, peer read", peer.rest().await);

    // What nobody has read makes the end a reset.
    let (mut stream, peer) = meet().await;
    peer.write(b"unread");
    log.read("read", async |room| stream.read(&mut room[..2]).await)
        .await;
    log.outcome("write", stream.write(b"x").await);
    drop(stream);
    log.bytes("peer read", &peer.read(1).await);
}

/// Descriptors' numbers are used again at once: what is left of an old connection under its number
/// must not be taken for news of the new one.
pub async fn numbers_come_back(log: &Log) {
    const TIMES: usize = 50;
    log.scene("numbers come back");
    let mut answered = 0;
    for turn in 0..TIMES {
        let (mut stream, peer) = meet().await;
        peer.write(&[turn as u8; 3]);
        let mut room = [0; 3];
        soon("bytes", stream.read_exact(&mut room)).await.unwrap();
        // A read that waits for the end, or does not, or is reset.
        let reading = spawn(async move { stream.read(&mut [0; 1]).await.map_err(|_| ()) });
        yield_now().await;
        match turn % 3 {
            0 => peer.end(),
            1 => peer.clone().reset(),
            _ => reading.abort(),
        }
        drop(peer);
        let expected = [Some(Ok(0)), Some(Err(())), None][turn % 3];
        let read = soon("the read", reading).await.ok();
        answered += usize::from(room == [turn as u8; 3] && read == expected);
    }
    log.line(format!("{answered} of {TIMES} went as they should"));
}

/// Where an error surfaces is told, too: a write may be accepted and fail at the flush.
async fn write_and_flush(log: &Log, stream: &mut TcpStream) {
    let what = "write and flush on a connection without its way out";
    let written = match stream.write_all(b"x").await {
        Ok(()) => stream.flush().await,
        refused => refused,
    };
    log.done(what, written);
}
