//! What the tests share: waiting for events, looking at the process, children, reproducible chance.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod child;
#[allow(
    unused_imports,
    unused_macros,
    reason = "each test binary uses its part"
)]
pub mod driver;
pub mod dropped;
pub mod polls;
pub mod process;
pub mod random;
pub mod scratch;
pub mod seccomp;
pub mod server;
pub mod tcp;
pub mod wait;

use ringmill::{Builder, Handle, Runtime, SpinPolicy};
use std::future::Future;
use std::sync::{Once, mpsc};

/// A runtime on the test's driver. It does not spin, so that the machine's processors are left to
/// the test's threads.
#[track_caller]
pub fn runtime(loops: usize) -> Runtime {
    build(builder(loops))
}

/// The settings of [`runtime`]. Nobody tells of tests that hold their loop up, as many do.
#[track_caller]
pub fn builder(loops: usize) -> Builder {
    let builder = Builder::new().driver(driver::current());
    builder
        .loops(loops)
        .spin(SpinPolicy::Efficient)
        .watchdog(None)
}

/// Builds what [`builder`] began, and checks that it has the test's driver.
///
/// # Panics
///
/// If it cannot be built.
#[track_caller]
pub fn build(builder: Builder) -> Runtime {
    let runtime = match builder.build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(runtime.handle().driver().kind, driver::current());
    runtime
}

/// Runs a future on a [`runtime`] of one loop, made for it.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    runtime(1).block_on(future)
}

/// Occupies loop `index` until the sender is dropped; returns once it is.
pub fn occupy(handle: &Handle, index: usize) -> mpsc::Sender<()> {
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (occupied, is_occupied) = mpsc::channel();
    drop(handle.spawn_on(index, move || async move {
        occupied.send(()).unwrap();
        let _ = may_go_on.recv();
    }));
    is_occupied.recv().unwrap();
    go_on
}

/// What tests panic with when they mean to.
pub const ON_PURPOSE: &str = "on purpose";

/// Keeps panics that are meant out of the log; others are reported as ever.
pub fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = match payload.downcast_ref::<&str>() {
                Some(text) => text,
                None => payload.downcast_ref::<String>().map_or("", String::as_str),
            };
            if !text.contains(ON_PURPOSE) {
                report(info);
            }
        }));
    });
}
