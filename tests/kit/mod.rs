//! What the tests share: waiting for events, looking at the process, children, reproducible chance.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod child;
pub mod dropped;
pub mod process;
pub mod random;
pub mod seccomp;
pub mod tcp;
pub mod wait;

use ringmill::{Builder, Runtime};
use std::sync::Once;

/// A runtime that does not spin, so that the machine's processors are left to the test's threads.
pub fn runtime(loops: usize) -> Runtime {
    builder(loops).build().expect("io_uring works here")
}

/// The settings of [`runtime`].
pub fn builder(loops: usize) -> Builder {
    Builder::new().loops(loops).spin(std::time::Duration::ZERO)
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
