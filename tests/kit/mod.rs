//! What the tests share: waiting for events, looking at the process, children, reproducible chance.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod child;
pub mod process;
pub mod random;
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
            let meant = info
                .payload_as_str()
                .is_some_and(|text| text.contains(ON_PURPOSE));
            if !meant {
                report(info);
            }
        }));
    });
}
