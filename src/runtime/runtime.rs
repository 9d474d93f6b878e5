//! [`Runtime`]: the loops of one program.

use super::builder::Builder;
use super::error::BuildError;
use super::fallback;
use super::handle::{self, Handle};
use super::launch::{Launch, LoopThread, TIMER_SLACK_NANOS};
use super::seed::{self, SeedNote};
use super::watchdog::WatchdogThread;
use crate::blocking::Pools;
use crate::driver::DriverKind;
use crate::event_loop::{EventLoop, LoopClock, Siblings};
use crate::sys::{affinity, clock};
use crate::time;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

/// The loops of one program: a ring, a task queue and timers each, one a core.
///
/// The first loop belongs to the thread that built the runtime and runs while that thread is in
/// [`block_on`](Runtime::block_on); the others run on their own threads from the beginning. The
/// runtime is therefore not `Send`; its [`Handle`] is.
///
/// Dropping it ends it: all tasks are cancelled, what streams had accepted is sent within
/// [`Builder::drain_timeout`], the rings are drained and the threads joined.
/// [`shutdown`](Runtime::shutdown) lets tasks finish first.
pub struct Runtime {
    // Ended first: loops on threads may still send to the first one, which only hears no more.
    threads: Vec<LoopThread>,
    first: Rc<EventLoop>,
    handle: Handle,
    cpu: Option<usize>,
    drain_timeout: Duration,
    clock: LoopClock,
    seed: SeedNote,
    /// Watches to the end: it is dropped after the loops.
    _watchdog: Option<WatchdogThread>,
}

impl Runtime {
    /// A runtime with a loop for each processor, and the other defaults of [`Builder`].
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn new() -> Result<Self, BuildError> {
        Builder::new().build()
    }

    pub(super) fn launch(builder: Builder) -> Result<Self, BuildError> {
        let seed = seed::chosen(builder.seed)?;
        match fallback::chosen(builder.driver)? {
            DriverKind::Auto => match Self::launch_on(DriverKind::Uring, &builder, seed) {
                Err(error) if fallback::may_help(&error) => {
                    fallback::tell(&error);
                    Self::launch_on(DriverKind::Epoll, &builder, seed)
                }
                launched => launched,
            },
            kind => Self::launch_on(kind, &builder, seed),
        }
    }

    fn launch_on(kind: DriverKind, builder: &Builder, seed: u64) -> Result<Self, BuildError> {
        let loops = builder.loop_count();
        let config = builder.loop_config(kind, loops, seed);
        let allowed = match builder.pin {
            Some(false) => Vec::new(),
            Some(true) | None => affinity::allowed()
                .map_err(|source| BuildError::affinity("sched_getaffinity", source))?,
        };
        let pin = builder.pin.unwrap_or(loops > 1 && loops <= allowed.len());
        let cpu = |index: usize| pin.then(|| allowed[index % allowed.len()]);
        let name = |index: usize| format!("{}-{index}", builder.name);

        let siblings = Siblings::new(loops);
        if !config.clock.attach(&siblings) {
            return Err(BuildError::option(
                "the mock clock serves another runtime".to_owned(),
                "give each runtime a clock of its own",
            ));
        }
        let first = EventLoop::new(0, name(0), config.clone(), siblings.clone())
            .map_err(BuildError::ring)?;
        let start = |index: usize| {
            LoopThread::start(Launch {
                index,
                name: name(index),
                config: config.clone(),
                cpu: cpu(index),
                siblings: siblings.clone(),
                drain_timeout: builder.drain_timeout,
            })
        };
        let threads = match (1..loops).map(start).collect::<Result<Vec<_>, _>>() {
            Ok(threads) => threads,
            Err(error) => {
                // Nothing runs on it yet; a loop that is not closed is leaked.
                first.close(Duration::ZERO);
                return Err(error);
            }
        };
        let others = threads.iter().map(|thread| &thread.shared);
        let all = std::iter::once(first.shared()).chain(others);
        siblings.introduce(all.clone());
        let pools = |thread| Pools::new(builder.blocking.clone(), builder.compute_count(), thread);
        let watch = |watchdog| {
            let loops = all.clone().cloned().collect();
            WatchdogThread::start(&builder.name, watchdog, loops, siblings.clone())
        };
        let watchdog = match builder.watchdog.clone().map(watch).transpose() {
            Ok(watchdog) => watchdog,
            Err(error) => {
                first.close(Duration::ZERO);
                return Err(BuildError::thread(error));
            }
        };
        let handle = Handle::new(first.driver().info(), seed, all.cloned(), siblings, pools);
        for thread in &threads {
            thread.begin(handle.clone());
        }
        Ok(Runtime {
            threads,
            first,
            handle,
            cpu: cpu(0),
            drain_timeout: builder.drain_timeout,
            clock: config.clock,
            seed: SeedNote::new(seed, builder.shuffle || builder.seed.is_some()),
            _watchdog: watchdog,
        })
    }

