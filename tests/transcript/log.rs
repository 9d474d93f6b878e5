//! The transcript: what happened, in the order of cause and effect, with nothing of when.

use crate::kit::wait::soon;
use ringmill::time::timeout;
use ringmill::yield_now;
use std::cell::RefCell;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::io;
use std::task::Poll;
use std::time::Duration;

/// How long an operation is given that nothing can make ready.
const LIMIT: Duration = Duration::from_millis(2);

/// The lines so far.
#[derive(Default)]
pub struct Log(RefCell<Vec<String>>);

impl Log {
    pub fn line(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    pub fn scene(&self, name: &str) {
        self.line(format!("== {name}"));
    }

    pub fn lines(self) -> Vec<String> {
        self.0.take()
    }

    /// Bytes that came.
    pub fn bytes(&self, what: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.line(format!("{what}: {} bytes {text:?}", bytes.len()));
    }

    /// What an operation gave: its value, or the error's kind.
    pub fn outcome<T: Debug>(&self, what: &str, result: io::Result<T>) {
        self.line(match result {
            Ok(value) => format!("{what}: {value:?}"),
            Err(error) => format!("{what}: {:?}", error.kind()),
        });
    }

    /// The same of one that gives nothing.
    pub fn done(&self, what: &str, result: io::Result<()>) {
        self.line(match result {
            Ok(()) => format!("{what}: ok"),
            Err(error) => format!("{what}: {:?}", error.kind()),
        });
    }

    /// The same of a read into a buffer.
    pub async fn read(&self, what: &str, read: impl AsyncFnOnce(&mut [u8]) -> io::Result<usize>) {
        let mut room = [0; 64];
        match soon(what, read(&mut room)).await {
            Ok(0) => self.line(format!("{what}: end")),
            Ok(count) => self.bytes(what, &room[..count]),
            Err(error) => self.line(format!("{what}: {:?}", error.kind())),
        }
    }

    /// Drops a future that waits, after the loop has handed it to the kernel.
    pub async fn cancelled<F: Future>(&self, what: &str, future: F) {
        self.overtaken(what, future, async || yield_now().await)
            .await;
    }

    /// Drops a future that waits, after what it waits for has happened and before it is asked
    /// again.
    pub async fn overtaken<F: Future>(&self, what: &str, future: F, event: impl AsyncFnOnce()) {
        let mut future = Box::pin(future);
        let waits = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
        event().await;
        drop(future);
        self.line(if waits {
            format!("cancelled at {what}")
        } else {
            format!("did not wait: {what}")
        });
    }

    /// Gives a future a limit that it is not to meet.
    pub async fn timed_out<F: Future>(&self, what: &str, future: F) {
        self.line(match timeout(LIMIT, future).await {
            Ok(_) => format!("came in time: {what}"),
            Err(elapsed) => format!("{what}: {:?}", io::Error::from(elapsed).kind()),
        });
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("so far:\n  {}", self.0.borrow().join("\n  "));
        }
    }
}
