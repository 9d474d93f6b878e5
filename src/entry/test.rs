//! One test of `#[ringmill::test]`, and its end if it does not come by itself.

use crate::driver::DriverKind;
use crate::event_loop::SpinPolicy;
use crate::runtime::Builder;
use crate::sys::lock;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Waker;
use std::thread;
use std::time::Duration;

/// How long a test whose time is over has to fail by itself. A loop that turns needs far less.
const GRACE: Duration = Duration::from_secs(1);

/// How long its runtime then has to end: it waits for its pools and its streams, for
/// [`Builder::drain_timeout`] each, which is less.
const END: Duration = Duration::from_secs(10);

/// The settings of a test.
pub struct Test {
    module: &'static str,
    name: &'static str,
    builder: Builder,
    timeout: Option<Duration>,
}

impl Test {
    /// A test by the name that the harness shows without the crate's, on one loop that leaves the
    /// processors to the tests beside it.
    pub fn new(module: &'static str, name: &'static str, driver: DriverKind) -> Self {
        let builder = Builder::new().driver(driver).loops(1);
        Test {
            module,
            name,
            builder: builder.spin(SpinPolicy::Efficient).watchdog(None),
            timeout: None,
        }
    }

    /// On so many loops.
    pub fn loops(mut self, count: usize) -> Self {
        self.builder = self.builder.loops(count);
        self
    }

    /// With this seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.builder = self.builder.seed(seed);
        self
    }

    /// With a clock that jumps.
    #[cfg(feature = "test-util")]
    pub fn mock_clock(mut self) -> Self {
        let clock = crate::test_util::MockClock::autojump();
        self.builder = self.builder.mock_clock(&clock);
        self
    }

    /// For so long at most, in real time.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Runs it on this thread.
    ///
    /// # Panics
    ///
    /// If it does, if it takes too long, or if there can be no such runtime.
    #[track_caller]
    pub fn run<F: Future>(self, test: impl FnOnce() -> F) -> F::Output {
        let deadline = self.timeout.map(|limit| {
            let name = format!("{}::{}", self.module, self.name);
            Deadline::start(name, limit)
        });
        let runtime = match self.builder.build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        };
        match &deadline {
            None => runtime.block_on(test()),
            Some(deadline) => runtime.block_on(deadline.or_panic(test())),
        }
    }
}

/// Fails a test that takes too long; ends the process where that does not help. Dropping it tells
/// that the test, and its runtime, have ended.
struct Deadline {
    shared: Arc<Shared>,
    _ended: mpsc::Sender<()>,
}

struct Shared {
    name: String,
    limit: Duration,
    is_over: AtomicBool,
    /// The test has ended, one way or another, and its runtime is to.
    has_ended: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Deadline {
    fn start(name: String, limit: Duration) -> Self {
        let shared = Arc::new(Shared {
            name,
            limit,
            is_over: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            waker: Mutex::new(None),
        });
        let (_ended, ends) = mpsc::channel();
        let watched = shared.clone();
        let watch = move || watched.watch(&ends);
        let thread = thread::Builder::new().name("ringmill-timeout".to_owned());
        if let Err(error) = thread.spawn(watch) {
            panic!("no thread for the timeout of a test: {error}");
        }
        Deadline { shared, _ended }
    }

    /// Runs the test as long as it may.
    async fn or_panic<F: Future>(&self, test: F) -> F::Output {
        let shared = &self.shared;
        // After the test's own values.
        let _ends = Ends(shared);
        let mut test = pin!(test);
        poll_fn(|cx| {
            let waker = cx.waker().clone();
            let old = lock(&shared.waker).replace(waker);
            drop(old);
            // After the waker is there: whoever ends the time takes it after saying so.
            if shared.is_over.load(Ordering::Acquire) {
                panic!(
                    "the test {} is not done after {:?}",
                    shared.name, shared.limit
                );
            }
            test.as_mut().poll(cx)
        })
        .await
    }
}

impl Shared {
    fn watch(&self, ends: &mpsc::Receiver<()>) {
        let timed_out = |limit| ends.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if !timed_out(self.limit) {
            return;
        }
        self.is_over.store(true, Ordering::Release);
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
        if !timed_out(GRACE) {
            return;
        }
        let why = if !self.has_ended.load(Ordering::Acquire) {
            "its loop is blocked"
        } else if timed_out(END) {
            "its runtime does not end"
        } else {
            return;
        };
        // Past the harness, which would keep it until the end of the test.
        let _ = writeln!(
            std::io::stderr(),
            "ringmill: the test {} is not done after {:?}, and {why}: aborting",
            self.name,
            self.limit
        );
        std::process::abort();
    }
}

/// Says at its drop that the test has ended.
struct Ends<'a>(&'a Shared);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::Release);
    }
}
