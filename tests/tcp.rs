//! TCP: what is written is what is read, whatever way it is written and read.

mod kit;

use kit::block_on;
use kit::driver::{apply, on_each_driver};
use kit::tcp::{megabytes, pair, read_to_end};
use kit::wait::soon;
use ringmill::net::TcpStream;
use ringmill::{spawn, yield_now};
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
fn owned_sends_take_every_kind_of_bytes() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        client.send(&b"static "[..]).await.0.unwrap();
        client.send("text ").await.0.unwrap();
        client.send(String::from("string ")).await.0.unwrap();
        client
            .send(Box::<[u8]>::from(&b"box "[..]))
            .await
            .0
            .unwrap();
        client.send(Rc::<[u8]>::from(&b"rc "[..])).await.0.unwrap();
        client
            .send(Arc::<[u8]>::from(&b"arc "[..]))
            .await
            .0
            .unwrap();
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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
            soon("the echo", reader.read_exact(&mut room))
                .await
                .unwrap();
            back.extend_from_slice(&room);
        }
        assert!(back == megabytes()[..2 << 20]);
        drop(client);
        soon("the end", echo).await.unwrap();
    });
}

// Halves.

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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

#[apply(on_each_driver)]
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
