//! Connections: bytes stay in the stream, connections in the listener or unmade.

use crate::kit::tcp::{ANY, pair_with_std};
use crate::table::{Table, next};
use ringmill::fs;
use ringmill::net::{
    ListenOptions, ReadHalf, TcpListener, TcpSocket, TcpStream, WriteHalf, lookup_host,
};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

/// More than are taken.
const MANY: usize = 4096;

/// Byte `index` of what the other side sends.
fn byte(index: usize) -> u8 {
    (index % 251) as u8
}

/// Looks at what both a stream and its read half have.
macro_rules! reading {
    ($table:ident, $module:literal, $reader:ident, $other:ident) => {
        let bytes: Vec<u8> = (0..MANY).map(byte).collect();
        $other.write_all(&bytes).unwrap();
        let mut taken = 0;
        let read = async || {
            let mut room = [0];
            assert_eq!($reader.read(&mut room).await.unwrap(), 1);
            assert_eq!(room, [byte(taken)]);
            taken += 1;
        };
        $table.row(concat!($module, "::read"), read).await;
        let read_vectored = async || {
            let (mut one, mut two) = ([0], [0]);
            let mut rooms = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
            let read = $reader.read_vectored(&mut rooms).await.unwrap();
            assert_eq!((read, one, two), (2, [byte(taken)], [byte(taken + 1)]));
            taken += 2;
        };
        $table
            .row(concat!($module, "::read_vectored"), read_vectored)
            .await;
        let read_exact = async || {
            let mut room = [0; 2];
            $reader.read_exact(&mut room).await.unwrap();
            assert_eq!(room, [byte(taken), byte(taken + 1)]);
            taken += 2;
        };
        $table
            .row(concat!($module, "::read_exact"), read_exact)
            .await;
        let nothing = async || $reader.read_exact(&mut []).await.unwrap();
        $table.row(concat!($module, "::read_exact"), nothing).await;
        let mut rest = vec![0; MANY - taken];
        $reader.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, bytes[taken..]);
        let recv = async || {
            $other.write_all(b"x").unwrap();
            let received = $reader.recv().await.unwrap().unwrap();
            assert!(received.iter().all(|&byte| byte == b'x'));
        };
        $table.row(concat!($module, "::recv"), recv).await;
        let mut drained = false;
        while !drained {
            $other.write_all(b"z").unwrap();
            let received = $reader.recv().await.unwrap().unwrap();
            drained = received.ends_with(b"z");
        }
        let mut room = [0];
        let write = || $other.write_all(b"y").unwrap();
        $table
            .waits(concat!($module, "::read"), $reader.read(&mut room), write)
            .await;
        let received = $reader.recv().await.unwrap().unwrap();
        assert_eq!(&received[..], b"y");
    };
}

/// Looks at what both a stream and its write half have; gives how many bytes were written.
macro_rules! writing {
    ($table:ident, $module:literal, $writer:ident) => {{
        let mut written = 0;
        let write = async || written += $writer.write(b"w").await.unwrap();
        $table.row(concat!($module, "::write"), write).await;
        let write_vectored = async || {
            let pieces = [IoSlice::new(b"w"), IoSlice::new(b"w")];
            written += $writer.write_vectored(&pieces).await.unwrap();
        };
        $table
            .row(concat!($module, "::write_vectored"), write_vectored)
            .await;
        let write_all = async || {
            $writer.write_all(b"ww").await.unwrap();
            written += 2;
        };
        $table.row(concat!($module, "::write_all"), write_all).await;
        let nothing = async || $writer.write_all(b"").await.unwrap();
        $table.row(concat!($module, "::write_all"), nothing).await;
        let send = async || {
            $writer.send(&b"ww"[..]).await.0.unwrap();
            written += 2;
        };
        $table.row(concat!($module, "::send"), send).await;
        let nothing = async || $writer.send(&b""[..]).await.0.unwrap();
        $table.row(concat!($module, "::send"), nothing).await;
        let flush = async || $writer.flush().await.unwrap();
        $table.row(concat!($module, "::flush"), flush).await;
        written
    }};
}

pub async fn look_at(table: &Table) {
    names(table).await;
    listeners(table).await;
    connecting(table).await;
    streams(table).await;
    halves(table).await;
}

async fn names(table: &Table) {
    let look_up = async || drop(lookup_host("127.0.0.1:80").await.unwrap());
    table.row("net::address::lookup_host", look_up).await;
    let look_up = async || drop(lookup_host("localhost:80").await.unwrap());
    table.row("net::address::lookup_host", look_up).await;
}

