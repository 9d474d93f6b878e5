//! One loop, or one runtime, on the first processor, with its pool: where the suites without a
//! second one do their work.

use std::io;

use ringmill::DriverKind;
use tokio::runtime;

use super::{Lap, Work};
use crate::confine;
use crate::server::Driver;

/// Runs `measured` on a runtime of Ringmill's with one loop.
pub fn ringmill(
    work: &Work,
    driver: DriverKind,
    measured: impl AsyncFnOnce() -> io::Result<Lap>,
) -> io::Result<Lap> {
    let runtime = ringmill::Builder::new().loops(1).driver(driver).build()?;
    confine::pin(&work.cpus[..1])?;
    let driver = runtime.handle().driver();
    Ok(runtime.block_on(measured())?.on(Driver::from(driver)))
}

/// Runs `measured` on a current-thread runtime of Tokio's. The pool's threads are given both
/// processors, as Ringmill's are.
pub fn tokio(work: &Work, measured: impl AsyncFnOnce() -> io::Result<Lap>) -> io::Result<Lap> {
    let cpus = work.cpus;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_start(move || {
            // Refused, it measures the pool on one processor, which shows.
            let _ = confine::pin(&cpus);
        })
        .build()?;
    confine::pin(&cpus[..1])?;
    runtime.block_on(measured())
}
