//! [`Builder`]: the settings of a runtime.

use super::error::BuildError;
use super::runtime::Runtime;
use super::watchdog::Watchdog;
use crate::blocking::{self, Pool, PoolBuilder};
use crate::driver::{self, DriverKind};
use crate::event_loop::{LoopClock, LoopConfig, SpinPolicy};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// Submissions that gather before a flush needs a second enter.
const RING_ENTRIES: u32 = 1024;
/// Completion queue entries for each submission queue entry: multishot operations complete many
/// times for one submission, and an overflow ends them.
const CQ_FACTOR: u32 = 8;
/// Buffers of a loop's pool. Sized by bytes in flight, not by connections: a batch of arrivals
/// rarely exceeds a few hundred. Memory that was never used is never touched.
const BUFFERS: u16 = 1024;
/// Bytes of one buffer: a page, which most requests fit in.
const BUFFER_LEN: u32 = 4096;
/// Polls a tick: completions wait at most that long for cheap tasks.
const POLL_BUDGET: u32 = 256;
/// Time a tick: completions wait at most that long for costly tasks.
const TIME_BUDGET: Duration = Duration::from_micros(500);
/// How long the end of a runtime waits for bytes that were accepted and not yet sent.
const DRAIN: Duration = Duration::from_secs(1);

/// Settings of a [`Runtime`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = ringmill::Builder::new().loops(2).name("api").build()?;
/// let sum = runtime.block_on(async { 1 + 1 });
/// assert_eq!(sum, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) driver: DriverKind,
    pub(super) loops: Option<usize>,
    pub(super) pin: Option<bool>,
    pub(super) name: String,
    pub(super) ring_entries: u32,
    pub(super) completion_entries: Option<u32>,
    pub(super) buffers: u16,
    pub(super) buffer_len: u32,
    pub(super) spin: SpinPolicy,
    pub(super) poll_budget: u32,
    pub(super) time_budget: Duration,
    pub(super) drain_timeout: Duration,
    pub(super) blocking: PoolBuilder,
    pub(super) compute_threads: Option<usize>,
    pub(super) watchdog: Option<Watchdog>,
    pub(super) clock: LoopClock,
    pub(super) seed: Option<u64>,
    pub(super) shuffle: bool,
    /// How many there are: files of the cgroup are read for it, so it is looked at once.
    processors: OnceLock<usize>,
}

impl Builder {
    /// The default settings: a loop for each processor.
    pub fn new() -> Self {
        Builder {
            driver: DriverKind::Auto,
            loops: None,
            pin: None,
            name: "ringmill".to_owned(),
            ring_entries: RING_ENTRIES,
            completion_entries: None,
            buffers: BUFFERS,
            buffer_len: BUFFER_LEN,
            spin: SpinPolicy::default(),
            poll_budget: POLL_BUDGET,
            time_budget: TIME_BUDGET,
            drain_timeout: DRAIN,
            blocking: Pool::builder("ringmill-blocking"),
            compute_threads: None,
            watchdog: Some(Watchdog::default()),
            clock: LoopClock::default(),
            seed: None,
            shuffle: false,
            processors: OnceLock::new(),
        }
    }

    /// How the loops speak to the kernel. Default [`DriverKind::Auto`]: io_uring, or epoll where
    /// io_uring is denied or missing, which one line on the standard error then tells.
    ///
    /// What is chosen here holds. Where it is left at `Auto`, whoever runs the program may choose
    /// by the environment variable `RINGMILL_DRIVER`: `auto`, `uring` or `epoll`.
    /// [`Handle::driver`](super::Handle::driver) tells what came of it.
    pub fn driver(mut self, kind: DriverKind) -> Self {
        self.driver = kind;
        self
    }

    /// How many loops, at least 1. Default: what `std::thread::available_parallelism` says, which
    /// heeds the processor set and the cgroup's quota.
    ///
    /// The first loop runs on the thread that calls [`Runtime::block_on`], each other one on a
    /// thread of its own.
    pub fn loops(mut self, count: usize) -> Self {
        self.loops = Some(count);
        self
    }

