//! Pipes and FIFOs: no byte is lost, whatever is dropped; ends are told; descriptors come and go.

mod kit;

use kit::child::alone;
use kit::driver::{apply, on_each_driver};
use kit::polls::glance;
use kit::process::descriptors;
use kit::random::{Random, check, patterned};
use kit::wait::{soon, until};
use kit::{block_on, runtime};
use ringmill::pipe::{Receiver, Sender, pipe};
use ringmill::{spawn, yield_now};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::rc::Rc;
use std::task::Poll;

/// More than a pipe holds, many times over.
const LARGE: usize = 8 << 20;

/// A FIFO with a name of its own, gone with the value.
struct Fifo(PathBuf);

impl Fifo {
    fn new(name: &str) -> Self {
        let kind = kit::driver::current();
        let file = format!("ringmill-{name}-{kind}-{}", std::process::id());
        let path = std::env::temp_dir().join(file);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        Fifo(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[apply(on_each_driver)]
fn every_byte_comes_through_in_order() {
    block_on(async {
        let (mut sender, mut receiver) = pipe().unwrap();
        let writer = spawn(async move {
            sender.write_all(&patterned(0, LARGE)).await.unwrap();
        });
        let mut all = Vec::new();
        let count = soon("the end", receiver.read_to_end(&mut all)).await;
        assert_eq!(count.unwrap(), LARGE);
        assert_eq!(all.len(), LARGE);
        check(&all, 0);
        writer.await.unwrap();
        assert_eq!(
            receiver.read(&mut [0; 8]).await.unwrap(),
            0,
            "still the end"
        );
    });
}

#[apply(on_each_driver)]
fn dropped_reads_and_writes_lose_no_byte() {
    block_on(async {
        let mut chance = Random::seeded();
        let (mut sender, mut receiver) = pipe().unwrap();
        let seed = chance.next();
        let writer = spawn(async move {
            let mut chance = Random::with_seed(seed);
            let mut sent = 0;
            while sent < LARGE as u64 {
                let len = 1 + chance.below(100_000) as usize;
                let bytes = patterned(sent, len);
                // A write that is dropped while it waits has written nothing.
                while chance.once_in(2) {
                    if let Poll::Ready(written) = glance(sender.write(&bytes)) {
                        let written = written.unwrap() as u64;
                        sent += written;
                        yield_now().await;
                        break;
                    }
                    yield_now().await;
                }
                let bytes = patterned(sent, len);
                sent += soon("room", sender.write(&bytes)).await.unwrap() as u64;
            }
            sent
        });
        let mut room = vec![0; 50_000];
        let mut received = 0;
        loop {
            let len = 1 + chance.below(50_000) as usize;
            let read = match glance(receiver.read(&mut room[..len])) {
                Poll::Ready(read) => read.unwrap(),
                Poll::Pending if chance.once_in(2) => {
                    yield_now().await;
                    continue;
                }
                Poll::Pending => soon("bytes", receiver.read(&mut room[..len]))
                    .await
                    .unwrap(),
            };
            if read == 0 {
                break;
            }
            check(&room[..read], received);
            received += read as u64;
        }
        assert_eq!(received, writer.await.unwrap());
    });
}

#[apply(on_each_driver)]
fn vectored_writes_take_the_pieces_in_order_and_wait_for_room() {
    /// More than a pipe holds.
    const LEN: usize = 512 << 10;
    block_on(async {
        let (mut sender, mut receiver) = pipe().unwrap();
        let writer = spawn(async move {
            let mut written = 0;
            while written < LEN {
                // Empty ones all over, and more than one call takes.
                let bytes = patterned(written as u64, 6_000.min(LEN - written));
                let mut pieces = vec![IoSlice::new(&[]); 2_000];
                for piece in bytes.chunks(5) {
                    pieces.extend([IoSlice::new(piece), IoSlice::new(&[])]);
                }
                // One that is given up was not made.
                match glance(sender.write_vectored(&pieces)) {
                    Poll::Ready(count) => written += count.unwrap(),
                    Poll::Pending => yield_now().await,
                }
            }
        });
        let mut all = Vec::new();
        let count = soon("the end", receiver.read_to_end(&mut all)).await;
        assert_eq!(count.unwrap(), LEN);
        check(&all, 0);
        writer.await.unwrap();
    });
}

#[apply(on_each_driver)]
fn a_write_that_is_only_tried_never_waits() {
    block_on(async {
        let (mut sender, mut receiver) = pipe().unwrap();
        assert_eq!(sender.try_write_vectored(&[IoSlice::new(&[])]).unwrap(), 0);
        let mut written = 0;
        let full = loop {
            let bytes = patterned(written, 3_000);
            let (head, tail) = bytes.split_at(1_000);
            let pieces = [IoSlice::new(head), IoSlice::new(tail)];
            match sender.try_write_vectored(&pieces) {
                Ok(count) => written += count as u64,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        // So many go whole or not at all.
        let refused = sender.try_write(&[0; 4096]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        let mut all = vec![0; written as usize];
        receiver.read_exact(&mut all).await.unwrap();
        check(&all, 0);
        assert_eq!(sender.try_write(b"room").unwrap(), 4);
        drop(receiver);
        let error = sender.write_vectored(&[IoSlice::new(b"x")]).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[apply(on_each_driver)]
fn a_dropped_read_to_end_keeps_what_it_has_read() {
    block_on(async {
        let (mut sender, mut receiver) = pipe().unwrap();
        let mut all = b"before".to_vec();
        sender.write_all(b" first").await.unwrap();
        assert!(glance(receiver.read_to_end(&mut all)).is_pending());
        assert_eq!(all, b"before first");
        sender.write_all(b" second").await.unwrap();
        drop(sender);
        assert_eq!(receiver.read_to_end(&mut all).await.unwrap(), 7);
        assert_eq!(all, b"before first second");
    });
}

#[apply(on_each_driver)]
fn each_side_hears_of_the_others_end() {
    block_on(async {
        let (sender, mut receiver) = pipe().unwrap();
        let reader = spawn(async move { receiver.read(&mut [0; 8]).await });
        yield_now().await;
        drop(sender);
        assert_eq!(soon("the end", reader).await.unwrap().unwrap(), 0);

        let (mut sender, receiver) = pipe().unwrap();
        let writer = spawn(async move { sender.write_all(&[7; 1 << 20]).await });
        yield_now().await;
        drop(receiver);
        let error = soon("the failure", writer).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);

        let (sender, mut receiver) = pipe().unwrap();
        let mut room = [0; 4];
        assert!(glance(receiver.read_exact(&mut room)).is_pending());
        drop(sender);
        let error = receiver.read_exact(&mut room).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[apply(on_each_driver)]
fn an_empty_slice_never_waits() {
    block_on(async {
        let (mut sender, mut receiver) = pipe().unwrap();
        assert_eq!(receiver.read(&mut []).await.unwrap(), 0);
        assert_eq!(sender.write(&[]).await.unwrap(), 0);
    });
}

#[apply(on_each_driver)]
fn an_end_that_is_given_away_is_blocking_and_no_longer_the_loops() {
    block_on(async {
        let (sender, mut receiver) = pipe().unwrap();
        // One read waits, and one has been dropped.
        assert!(glance(receiver.read(&mut [0; 8])).is_pending());
        yield_now().await;
        let mut plain_receiver = File::from(receiver.into_owned_fd().unwrap());
        let mut plain_sender = File::from(sender.into_owned_fd().unwrap());
        let reader = std::thread::spawn(move || {
            let mut room = [0; 8];
            let read = plain_receiver.read(&mut room).unwrap();
            (plain_receiver, room[..read].to_vec())
        });
        yield_now().await;
        plain_sender.write_all(b"plain").unwrap();
        until("the read", || reader.is_finished()).await;
        let (plain_receiver, bytes) = reader.join().unwrap();
        assert_eq!(bytes, b"plain");

        // And back to a loop.
        let mut sender = Sender::from_owned_fd(plain_sender.into()).unwrap();
        let mut receiver = Receiver::from_owned_fd(plain_receiver.into()).unwrap();
        let reader = spawn(async move {
            let mut room = [0; 5];
            receiver.read_exact(&mut room).await.map(|()| room)
        });
        yield_now().await;
        sender.write_all(b"again").await.unwrap();
        let read = soon("the bytes", reader).await.unwrap();
        assert_eq!(&read.unwrap(), b"again");
    });
}

#[apply(on_each_driver)]
fn only_the_right_end_of_a_pipe_is_taken_over() {
    block_on(async {
        let refused = |taken: io::Result<()>, why: &str| {
            let error = taken.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(why), "{error}");
        };
        let receiver = |fd: OwnedFd| Receiver::from_owned_fd(fd).map(drop);
        let sender = |fd: OwnedFd| Sender::from_owned_fd(fd).map(drop);
        let (read, write) = io::pipe().unwrap();
        refused(receiver(write.into()), "the other end");
        refused(sender(read.into()), "the other end");
        let null = File::options().read(true).write(true).open("/dev/null");
        refused(receiver(null.unwrap().into()), "not a pipe");
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        refused(
            sender(socket.as_fd().try_clone_to_owned().unwrap()),
            "not a pipe",
        );
        let error = Receiver::open("/dev/null").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("/dev/null"), "{error}");
        let error = Sender::open("/no/such/fifo").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/no/such/fifo"), "{error}");
    });
}

#[apply(on_each_driver)]
fn a_fifo_is_read_from_the_first_writer_to_the_last() {
    block_on(async {
        let fifo = Fifo::new("first-to-last");
        assert!(Sender::open(&fifo.0).is_err(), "nobody reads");
        let mut receiver = Receiver::open(&fifo.0).unwrap();
        let has_read = Rc::new(Cell::new(false));
        let reader = spawn({
            let has_read = has_read.clone();
            async move {
                let mut all = Vec::new();
                receiver.read_to_end(&mut all).await.unwrap();
                has_read.set(true);
                (receiver, all)
            }
        });
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(!has_read.get(), "no writer has come, so none has gone");
        let mut first = Sender::open(&fifo.0).unwrap();
        let mut last = Sender::open(&fifo.0).unwrap();
        first.write_all(b"first ").await.unwrap();
        drop(first);
        yield_now().await;
        last.write_all(b"last").await.unwrap();
        drop(last);
        let (mut receiver, all) = soon("the end", reader).await.unwrap();
        assert_eq!(all, b"first last");

        let mut next = Sender::open(&fifo.0).unwrap();
        assert!(glance(receiver.read(&mut [0; 4])).is_pending());
        next.write_all(b"next").await.unwrap();
        let mut room = [0; 4];
        soon("the next", receiver.read_exact(&mut room))
            .await
            .unwrap();
        assert_eq!(&room, b"next");
    });
}

#[apply(on_each_driver)]
fn descriptors_are_as_before() {
    alone("descriptors_are_as_before", || {
        let runtime = runtime(1);
        let before = descriptors();
        runtime.block_on(async {
            for _ in 0..1000 {
                let (mut sender, mut receiver) = pipe().unwrap();
                assert!(glance(receiver.read(&mut [0; 8])).is_pending());
                while glance(sender.write(&[0; 4096])).is_ready() {}
                drop((sender, receiver));
                yield_now().await;
                let (sender, mut receiver) = pipe().unwrap();
                assert!(glance(receiver.read(&mut [0; 8])).is_pending());
                drop(receiver.into_owned_fd().unwrap());
                drop(sender);
            }
            until("all closed", || descriptors() == before).await;
        });
        drop(runtime);
    });
}

#[apply(on_each_driver)]
fn an_end_that_outlives_its_loop_fails_and_closes() {
    let (mut sender, mut receiver) = {
        let runtime = runtime(1);
        runtime.block_on(async {
            let (sender, mut receiver) = pipe().unwrap();
            assert!(glance(receiver.read(&mut [0; 8])).is_pending());
            (sender, receiver)
        })
    };
    block_on(async {
        assert_eq!(sender.write(b"x").await.unwrap(), 1, "needs no loop");
        let read = glance(receiver.read(&mut [0; 8]));
        assert!(matches!(read, Poll::Ready(Err(_))), "{read:?}");
    });
}