    /// Runs a future on the first loop, to its end, and gives its result.
    ///
    /// The future may borrow and need not be `Send`. Tasks that it spawns run along; those that
    /// are left when it ends stay, and go on at the next `block_on`.
    ///
    /// # Panics
    ///
    /// If the future panics, with its panic; or if a loop runs on this thread already.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _current = handle::enter(self.handle.clone());
        let _thread = ThreadSettings::apply(self.cpu);
        self.first.block_on(future, Location::caller())
    }

    /// A handle to the loops, for other threads too.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the runtime gracefully: tells every [`Drain`](super::Drain) of it, waits until all
    /// tasks have ended or `limit` is over, cancels what is left, and joins the threads.
    ///
    /// A mock clock is made to jump by itself meanwhile, so that the limit comes; at the latest when
    /// as much real time has passed.
    ///
    /// Returns how many tasks had to be cancelled.
    pub fn shutdown(self, limit: Duration) -> usize {
        self.handle.drain();
        let _runs_out = self.clock.run_out(limit);
        self.block_on(async {
            let deadline = time::Instant::now() + limit;
            // What a loop that never answers is taken to have: at least what keeps it busy.
            let mut live = 1;
            let mut before = None;
            // Tasks on other loops end without telling this one: look now and then. This is the
            // end of a program, not a hot path.
            while let Ok(census) = time::timeout_at(deadline, self.handle.live_tasks()).await {
                live = census.live;
                let last = before.replace(census);
                let quiet = last.is_some_and(|last| census.is_quiet_since(last));
                if quiet || time::Instant::now() >= deadline {
                    break;
                }
                if live == 0 && last.is_none_or(|last| last.live > 0) {
                    // Once more at once, to be sure.
                    continue;
                }
                let next = time::Instant::now() + Duration::from_millis(5);
                time::sleep_until(next.min(deadline)).await;
            }
            live
        })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let others = self.threads.iter().map(|thread| &thread.shared);
        let drew = others.chain([self.first.shared()]).any(|it| it.has_drawn());
        self.seed.tell_of_panic(drew);
        self.threads.clear();
        let _current = handle::enter(self.handle.clone());
        self.first.close(self.drain_timeout);
        self.handle.pools().shutdown(self.drain_timeout);
    }
}

/// What the thread in `block_on` has of a loop's thread, put back afterwards: whatever it starts
/// later should inherit neither the pin nor the timer slack.
struct ThreadSettings {
    affinity: Option<affinity::Affinity>,
    slack: u64,
}

impl ThreadSettings {
    fn apply(cpu: Option<usize>) -> Self {
        let slack = clock::set_timer_slack(TIMER_SLACK_NANOS);
        // A pin is a wish: where it is refused the loop runs all the same.
        let affinity = cpu.and_then(|cpu| {
            let before = affinity::save().ok()?;
            affinity::pin(cpu).ok()?;
            Some(before)
        });
        ThreadSettings { affinity, slack }
    }
}

impl Drop for ThreadSettings {
    fn drop(&mut self) {
        clock::set_timer_slack(self.slack);
        if let Some(before) = self.affinity {
            // The set was valid a moment ago; if it no longer is, the kernel has chosen one.
            let _ = affinity::restore(before);
        }
    }
}

/// Runs a future to its end on a runtime of one loop, made for it and ended with it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let answer = ringmill::block_on(async { 6 * 7 })?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`Builder::build`].
///
/// # Panics
///
/// As [`Runtime::block_on`].
#[track_caller]
pub fn block_on<F: Future>(future: F) -> Result<F::Output, BuildError> {
    Ok(Builder::new().loops(1).build()?.block_on(future))
}