    /// Whether each loop is pinned to one of the allowed processors. Default: yes if there are
    /// several loops and at most as many as processors.
    pub fn pin(mut self, pin: bool) -> Self {
        self.pin = Some(pin);
        self
    }

    /// The name of the loops' threads, followed by a dash and the loop's number. Default
    /// "ringmill". The kernel shows 15 bytes of it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Submission queue entries of each ring, 1 to 32,768, rounded up to a power of two by the
    /// kernel. Default 1,024. Where RLIMIT_MEMLOCK does not allow that, the ring is made smaller,
    /// down to 64; it then takes more system calls.
    pub fn ring_entries(mut self, entries: u32) -> Self {
        self.ring_entries = entries;
        self
    }

    /// Completion queue entries of each ring, at least as many as submission entries. Default:
    /// 8 times as many. Completions beyond wait in the kernel, at a price.
    pub fn completion_entries(mut self, entries: u32) -> Self {
        self.completion_entries = Some(entries);
        self
    }

    /// The receive buffers of each loop: how many (a power of two, 1 to 32,768) and of how many
    /// bytes each (64 to 1 MiB). Default 1,024 of 4,096 bytes.
    pub fn buffer_pool(mut self, count: u16, len: u32) -> Self {
        self.buffers = count;
        self.buffer_len = len;
        self
    }

    /// Whether and for how long a loop with nothing to do looks for work before it blocks. Default
    /// [`SpinPolicy::Balanced`].
    pub fn spin(mut self, policy: SpinPolicy) -> Self {
        self.spin = policy;
        self
    }

    /// Polls in one tick before the loop looks at completions again, at least 1. Default 256.
    pub fn poll_budget(mut self, polls: u32) -> Self {
        self.poll_budget = polls;
        self
    }

    /// Time in one tick before the loop looks at completions again. Default 500 µs.
    pub fn time_budget(mut self, time: Duration) -> Self {
        self.time_budget = time;
        self
    }

    /// The pool of [`spawn_blocking`](crate::blocking::spawn_blocking). Default: up to 512 threads,
    /// called "ringmill-blocking", and what else [`PoolBuilder`] says.
    pub fn blocking_pool(mut self, pool: PoolBuilder) -> Self {
        self.blocking = pool;
        self
    }

    /// The threads of [`compute`](crate::blocking::compute), at least 1. Default: what
    /// `std::thread::available_parallelism` says.
    pub fn compute_threads(mut self, count: usize) -> Self {
        self.compute_threads = Some(count);
        self
    }

    /// How long the end of the runtime waits for bytes that streams have accepted to be sent, and
    /// then for closures that run in the blocking pool to end. Default 1 s.
    pub fn drain_timeout(mut self, time: Duration) -> Self {
        self.drain_timeout = time;
        self
    }

    /// Who tells of a task that holds its loop up, and after how long. Default
    /// [`Watchdog::default`]; `None` for nobody.
    pub fn watchdog(mut self, watchdog: impl Into<Option<Watchdog>>) -> Self {
        self.watchdog = watchdog.into();
        self
    }

    /// The seed of the runtime's random numbers ([`random`](crate::random)), from which each loop
    /// has a generator of its own.
    ///
    /// What is chosen here holds. Else whoever runs the program may choose by the environment
    /// variable `RINGMILL_SEED`; else it is a number that nobody can foresee.
    /// [`Handle::seed`](super::Handle::seed) tells it; so does, on the standard error, a runtime that
    /// a panic ends, if it was chosen here or numbers were drawn.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The time of all loops goes by this clock instead of the real one: see
    /// [`MockClock`](crate::test_util::MockClock), which serves one runtime at a time.
    #[cfg(feature = "test-util")]
    pub fn mock_clock(mut self, clock: &crate::test_util::MockClock) -> Self {
        self.clock = clock.for_loops();
        self
    }

