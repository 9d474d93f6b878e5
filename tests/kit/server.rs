//! A server on a thread of its own, for clients that are none of its tasks.

use super::driver::carried;
use super::runtime;
use ringmill::Handle;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

/// A server that runs.
pub struct Serving {
    pub address: SocketAddr,
    pub handle: Handle,
    thread: JoinHandle<()>,
}

/// To be called with the server's address once it listens.
pub type Ready = Box<dyn FnOnce(SocketAddr)>;

impl Serving {
    /// Runs `serve` on a [`runtime`] of so many loops, and waits until the server listens.
    pub fn start(loops: usize, serve: impl AsyncFnOnce(Handle, Ready) + Send + 'static) -> Self {
        let (ready, is_ready) = mpsc::channel();
        let main = move || {
            let runtime = runtime(loops);
            let handle = runtime.handle().clone();
            let listens = Box::new({
                let handle = handle.clone();
                move |address| ready.send((address, handle)).unwrap()
            });
            runtime.block_on(serve(handle, listens));
        };
        let thread = thread::spawn(carried(main));
        let (address, handle) = is_ready.recv().unwrap();
        Serving {
            address,
            handle,
            thread,
        }
    }

    /// Drains the server, and waits for its end.
    pub fn end(self) {
        self.handle.drain();
        self.thread.join().unwrap();
    }
}
