//! Connected streams and their halves: the bytes that went in come out, in order.

use super::gap;
use crate::cut::Cut;
use crate::kit::tcp::{ANY, megabytes, pair, read_to_end};
use ringmill::fs::File;
use ringmill::net::{ReadHalf, TcpListener, TcpSocket, TcpStream, WriteHalf};
use ringmill::{RecvBuf, spawn};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;

/// What the peer of a reader writes, with gaps in between.
const PIECES: [usize; 4] = [1, 700, 5_000, 40];
const FED: usize = 5_741;

/// What a writer writes: more than a stream takes before any of it has gone out.
const WRITTEN: usize = 150_000;
/// At a time; less than what is offered to the socket directly.
const PIECE: usize = 15_000;

/// Both that read.
pub trait Reads: Sized {
    fn of(stream: TcpStream) -> (Self, Option<WriteHalf>);
    fn read(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>>;
    fn read_vectored(
        &mut self,
        rooms: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = io::Result<usize>>;
    fn read_exact(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<()>>;
    fn recv(&mut self) -> impl Future<Output = io::Result<Option<RecvBuf>>>;
}

/// Both that write.
pub trait Writes: Sized {
    fn of(stream: TcpStream) -> (Self, Option<ReadHalf>);
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>>;
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>])
    -> impl Future<Output = io::Result<usize>>;
    fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>>;
    fn send(&mut self, buffer: Vec<u8>) -> impl Future<Output = (io::Result<()>, Vec<u8>)>;
    fn flush(&mut self) -> impl Future<Output = io::Result<()>>;
    fn end(&mut self) -> impl Future<Output = io::Result<()>>;
}

macro_rules! reads {
    ($type:ty, $of:expr) => {
        impl Reads for $type {
            fn of(stream: TcpStream) -> (Self, Option<WriteHalf>) {
                $of(stream)
            }
            fn read(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
                <$type>::read(self, room)
            }
            fn read_vectored(
                &mut self,
                rooms: &mut [IoSliceMut<'_>],
            ) -> impl Future<Output = io::Result<usize>> {
                <$type>::read_vectored(self, rooms)
            }
            fn read_exact(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<()>> {
                <$type>::read_exact(self, room)
            }
            fn recv(&mut self) -> impl Future<Output = io::Result<Option<RecvBuf>>> {
                <$type>::recv(self)
            }
        }
    };
}

macro_rules! writes {
    ($type:ty, $of:expr, $($how:expr)?) => {
        impl Writes for $type {
            fn of(stream: TcpStream) -> (Self, Option<ReadHalf>) {
                $of(stream)
            }
            fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
                <$type>::write(self, bytes)
            }
            fn write_vectored(
                &mut self,
                pieces: &[IoSlice<'_>],
            ) -> impl Future<Output = io::Result<usize>> {
                <$type>::write_vectored(self, pieces)
            }
            fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
                <$type>::write_all(self, bytes)
            }
            fn send(
                &mut self,
                buffer: Vec<u8>,
            ) -> impl Future<Output = (io::Result<()>, Vec<u8>)> {
                <$type>::send(self, buffer)
            }
            fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
                <$type>::flush(self)
            }
            fn end(&mut self) -> impl Future<Output = io::Result<()>> {
                <$type>::shutdown(self $(, $how)?)
            }
        }
    };
}

reads!(TcpStream, |stream| (stream, None));
reads!(ReadHalf, |stream: TcpStream| {
    let (reader, writer) = stream.into_split();
    (reader, Some(writer))
});
writes!(TcpStream, |stream| (stream, None), Shutdown::Write);
writes!(WriteHalf, |stream: TcpStream| {
    let (reader, writer) = stream.into_split();
    (writer, Some(reader))
},);

async fn feed(mut stream: TcpStream) {
    let mut at = 0;
    for len in PIECES {
        gap().await;
        stream.write_all(&megabytes()[at..at + len]).await.unwrap();
        at += len;
    }
}

/// Reads to the end of what is fed by a way of reading, which gives nothing where it was ended.
async fn reading<R: Reads>(mut read: impl AsyncFnMut(&mut R) -> Option<Vec<u8>>) {
    let (stream, peer) = pair().await;
    let (mut reader, _writer) = R::of(stream);
    let feeding = spawn(feed(peer));
    let mut all = Vec::new();
    loop {
        match read(&mut reader).await {
            Some(bytes) if bytes.is_empty() => break,
            Some(bytes) => all.extend(bytes),
            None => {}
        }
    }
    feeding.await.unwrap();
    assert!(all == megabytes()[..FED], "{} bytes", all.len());
}

pub async fn read<R: Reads>(cut: Cut) {
    reading::<R>(async |reader| {
        let mut room = vec![0; 1 + cut.below(1_000) as usize];
        let read = cut.at(reader.read(&mut room)).await?.unwrap();
        room.truncate(read);
        Some(room)
    })
    .await;
}

pub async fn read_vectored<R: Reads>(cut: Cut) {
    reading::<R>(async |reader| {
        let (mut one, mut two) = ([0; 300], [0; 900]);
        let mut rooms = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        let read = cut.at(reader.read_vectored(&mut rooms)).await?.unwrap();
        Some([&one[..], &two].concat()[..read].to_vec())
    })
    .await;
}

pub async fn recv<R: Reads>(cut: Cut) {
    reading::<R>(async |reader| {
        let lease = cut.at(reader.recv()).await?.unwrap();
        Some(lease.map_or(Vec::new(), |lease| lease.to_vec()))
    })
    .await;
}

/// What a dropped one has read is in the room, and the rest comes behind it.
pub async fn read_exact<R: Reads>(cut: Cut) {
    let (stream, peer) = pair().await;
    let (mut reader, _writer) = R::of(stream);
    let feeding = spawn(feed(peer));
    let (fed, mut room) = (&megabytes()[..FED], vec![0; FED - 100]);
    let whole = cut.at(reader.read_exact(&mut room)).await;
    let mut rest = Vec::new();
    loop {
        let mut room = [0; 1_000];
        match reader.read(&mut room).await.unwrap() {
            0 => break,
            read => rest.extend_from_slice(&room[..read]),
        }
    }
    feeding.await.unwrap();
    let read = FED - rest.len();
    assert!(room[..read] == fed[..read] && rest == fed[read..]);
    if let Some(whole) = whole {
        whole.unwrap();
        assert_eq!(read, room.len());
    }
}

/// A connection whose sending end has little room.
async fn narrow() -> (TcpStream, TcpStream) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = TcpSocket::for_address(address).unwrap();
    socket.set_send_buffer(16 * 1024).unwrap();
    let client = spawn(socket.connect(address));
    let (server, _) = listener.accept().await.unwrap();
    (client.await.unwrap().unwrap(), server)
}

