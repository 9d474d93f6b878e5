//! Calls that may wait for the disk, in the pool of the runtime.

use crate::blocking;
use crate::event_loop::proceed_free;
use crate::sys::lock;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Runs a call in the pool.
pub(super) async fn call<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    proceed_free().await;
    blocking::spawn_blocking(work).await?
}

/// Runs a call about a path in the pool; an error names the path, and what was to be done with it.
pub(super) fn call_for<T: Send + 'static>(
    doing: &'static str,
    path: impl AsRef<Path>,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> impl Future<Output = io::Result<T>> {
    let path = path.as_ref().to_owned();
    call(move || work(&path).map_err(|error| about(doing, &path, &error)))
}

/// The error, and what it is about. Its kind stays.
pub(super) fn about(doing: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{doing} {}: {error}", path.display()))
}

/// Runs a call with a buffer in the pool; the buffer comes back also where the call could not be
/// made.
pub(super) async fn call_with<B: Send + 'static, T: Send + 'static>(
    buffer: B,
    work: impl FnOnce(&mut B) -> io::Result<T> + Send + 'static,
) -> (io::Result<T>, B) {
    proceed_free().await;
    // A job that is never begun drops its closure: what is in here is not in there.
    let lent = Arc::new(Mutex::new(Some(buffer)));
    let there = lent.clone();
    let job = blocking::spawn_blocking(move || {
        let mut buffer = lock(&there).take()?;
        let result = work(&mut buffer);
        Some((result, buffer))
    });
    match job.await {
        Ok(Some(done)) => done,
        Ok(None) => unreachable!("nobody else takes the buffer while the job is awaited"),
        Err(error) => match lock(&lent).take() {
            Some(buffer) => (Err(error.into()), buffer),
            // What the buffer's own code (its `as_slice`) panicked with.
            None => std::panic::resume_unwind(error.into_panic()),
        },
    }
}