async fn listeners(table: &Table) {
    // A port that is free.
    let port = std::net::TcpListener::bind(ANY)
        .unwrap()
        .local_addr()
        .unwrap();
    let bound = TcpListener::bind(port);
    table.refuses("net::tcp_listener::bind", bound).await;
    let connected = std::net::TcpStream::connect(port);
    assert_eq!(connected.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let bind = async || drop(TcpListener::bind(ANY).await.unwrap());
    table.repeats("net::tcp_listener::bind", bind).await;
    let options = ListenOptions::new();
    let bind_with = async || drop(TcpListener::bind_with(ANY, options).await.unwrap());
    table.row("net::tcp_listener::bind_with", bind_with).await;

    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    let mut accepted = Vec::new();
    let mut connect = || clients.push(std::net::TcpStream::connect(address).unwrap());
    let accept = async || {
        connect();
        accepted.push(listener.accept().await.unwrap().1);
    };
    table.row("net::tcp_listener::accept", accept).await;
    let stream = async || {
        connect();
        let stream = next(&mut listener.incoming()).await.unwrap().unwrap();
        accepted.push(stream.peer_addr().unwrap());
    };
    table.row("net::tcp_listener::Incoming", stream).await;
    while accepted.len() < clients.len() {
        accepted.push(listener.accept().await.unwrap().1);
    }
    let mut connect = || clients.push(std::net::TcpStream::connect(address).unwrap());
    table
        .waits("net::tcp_listener::accept", listener.accept(), &mut connect)
        .await;
    accepted.push(listener.accept().await.unwrap().1);
    // Each of them, in the order of their coming.
    let connected = clients.iter().map(|client| client.local_addr().unwrap());
    assert_eq!(accepted, connected.collect::<Vec<_>>());

    table
        .refuses("net::tcp_listener::close", listener.close())
        .await;
    let close = async || {
        let listener = std::net::TcpListener::bind(ANY).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        assert!(listener.close().await.unwrap().is_empty());
    };
    table.repeats("net::tcp_listener::close", close).await;
}

async fn connecting(table: &Table) {
    let listener = std::net::TcpListener::bind(ANY).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_secs(60);
    let socket = || TcpSocket::for_address(address).unwrap();
    let connect = "net::tcp_socket::connect";
    table.refuses(connect, socket().connect(address)).await;
    let connected = TcpStream::connect(address);
    table.refuses("net::tcp_stream::connect", connected).await;
    let connected = TcpStream::connect_timeout(address, limit);
    table
        .refuses("net::tcp_stream::connect_timeout", connected)
        .await;
    let both = vec![address; 2];
    table
        .refuses("net::tcp_stream::connect", TcpStream::connect(both))
        .await;
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let repeated = async || drop(socket().connect(address).await.unwrap());
    table.repeats(connect, repeated).await;
    let repeated = async || drop(TcpStream::connect(address).await.unwrap());
    table.repeats("net::tcp_stream::connect", repeated).await;
    let repeated = async || drop(TcpStream::connect_timeout(address, limit).await.unwrap());
    table
        .repeats("net::tcp_stream::connect_timeout", repeated)
        .await;
}

async fn streams(table: &Table) {
    let (mut stream, mut other) = pair_with_std().await;
    reading!(table, "net::tcp_stream", stream, other);
    let mut written = writing!(table, "net::tcp_stream", stream);
    let file = fs::temporary_file().await.unwrap();
    file.write_all_at(&b"ff"[..], 0).await.0.unwrap();
    let send_file = async || written += stream.send_file(&file, 0, 2).await.unwrap() as usize;
    table.row("net::tcp_stream::send_file", send_file).await;
    let nothing = async || assert_eq!(stream.send_file(&file, 0, 0).await.unwrap(), 0);
    table.row("net::tcp_stream::send_file", nothing).await;

    let name = "net::tcp_stream::shutdown";
    table.refuses(name, stream.shutdown(Shutdown::Both)).await;
    stream.write_all(b"w").await.unwrap();
    stream.flush().await.unwrap();
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        let (mut stream, _other) = pair_with_std().await;
        let shut_down = async || stream.shutdown(how).await.unwrap();
        table.repeats(name, shut_down).await;
    }
    stream.shutdown(Shutdown::Write).await.unwrap();
    let mut all = Vec::new();
    other.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), written + 1);
}

async fn halves(table: &Table) {
    let (stream, mut other) = pair_with_std().await;
    let (mut reader, mut writer) = stream.into_split();
    reading!(table, "net::halves", reader, other);
    let written = writing!(table, "net::halves", writer);
    let name = "net::halves::shutdown";
    table.refuses(name, writer.shutdown()).await;
    writer.write_all(b"w").await.unwrap();
    table
        .repeats(name, async || writer.shutdown().await.unwrap())
        .await;
    let mut all = Vec::new();
    other.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), written + 1);

    // A peer that reads nothing: writes wait.
    let (stream, other) = pair_with_std().await;
    let (_reader, mut writer): (ReadHalf, WriteHalf) = stream.into_split();
    let full = vec![0; 1 << 20];
    while ringmill::time::timeout(Duration::from_millis(20), writer.write(&full))
        .await
        .is_ok()
    {}
    table
        .waits("net::halves::write", writer.write(b"w"), || ())
        .await;
    table
        .waits("net::halves::flush", writer.flush(), || ())
        .await;
    table
        .waits("net::halves::send", writer.send(&b"w"[..]), || drop(other))
        .await;
}