/// What a write is known to have written.
enum Wrote {
    Exactly(usize),
    /// Some of these.
    UpTo(usize),
    /// None or all of these.
    NoneOr(usize),
}

/// Writes by a way of writing up to the end, or until it is not known how much was written.
async fn writing<W: Writes>(write: impl AsyncFn(&mut W, &'static [u8]) -> Wrote) {
    let (stream, mut peer) = narrow().await;
    let (mut writer, _reader) = W::of(stream);
    let arriving = spawn(async move {
        gap().await;
        read_to_end(&mut peer).await
    });
    let (mut sure, mut maybe, mut all_or_none) = (0, 0, false);
    while sure < WRITTEN && maybe == 0 {
        let piece = &megabytes()[sure..WRITTEN.min(sure + PIECE)];
        match write(&mut writer, piece).await {
            Wrote::Exactly(bytes) => sure += bytes,
            Wrote::UpTo(bytes) => maybe = bytes,
            Wrote::NoneOr(bytes) => (maybe, all_or_none) = (bytes, true),
        }
    }
    writer.flush().await.unwrap();
    writer.end().await.unwrap();
    let arrived = arriving.await.unwrap();
    let len = arrived.len();
    assert!(arrived == megabytes()[..len]);
    assert!(
        (sure..=sure + maybe).contains(&len),
        "{sure}, {maybe}: {len}"
    );
    assert!(!all_or_none || len == sure || len == sure + maybe);
}

pub async fn write<W: Writes>(cut: Cut) {
    writing::<W>(async |writer, bytes| {
        let wrote = cut.at(writer.write(bytes)).await;
        Wrote::Exactly(wrote.map_or(0, Result::unwrap))
    })
    .await;
}

pub async fn write_vectored<W: Writes>(cut: Cut) {
    writing::<W>(async |writer, bytes| {
        let (one, two) = bytes.split_at(bytes.len() / 3);
        let pieces = [IoSlice::new(one), IoSlice::new(two)];
        let wrote = cut.at(writer.write_vectored(&pieces)).await;
        Wrote::Exactly(wrote.map_or(0, Result::unwrap))
    })
    .await;
}

pub async fn write_all<W: Writes>(cut: Cut) {
    writing::<W>(
        async |writer, bytes| match cut.at(writer.write_all(bytes)).await {
            Some(wrote) => {
                wrote.unwrap();
                Wrote::Exactly(bytes.len())
            }
            None => Wrote::UpTo(bytes.len()),
        },
    )
    .await;
}

pub async fn send<W: Writes>(cut: Cut) {
    writing::<W>(
        async |writer, bytes| match cut.at(writer.send(bytes.to_vec())).await {
            Some((sent, buffer)) => {
                sent.unwrap();
                assert!(buffer == bytes);
                Wrote::Exactly(bytes.len())
            }
            None => Wrote::NoneOr(bytes.len()),
        },
    )
    .await;
}

pub async fn flush<W: Writes>(cut: Cut) {
    writing::<W>(async |writer, bytes| {
        let wrote = writer.write(bytes).await.unwrap();
        if let Some(flushed) = cut.at(writer.flush()).await {
            flushed.unwrap();
        }
        Wrote::Exactly(wrote)
    })
    .await;
}

/// A dropped one has shut nothing down.
pub async fn shutdown<W: Writes>(cut: Cut) {
    let (stream, mut peer) = narrow().await;
    let (mut writer, _reader) = W::of(stream);
    let arriving = spawn(async move { read_to_end(&mut peer).await });
    let mut written = 0;
    loop {
        for piece in megabytes()[written..written + 4 * PIECE].chunks(PIECE) {
            writer.write_all(piece).await.unwrap();
            written += piece.len();
        }
        if let Some(ended) = cut.at(writer.end()).await {
            ended.unwrap();
            break;
        }
    }
    assert!(arriving.await.unwrap() == megabytes()[..written]);
}

pub async fn send_file(cut: Cut) {
    let path = super::directory().join("file");
    std::fs::write(&path, &megabytes()[..600_000]).unwrap();
    let file = File::open(&path).await.unwrap();
    let (mut stream, mut peer) = pair().await;
    let arriving = spawn(async move { read_to_end(&mut peer).await });
    let sent = cut.at(stream.send_file(&file, 0, 1 << 20)).await;
    drop(stream);
    let arrived = arriving.await.unwrap();
    assert!(arrived == megabytes()[..arrived.len().min(600_000)]);
    if let Some(sent) = sent {
        assert_eq!(sent.unwrap(), arrived.len() as u64);
        assert_eq!(arrived.len(), 600_000);
    }
}