    /// Whether a loop draws the next task from all that are ready, by a generator of the
    /// [seed](Builder::seed), instead of taking the one that was ready first. Default: no.
    ///
    /// It shows which orders of tasks a program relies on without having been promised them. With a
    /// mock clock, on one loop, and without traffic, the same seed gives the same order. A runtime
    /// that a panic ends tells its seed on the standard error.
    #[cfg(feature = "test-util")]
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Builds the runtime: its rings, its pools, its threads.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the call that failed, the likely cause and the remedy: io_uring is
    /// denied, the kernel too old, a limit reached, an option out of range.
    pub fn build(self) -> Result<Runtime, BuildError> {
        self.check()?;
        Runtime::launch(self)
    }

    fn check(&self) -> Result<(), BuildError> {
        let wrong = |name: &str, value: String, range: &str| {
            Err(BuildError::option(
                format!("{name} is {value}"),
                &format!("give {name} {range}"),
            ))
        };
        if self.loops == Some(0) {
            return wrong("loops", "0".into(), "at least 1");
        }
        if !(1..=32_768).contains(&self.ring_entries) {
            return wrong("ring_entries", self.ring_entries.to_string(), "1 to 32,768");
        }
        if let Some(entries) = self.completion_entries
            && (entries < self.ring_entries || entries > 65_536)
        {
            let range = "at least ring_entries, at most 65,536";
            return wrong("completion_entries", entries.to_string(), range);
        }
        if !self.buffers.is_power_of_two() || self.buffers > 32_768 {
            let range = "a power of two up to 32,768 as its count";
            return wrong("buffer_pool", self.buffers.to_string(), range);
        }
        if !(64..=1 << 20).contains(&self.buffer_len) {
            let range = "64 to 1,048,576 bytes as its length";
            return wrong("buffer_pool", self.buffer_len.to_string(), range);
        }
        if self.poll_budget == 0 {
            return wrong("poll_budget", "0".into(), "at least 1");
        }
        if self.compute_threads == Some(0) {
            return wrong("compute_threads", "0".into(), "at least 1");
        }
        if let Some(watchdog) = &self.watchdog
            && watchdog.limit() < Duration::from_millis(1)
        {
            let limit = format!("{:?}", watchdog.limit());
            return wrong("the watchdog's limit", limit, "at least 1 ms");
        }
        if self.name.contains('\0') {
            return wrong("name", format!("{:?}", self.name), "no NUL character");
        }
        Ok(())
    }

    /// How many threads the CPU pool will have.
    pub(super) fn compute_count(&self) -> usize {
        self.compute_threads.unwrap_or_else(|| self.processors())
    }

    /// How many loops there will be.
    pub(crate) fn loop_count(&self) -> usize {
        self.loops.unwrap_or_else(|| self.processors())
    }

    /// The settings of each loop of `loops`.
    pub(crate) fn loop_config(&self, kind: DriverKind, loops: usize, seed: u64) -> LoopConfig {
        // 146 years: for ever, and yet it can be doubled and added to a point in time.
        const LONGEST: u64 = u64::MAX / 4;
        let nanos =
            |time: Duration| u64::try_from(time.as_nanos()).map_or(LONGEST, |ns| ns.min(LONGEST));
        LoopConfig {
            driver: driver::Config {
                kind,
                sq_entries: self.ring_entries,
                cq_entries: self
                    .completion_entries
                    .unwrap_or(self.ring_entries.saturating_mul(CQ_FACTOR).min(65_536)),
                buffers: self.buffers,
                buffer_len: self.buffer_len,
                close_aside: blocking::close_aside,
            },
            poll_budget: self.poll_budget,
            time_budget: nanos(self.time_budget),
            spin_limit: if self.clock.may_spin() {
                nanos(self.spin.bound(loops, self.processors()))
            } else {
                0
            },
            clock: self.clock.clone(),
            seed,
            shuffle: self.shuffle,
        }
    }

    fn processors(&self) -> usize {
        let look = || thread::available_parallelism().map_or(1, usize::from);
        *self.processors.get_or_init(look)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}
