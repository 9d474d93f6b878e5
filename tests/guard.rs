//! The guard allocator: that it catches what it is there to catch, and nothing else.

mod kit;

use kit::child::{Running, is_child};
use kit::driver::{apply, on_each_driver, on_uring};
use kit::runtime;
use kit::wait::{soon, until};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{GuardAllocator, IoBuf, yield_now};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::task::{Context, Waker};

#[global_allocator]
static GUARD: GuardAllocator = GuardAllocator;

/// More than the sockets' own buffers take, so that a send of it stays in flight.
const LEN: usize = 16 << 20;
const LAYOUT: Layout = match Layout::from_size_align(LEN, 1) {
    Ok(layout) => layout,
    Err(_) => panic!(),
};

/// A buffer that breaks the promise of its trait: its memory is freed by others.
struct Liar(*mut u8);

impl Liar {
    fn new() -> Self {
        // SAFETY: the layout has a size.
        let memory = unsafe { alloc(LAYOUT) };
        assert!(!memory.is_null());
        // SAFETY: the block is LEN bytes long.
        unsafe { memory.write_bytes(7, LEN) };
        Liar(memory)
    }
}

// SAFETY: none. That is the fault which the guard is to catch.
unsafe impl IoBuf for Liar {
    fn as_slice(&self) -> &[u8] {
        // SAFETY: the memory is there until the test frees it, which ends the process.
        unsafe { std::slice::from_raw_parts(self.0, LEN) }
    }
}

/// Begins to send a buffer to a peer that does not read, and runs `fault` while the kernel has it.
fn in_flight(fault: impl FnOnce(*mut u8)) {
    runtime(1).block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let liar = Liar::new();
        let memory = liar.0;
        let mut send = pin!(stream.send(liar));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            assert!(send.as_mut().poll(&mut cx).is_pending());
            ringmill::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        fault(memory);
        panic!("nobody noticed");
    });
}

/// Runs the fault in a child, which must abort and say why.
fn must_abort(name: &str, says: &str, fault: impl FnOnce(*mut u8)) {
    if is_child(name) {
        in_flight(fault);
        return;
    }
    let ended = Running::start(name).finish();
    assert_eq!(
        ended.status.signal(),
        Some(libc::SIGABRT),
        "{}",
        ended.output
    );
    assert!(ended.output.contains(says), "{}", ended.output);
}

#[apply(on_uring)]
fn freeing_what_the_kernel_has_aborts() {
    must_abort(
        "freeing_what_the_kernel_has_aborts",
        "ringmill guard: memory that the kernel may touch was freed",
        // SAFETY: none: this is the fault.
        |memory| unsafe { dealloc(memory, LAYOUT) },
    );
}

#[apply(on_uring)]
fn reallocating_what_the_kernel_has_aborts() {
    must_abort(
        "reallocating_what_the_kernel_has_aborts",
        "ringmill guard: memory that the kernel may touch was reallocated",
        // SAFETY: none: this is the fault.
        |memory| unsafe {
            let _ = realloc(memory, LAYOUT, LEN * 2);
        },
    );
}

#[apply(on_each_driver)]
fn what_has_come_home_may_be_freed() {
    runtime(1).block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let reader = std::thread::spawn(move || {
            let mut peer = std::net::TcpStream::connect(address).unwrap();
            let mut room = vec![0; 1 << 20];
            let mut total = 0;
            loop {
                match peer.read(&mut room).unwrap() {
                    0 => break total,
                    count => total += count,
                }
            }
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        let (sent, liar) = soon("the send", stream.send(Liar::new())).await;
        sent.unwrap();
        // SAFETY: the buffer is back, and not used any more.
        unsafe { dealloc(liar.0, LAYOUT) };
        for _ in 0..100 {
            let (sent, mut buffer) = soon("a send", stream.send(vec![1; 10_000])).await;
            sent.unwrap();
            // Staged bytes, and a buffer that is reallocated right after its send.
            stream.write_all(&buffer).await.unwrap();
            buffer.resize(100_000, 2);
            drop(buffer);
            yield_now().await;
        }
        drop(stream);
        drop(TcpStream::connect(address).await.unwrap());
        until("the reader", || reader.is_finished()).await;
        assert_eq!(reader.join().unwrap(), LEN + 100 * 20_000);
    });
}

#[apply(on_each_driver)]
fn the_buffer_of_a_dropped_send_is_freed_only_when_the_kernel_is_done() {
    runtime(1).block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut peer = std::net::TcpStream::connect(address).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        {
            let mut send = pin!(stream.send(vec![3; LEN]));
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..10 {
                assert!(send.as_mut().poll(&mut cx).is_pending());
                ringmill::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        drop(stream);
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).unwrap();
            all.len()
        });
        until("the reader", || reader.is_finished()).await;
        assert_eq!(reader.join().unwrap(), LEN);
    });
}
