//! Files past the page cache (`O_DIRECT`): what is written is read again, and no driver waits for the
//! disk on its loop.

mod kit;

use kit::driver::{apply, on_each_driver, on_epoll};
use kit::random::patterned;
use kit::scratch::Scratch;
use kit::wait::soon;
use kit::{build, builder, runtime};
use ringmill::blocking::{Pool, spawn_blocking};
use ringmill::fs::{File, OpenOptions};
use ringmill::{AlignedBuf, yield_now};
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};

/// A file that is open past the page cache, if this file system can do that.
async fn direct(directory: &Scratch) -> Option<File> {
    let options = OpenOptions::new().read(true).write(true).create(true);
    let path = directory.path().join("direct");
    match soon("the file", options.direct(true).open(path)).await {
        Ok(file) => Some(file),
        // A file system in memory may not have it.
        Err(error) if error.kind() == ErrorKind::InvalidInput => None,
        Err(error) => panic!("{error}"),
    }
}

/// A buffer with what a file has at `offset`.
fn block(offset: u64, len: usize) -> AlignedBuf {
    let mut block = AlignedBuf::new(len);
    block.copy_from_slice(&patterned(offset, len));
    block
}

#[apply(on_each_driver)]
fn past_the_page_cache_with_aligned_buffers() {
    runtime(1).block_on(async {
        let directory = Scratch::new();
        let Some(file) = direct(&directory).await else {
            return;
        };
        let mut buffer = block(0, 64 * 1024);
        for offset in [0, 64 * 1024, 0] {
            let (written, back) = soon("a write", file.write_all_at(buffer, offset)).await;
            written.unwrap();
            buffer = back;
        }
        let room = AlignedBuf::new(64 * 1024);
        let (read, room) = soon("a read", file.read_exact_at(room, 64 * 1024)).await;
        read.unwrap();
        assert!(*room == *buffer);
        // A buffer that lies anywhere is refused by the file system, and comes back.
        let (read, crooked) = file.read_at(vec![0; 4096 + 1], 1).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(crooked.capacity() > 4096);
    });
}

#[apply(on_each_driver)]
fn several_aligned_buffers_at_once() {
    runtime(1).block_on(async {
        let directory = Scratch::new();
        let Some(file) = direct(&directory).await else {
            return;
        };
        let blocks = vec![block(0, 4096), block(4096, 12_288), block(16_384, 4096)];
        let (written, _) = soon("a write", file.write_all_vectored_at(blocks, 0)).await;
        written.unwrap();
        let rooms = vec![AlignedBuf::new(16_384), AlignedBuf::new(4096)];
        let (read, rooms) = soon("a read", file.read_exact_vectored_at(rooms, 0)).await;
        read.unwrap();
        assert!(*rooms[0] == patterned(0, 16_384) && *rooms[1] == patterned(16_384, 4096));
        // One that lies anywhere spoils it for all, and they come back.
        let crooked = vec![vec![0; 4096 + 1], vec![0; 4096]];
        let (read, crooked) = file.read_vectored_at(crooked, 1).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(crooked.len() == 2 && crooked[0].capacity() > 4096);
    });
}

/// The only attempt that does not wait for the disk is none: while the pool's one thread is busy, such
/// a read does not even begin, and the loop goes on.
#[apply(on_epoll)]
fn without_a_ring_the_pool_waits_for_the_disk_and_the_loop_does_not() {
    let pool = Pool::builder("one").threads(1);
    let runtime = build(builder(1).blocking_pool(pool));
    runtime.block_on(async {
        let directory = Scratch::new();
        let Some(file) = direct(&directory).await else {
            return;
        };
        let (written, _) = soon("a write", file.write_all_at(block(0, 8192), 0)).await;
        written.unwrap();
        let (release, released) = mpsc::channel::<()>();
        let busy = spawn_blocking(move || released.recv());
        let mut plain = pin!(file.read_at(AlignedBuf::new(4096), 4096));
        let rooms = vec![AlignedBuf::new(4096), AlignedBuf::new(4096)];
        let mut vectored = pin!(file.read_vectored_at(rooms, 0));
        let mut write = pin!(file.write_at(block(8192, 4096), 8192));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..1_000 {
            assert!(plain.as_mut().poll(&mut cx).is_pending());
            assert!(vectored.as_mut().poll(&mut cx).is_pending());
            assert!(write.as_mut().poll(&mut cx).is_pending());
            yield_now().await;
        }
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        let (read, room) = soon("the read", plain).await;
        assert_eq!(
            (read.unwrap(), &room[..]),
            (4096, &patterned(4096, 4096)[..])
        );
        let (read, rooms) = soon("the reads", vectored).await;
        assert_eq!(read.unwrap(), 8192);
        assert!(*rooms[0] == patterned(0, 4096) && *rooms[1] == patterned(4096, 4096));
        assert_eq!(soon("the write", write).await.0.unwrap(), 4096);
    });
}
