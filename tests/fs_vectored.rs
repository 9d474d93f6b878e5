//! Several buffers that are read into or written as one: in order, however many, whatever is dropped.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::random::{Random, check, patterned};
use kit::runtime;
use kit::wait::soon;
use ringmill::fs::{self, OpenOptions};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::pin;
use std::task::Poll;

/// Buffers of these lengths, with what a file has at `offset`.
fn pieces(mut offset: u64, lengths: &[usize]) -> Vec<Vec<u8>> {
    let piece = |&len: &usize| {
        let piece = patterned(offset, len);
        offset += len as u64;
        piece
    };
    lengths.iter().map(piece).collect()
}

fn rooms(lengths: &[usize]) -> Vec<Vec<u8>> {
    lengths.iter().map(|&len| Vec::with_capacity(len)).collect()
}

#[apply(on_each_driver)]
fn buffers_are_written_and_filled_in_their_order() {
    runtime(1).block_on(async {
        let file = fs::temporary_file().await.unwrap();
        let lengths = [5, 0, 4096, 1, 100_000];
        let sum: usize = lengths.iter().sum();
        let (written, back) =
            soon("the write", file.write_vectored_at(pieces(0, &lengths), 0)).await;
        assert_eq!((written.unwrap(), &back), (sum, &pieces(0, &lengths)));
        let (read, back) = soon("the read", file.read_exact_vectored_at(rooms(&lengths), 0)).await;
        read.unwrap();
        assert!(back == pieces(0, &lengths));
        // Shared bytes, elsewhere.
        let shared: std::sync::Arc<[u8]> = patterned(sum as u64, 50).into();
        let (written, _) = file.write_all_vectored_at(vec![shared], sum as u64).await;
        written.unwrap();
        // The end of the file is in the second of three, which have a length of their own or not.
        let at = sum as u64 + 50 - 30;
        let (read, back) = file.read_vectored_at(vec![vec![7; 20]; 3], at).await;
        assert_eq!(read.unwrap(), 30);
        assert_eq!(back, [patterned(at, 20), patterned(at + 20, 10), vec![]]);
        let boxed = vec![vec![7; 20].into_boxed_slice(); 3];
        let (read, back) = file.read_vectored_at(boxed, at).await;
        assert_eq!(read.unwrap(), 30);
        assert_eq!(back[1][..10], patterned(at + 20, 10));
        assert_eq!((&back[1][10..], &back[2][..]), (&[7; 10][..], &[7; 20][..]));
        let (read, back) = file.read_exact_vectored_at(rooms(&[20, 20]), at).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(back, [patterned(at, 20), patterned(at + 20, 10)]);
        // Nothing to read into, nothing to write.
        let (read, back) = file.read_vectored_at(Vec::<Vec<u8>>::new(), 0).await;
        assert_eq!((read.unwrap(), back.len()), (0, 0));
        assert_eq!(file.read_vectored_at(rooms(&[0, 0]), 0).await.0.unwrap(), 0);
        let (written, _) = file.write_vectored_at(vec!["", ""], 0).await;
        assert_eq!(written.unwrap(), 0);
        file.write_all_vectored_at(vec![""], 0).await.0.unwrap();
    });
}

#[apply(on_each_driver)]
fn more_buffers_than_one_call_takes() {
    runtime(1).block_on(async {
        const MOST: usize = 1024;
        let file = fs::temporary_file().await.unwrap();
        // Empty ones do not count.
        let lengths: Vec<usize> = (0..7_500).map(|at| at % 3 * 10).collect();
        let all = pieces(0, &lengths);
        let whole: Vec<u8> = all.concat();
        let (written, _) = soon("a write", file.write_vectored_at(all.clone(), 0)).await;
        assert_eq!(written.unwrap(), MOST / 2 * 30);
        let (written, _) = soon("the write", file.write_all_vectored_at(all.clone(), 0)).await;
        written.unwrap();
        let (read, back) = soon("the read", file.read_exact_at(vec![0; whole.len()], 0)).await;
        read.unwrap();
        assert!(back == whole);
        let (read, some) = soon("a read", file.read_vectored_at(rooms(&lengths), 0)).await;
        assert_eq!(read.unwrap(), MOST / 2 * 30);
        let (read, back) = soon("the read", file.read_exact_vectored_at(some, 0)).await;
        read.unwrap();
        assert!(back == all);
    });
}

#[apply(on_each_driver)]
fn what_fails_is_told_and_the_buffers_come_back() {
    runtime(1).block_on(async {
        let options = OpenOptions::new().write(true);
        let full = options.open("/dev/full").await.unwrap();
        let (written, back) = soon("an error", full.write_all_vectored_at(vec!["a", "b"], 0)).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(back, ["a", "b"]);
        let (read, back) = soon("an error", full.read_vectored_at(vec![vec![1; 10]; 2], 0)).await;
        assert_eq!(read.unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert_eq!(back, [[]; 2]);
        let (read, _) = full.read_vectored_at(vec![vec![1; 10]; 2], u64::MAX).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput);
        let (written, _) = full.write_vectored_at(vec!["a"], u64::MAX).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[apply(on_each_driver)]
fn vectored_reads_and_writes_may_be_dropped_at_any_poll() {
    const LEN: u64 = 1 << 20;
    let mut random = Random::seeded();
    runtime(1).block_on(async {
        let file = fs::temporary_file().await.unwrap();
        let (written, _) = file.write_all_at(patterned(0, LEN as usize), 0).await;
        written.unwrap();
        for _ in 0..500 {
            let lengths: Vec<usize> = (0..random.below(20))
                .map(|_| random.below(3_000) as usize)
                .collect();
            let at = random.below(LEN - 60_000);
            let mut left = random.below(4);
            let mut read = pin!(file.read_vectored_at(rooms(&lengths), at));
            let done = poll_fn(|cx| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                left -= 1;
                read.as_mut().poll(cx).map(Some)
            })
            .await;
            if let Some((read, back)) = done {
                let back = back.concat();
                assert_eq!(back.len(), read.unwrap());
                check(&back, at);
            }
            // The same bytes again: whether it happens does not matter.
            let mut write = pin!(file.write_vectored_at(pieces(at, &lengths), at));
            let mut left = random.below(3);
            poll_fn(|cx| {
                if left == 0 || write.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                left -= 1;
                Poll::Pending
            })
            .await;
        }
        let (read, all) = soon("the read", file.read_exact_at(vec![0; LEN as usize], 0)).await;
        read.unwrap();
        check(&all, 0);
    });
}
