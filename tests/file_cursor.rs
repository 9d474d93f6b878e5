//! Files in borrowed memory, and files to sockets.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::polls::cut;
use kit::random::{Random, patterned};
use kit::runtime;
use kit::wait::{soon, until};
use ringmill::fs::{self, File, OpenOptions};
use ringmill::net::{TcpListener, TcpStream};
use std::io::{ErrorKind, SeekFrom};

/// The same steps on a file and on memory, with futures dropped in between.
#[apply(on_each_driver)]
fn reads_writes_and_seeks_do_as_in_memory() {
    let mut random = Random::seeded();
    runtime(1).block_on(async {
        let file = soon("a file", fs::temporary_file()).await.unwrap();
        let mut cursor = file.cursor(0);
        let (mut model, mut at) = (Vec::<u8>::new(), 0_usize);
        for _ in 0..2_000 {
            match random.below(5) {
                0 | 1 => {
                    let bytes = patterned(0, random.below(20_000) as usize + 1);
                    let polls = random.below(3) + 1;
                    // What is taken is told, or nothing was.
                    if let Some(taken) = cut(cursor.write(&bytes), polls).await {
                        let taken = taken.unwrap();
                        model.resize(model.len().max(at + taken), 0);
                        model[at..at + taken].copy_from_slice(&bytes[..taken]);
                        at += taken;
                    }
                }
                2 | 3 => {
                    let mut room = vec![0; random.below(20_000) as usize + 1];
                    let polls = random.below(3) + 1;
                    if let Some(read) = cut(cursor.read(&mut room), polls).await {
                        let read = read.unwrap();
                        assert_eq!(read == 0, at >= model.len());
                        assert!(room[..read] == model[at.min(model.len())..][..read]);
                        at += read;
                    }
                }
                _ => {
                    let to = random.below(model.len() as u64 + 10);
                    let from = match random.below(3) {
                        0 => SeekFrom::Start(to),
                        1 => SeekFrom::Current(to as i64 - at as i64),
                        _ => SeekFrom::End(to as i64 - model.len() as i64),
                    };
                    let place = soon("the place", cursor.seek(from)).await.unwrap();
                    assert_eq!(place, to);
                    at = to as usize;
                }
            }
            assert_eq!(cursor.position(), at as u64);
        }
        cursor.seek(SeekFrom::Start(0)).await.unwrap();
        let mut all = Vec::new();
        soon("the whole", cursor.read_to_end(&mut all))
            .await
            .unwrap();
        assert!(all == model);
        let error = cursor
            .seek(SeekFrom::Current(-(1 << 40)))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[apply(on_each_driver)]
fn what_was_taken_is_written_though_the_cursor_is_dropped() {
    runtime(1).block_on(async {
        let directory = soon("a directory", fs::temporary_directory())
            .await
            .unwrap();
        let path = directory.path().join("file");
        let bytes = patterned(0, 300_000);
        let mut cursor = File::create(&path).await.unwrap().cursor(0);
        cursor.write_all(&bytes).await.unwrap();
        drop(cursor);
        until("the bytes", || std::fs::read(&path).unwrap() == bytes).await;
    });
}

#[apply(on_each_driver)]
fn an_error_of_what_was_taken_is_told_by_the_flush() {
    runtime(1).block_on(async {
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .await
            .unwrap();
        let mut cursor = full.cursor(0);
        cursor.write_all(b"no room").await.unwrap();
        let error = soon("an error", cursor.flush()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        soon("nothing left", cursor.flush()).await.unwrap();
    });
}

#[apply(on_each_driver)]
fn a_file_is_sent_from_a_place_and_no_more_than_was_asked_for() {
    runtime(1).block_on(async {
        let bytes = patterned(0, 3_000_000);
        let directory = soon("a directory", fs::temporary_directory())
            .await
            .unwrap();
        let path = directory.path().join("file");
        fs::write(&path, bytes.clone()).await.unwrap();
        let file = File::open(&path).await.unwrap();
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for (offset, len) in [
            (0, u64::MAX),
            (0, 10),
            (1_000, 1_000_001),
            (2_999_999, 5),
            (9_000_000, 5),
        ] {
            let receives = ringmill::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                let mut all = Vec::new();
                while let Some(bytes) = stream.recv().await.unwrap() {
                    all.extend_from_slice(&bytes);
                }
                all
            });
            let (mut stream, _) = soon("a connection", listener.accept()).await.unwrap();
            let sent = soon("the end", stream.send_file(&file, offset, len))
                .await
                .unwrap();
            drop(stream);
            let received = soon("the bytes", receives).await.unwrap();
            let rest = &bytes[(offset as usize).min(bytes.len())..];
            let expected = &rest[..rest.len().min(usize::try_from(len).unwrap_or(usize::MAX))];
            assert_eq!(sent, expected.len() as u64);
            assert!(received == expected, "{offset}, {len}");
        }
    });
}

#[apply(on_each_driver)]
fn a_seek_to_the_end_that_was_given_up_is_not_remembered() {
    runtime(1).block_on(async {
        let mut cursor = soon("a file", fs::temporary_file())
            .await
            .unwrap()
            .cursor(0);
        cursor.write_all(b"ten bytes.").await.unwrap();
        cursor.flush().await.unwrap();
        // Where it is not done at once it was given up; the place is the same.
        drop(cut(cursor.seek(SeekFrom::End(0)), 1).await);
        cursor.write_all(b"and as many").await.unwrap();
        cursor.flush().await.unwrap();
        let end = soon("the end", cursor.seek(SeekFrom::End(0)))
            .await
            .unwrap();
        assert_eq!(end, 21);
    });
}
