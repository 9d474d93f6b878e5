//! The traits of futures-io over TCP streams and pipes, with the crates that people use them with.

mod kit;

use futures_lite::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use futures_lite::{StreamExt, future};
use kit::driver::{apply, on_each_driver};
use ringmill::net::{TcpListener, TcpStream};
use std::io::{IoSlice, IoSliceMut};

/// Larger than what both sockets' buffers and both queues hold, so that both sides must wait.
const LARGE: usize = 32 << 20;

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let client = client.await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

fn run<T>(test: impl Future<Output = T>) -> T {
    kit::block_on(test)
}

#[apply(on_each_driver)]
fn copy_moves_every_byte_and_close_ends_it() {
    run(async {
        let (client, mut server) = pair().await;
        let echo = ringmill::spawn(async move {
            let (mut reader, mut writer) = server.split();
            let copied = io::copy(&mut reader, &mut writer).await.unwrap();
            writer.close().await.unwrap();
            copied
        });
        let sent: Vec<u8> = (0..251).cycle().take(LARGE).collect();
        let (mut reader, mut writer) = client.into_split();
        let expected = sent.clone();
        let sender = ringmill::spawn(async move {
            AsyncWriteExt::write_all(&mut writer, &sent).await.unwrap();
            // Flushes, and ends sending; the half stays to show that it was not the drop.
            writer.close().await.unwrap();
            writer
        });
        let mut received = vec![0; LARGE];
        AsyncReadExt::read_exact(&mut reader, &mut received)
            .await
            .unwrap();
        assert!(received == expected);
        let end = AsyncReadExt::read(&mut reader, &mut received).await;
        assert_eq!(end.unwrap(), 0);
        assert_eq!(echo.await.unwrap(), LARGE as u64);
        sender.await.unwrap();
    });
}

#[apply(on_each_driver)]
fn buffered_lines_arrive_whole() {
    run(async {
        let (mut client, server) = pair().await;
        let reader = ringmill::spawn(async move {
            let lines: Vec<String> = BufReader::new(server).lines().try_collect().await.unwrap();
            lines
        });
        let expected: Vec<String> = (0..2000).map(|i| "x".repeat(i % 300)).collect();
        for line in &expected {
            // Two writes a line: neither is a line of its own.
            AsyncWriteExt::write_all(&mut client, line.as_bytes())
                .await
                .unwrap();
            AsyncWriteExt::write_all(&mut client, b"\n").await.unwrap();
        }
        client.close().await.unwrap();
        assert_eq!(reader.await.unwrap(), expected);
    });
}

#[apply(on_each_driver)]
fn vectored_calls_take_several_slices() {
    run(async {
        let (mut client, mut server) = pair().await;
        let pieces = [
            IoSlice::new(b"one "),
            IoSlice::new(b""),
            IoSlice::new(b"two"),
        ];
        let written = AsyncWriteExt::write_vectored(&mut client, &pieces).await;
        assert_eq!(written.unwrap(), 7);
        client.close().await.unwrap();
        let (mut first, mut rest) = ([0; 2], [0; 16]);
        // One read may give less than was written; the end is told apart by zero.
        let mut read = Vec::new();
        loop {
            let mut rooms = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut rest)];
            let got = AsyncReadExt::read_vectored(&mut server, &mut rooms)
                .await
                .unwrap();
            if got == 0 {
                break;
            }
            read.extend_from_slice(&first[..got.min(2)]);
            read.extend_from_slice(&rest[..got.saturating_sub(2)]);
        }
        assert_eq!(read, b"one two");
    });
}

#[apply(on_each_driver)]
fn a_flush_waits_until_the_socket_has_taken_every_byte() {
    run(async {
        let (client, mut server) = pair().await;
        let (_reader, mut writer) = client.into_split();
        // Fill until a write has to wait: from then on the peer's reading decides.
        let block = vec![7; 64 * 1024];
        let mut sent = 0;
        while let Some(written) = future::poll_once(AsyncWriteExt::write(&mut writer, &block)).await
        {
            sent += written.unwrap();
            ringmill::yield_now().await;
        }
        assert!(
            future::poll_once(AsyncWriteExt::flush(&mut writer))
                .await
                .is_none()
        );
        let reader = ringmill::spawn(async move {
            let mut received = Vec::new();
            server.read_to_end(&mut received).await.unwrap();
            received.len()
        });
        AsyncWriteExt::flush(&mut writer).await.unwrap();
        writer.close().await.unwrap();
        assert_eq!(reader.await.unwrap(), sent);
    });
}

#[apply(on_each_driver)]
fn a_closed_stream_still_reads() {
    run(async {
        let (mut client, mut server) = pair().await;
        client.close().await.unwrap();
        let mut question = Vec::new();
        server.read_to_end(&mut question).await.unwrap();
        assert!(question.is_empty());
        AsyncWriteExt::write_all(&mut server, b"late")
            .await
            .unwrap();
        server.close().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "late");
        let written = AsyncWriteExt::write_all(&mut client, b"more").await;
        let told = match written {
            Ok(()) => AsyncWriteExt::flush(&mut client).await,
            Err(error) => Err(error),
        };
        assert_eq!(told.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[apply(on_each_driver)]
fn pipes_are_copied_and_read_by_lines() {
    run(async {
        let (mut first, between) = ringmill::pipe::pipe().unwrap();
        let (mut onward, last) = ringmill::pipe::pipe().unwrap();
        let copier = ringmill::spawn(async move { io::copy(between, &mut onward).await });
        let writer = ringmill::spawn(async move {
            for line in 0..20_000 {
                let line = format!("line {line}\n");
                AsyncWriteExt::write_all(&mut first, line.as_bytes())
                    .await
                    .unwrap();
            }
            AsyncWriteExt::flush(&mut first).await.unwrap();
            let pieces = [
                IoSlice::new(b""),
                IoSlice::new(b"li"),
                IoSlice::new(b"ne 20000"),
            ];
            let written = AsyncWriteExt::write_vectored(&mut first, &pieces).await;
            assert_eq!(written.unwrap(), 10);
        });
        let mut lines = BufReader::new(last).lines();
        let mut count = 0;
        while let Some(line) = lines.next().await {
            assert_eq!(line.unwrap(), format!("line {count}"));
            count += 1;
        }
        assert_eq!(count, 20_001);
        writer.await.unwrap();
        assert!(copier.await.unwrap().unwrap() > 0);
    });
}
