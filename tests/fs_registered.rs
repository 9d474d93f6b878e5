//! Registered buffers: files are read and written with them as with others, on every driver, on every
//! loop, also where the kernel takes no more; and what is dropped is given back.

mod kit;

use kit::driver::{self, apply, on_each_driver};
use kit::random::{check, patterned};
use kit::scratch::Scratch;
use kit::wait::{soon, until};
use kit::{block_on, runtime};
use ringmill::fs::{self, File, OpenOptions, RegisteredBuf, RegisteredBuffers};
use ringmill::{DriverKind, spawn, yield_now};
use std::io::ErrorKind;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

const BLOCK: usize = 4096;

/// A file to read and write, past the page cache where that is possible.
async fn file(directory: &Scratch) -> File {
    let options = OpenOptions::new().read(true).write(true).create(true);
    let path = directory.path().join("file");
    match options.clone().direct(true).open(&path).await {
        Err(error) if error.kind() == ErrorKind::InvalidInput => options.open(&path).await.unwrap(),
        file => file.unwrap(),
    }
}

/// Writes block `number` of a file, and reads it again.
async fn there_and_back(file: &File, mut buffer: RegisteredBuf, number: u64) -> RegisteredBuf {
    let offset = number * BLOCK as u64;
    buffer.copy_from_slice(&patterned(offset, BLOCK));
    let (written, mut buffer) = soon("a write", file.write_all_at(buffer, offset)).await;
    written.unwrap();
    buffer.fill(0);
    let (read, buffer) = soon("a read", file.read_exact_at(buffer, offset)).await;
    read.unwrap();
    check(&buffer, offset);
    buffer
}

#[apply(on_each_driver)]
fn many_at_a_time_and_each_has_its_own_bytes() {
    block_on(async {
        let directory = Scratch::new();
        let file = Rc::new(file(&directory).await);
        let buffers = RegisteredBuffers::new(16, BLOCK).unwrap();
        let is_ring = driver::current() == DriverKind::Uring;
        assert_eq!(buffers.is_registered(), is_ring);
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let (file, mut buffer) = (file.clone(), buffers.take().unwrap());
                assert!((buffer.len(), buffer.as_ptr().addr() % BLOCK) == (BLOCK, 0));
                spawn(async move {
                    for round in 0..20 {
                        buffer = there_and_back(&file, buffer, round * 16 + task).await;
                    }
                })
            })
            .collect();
        assert!(buffers.take().is_none(), "all are out");
        for task in tasks {
            task.await.unwrap();
        }
        assert!(buffers.take().is_some(), "they came back");
        // Several at once, which are memory like any other there; and a file in the page cache.
        let both = vec![buffers.take().unwrap(), buffers.take().unwrap()];
        let (read, both) = file.read_exact_vectored_at(both, 0).await;
        read.unwrap();
        check(&both.concat_bytes(), 0);
        let cached = fs::temporary_file().await.unwrap();
        there_and_back(&cached, buffers.take().unwrap(), 3).await;
    });
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<RegisteredBuf> {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|buffer| buffer.to_vec()).collect()
    }
}

#[apply(on_each_driver)]
fn on_another_loop_and_after_their_own_they_are_memory() {
    let directory = Scratch::new();
    let mut buffer = {
        let runtime = runtime(2);
        let other = runtime.handle().loops()[1].clone();
        runtime.block_on(async {
            let file = Arc::new(file(&directory).await);
            let buffers = RegisteredBuffers::new(1, BLOCK).unwrap();
            let buffer = buffers.take().unwrap();
            let there = file.clone();
            let moved = other.spawn(move || async move { there_and_back(&there, buffer, 5).await });
            let buffer = soon("the other loop", moved).await.unwrap();
            // The pool may go before its buffers.
            drop(buffers);
            there_and_back(&file, buffer, 1).await
        })
    };
    buffer = block_on(async { there_and_back(&file(&directory).await, buffer, 2).await });
    check(&buffer, 2 * BLOCK as u64);
}

#[apply(on_each_driver)]
fn past_what_a_ring_takes_they_work_all_the_same_and_places_are_used_again() {
    const MOST: usize = 64;
    block_on(async {
        let directory = Scratch::new();
        let file = file(&directory).await;
        let is_ring = driver::current() == DriverKind::Uring;
        for round in 0..3 {
            let all: Vec<_> = (0..MOST + 2)
                .map(|_| RegisteredBuffers::new(1, BLOCK).unwrap())
                .collect();
            let registered = all.iter().filter(|one| one.is_registered()).count();
            assert_eq!(registered, if is_ring { MOST } else { 0 }, "{round}");
            for (one, number) in all.iter().zip(round..) {
                there_and_back(&file, one.take().unwrap(), number).await;
            }
            if round == 1 {
                // On another thread.
                let dropped = std::thread::spawn(move || drop(all));
                until("the drops", || dropped.is_finished()).await;
            }
        }
    });
}

#[apply(on_each_driver)]
fn a_dropped_operation_keeps_its_buffer_until_the_kernel_is_done() {
    block_on(async {
        let directory = Scratch::new();
        let file = file(&directory).await;
        let first = RegisteredBuffers::new(1, BLOCK).unwrap();
        there_and_back(&file, first.take().unwrap(), 0).await;
        drop(first);
        let mut cx = Context::from_waker(Waker::noop());
        for round in 0..200 {
            let buffers = RegisteredBuffers::new(2, BLOCK).unwrap();
            {
                let mut read = pin!(file.read_at(buffers.take().unwrap(), 0));
                for _ in 0..round % 3 {
                    if read.as_mut().poll(&mut cx).is_ready() {
                        break;
                    }
                    yield_now().await;
                }
            }
            if round % 2 == 0 {
                // Both are there again, once the kernel has given up the one.
                let other = buffers.take().unwrap();
                let mut one = None;
                until("the buffer", || {
                    one = one.take().or_else(|| buffers.take());
                    one.is_some()
                })
                .await;
                assert!(buffers.take().is_none());
                there_and_back(&file, other, round).await;
            }
        }
    });
}
