//! hyper's `rt` traits: the stream, [`LoopExecutor`], [`LoopTimer`].

use crate::event_loop::context;
use crate::net::TcpStream;
use crate::time::{self, Instant};
use ::hyper::rt::{Executor, Read, ReadBufCursor, Sleep, Timer, Write};
use std::cell::Cell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

impl Read for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: nothing is uninitialised through it: only received bytes are written.
        let room = std::ptr::from_mut(unsafe { buffer.as_mut() });
        // SAFETY: `MaybeUninit<u8>` is laid out as `u8`. The slice goes to `poll_read` alone, which
        // writes to it and never reads it; so no byte is zeroed first.
        let room = unsafe { &mut *(room as *mut [u8]) };
        let read = ready!(TcpStream::poll_read(self.get_mut(), cx, room))?;
        // SAFETY: `poll_read` has written that many bytes to the beginning of the unfilled part.
        unsafe { buffer.advance(read) };
        Poll::Ready(Ok(()))
    }
}

impl Write for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().split().1.poll_write(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().split().1.poll_write_vectored(cx, pieces)
    }

    /// Ready at once: what a write accepted is sent with the loop's next submission, and hyper's
    /// connections have nothing to wait for. Only an error of earlier bytes is told.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().split().1.error())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().split().1.poll_shutdown(cx)
    }
}

/// Spawns on the current loop, for hyper's HTTP/2 and for hyper-util. Futures need not be `Send`.
///
/// # Panics
///
/// `execute` panics outside of a loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoopExecutor;

impl<F: Future + 'static> Executor<F> for LoopExecutor {
    fn execute(&self, future: F) {
        drop(crate::spawn(future));
    }
}

/// Sleeps on the current loop.
///
/// The timer may be used on any loop. A sleep belongs to the loop that first polls it, although
/// hyper's trait makes it `Send`: to poll or [reset](Timer::reset) it on another thread from then
/// on panics; to drop it there leaks its memory (some 60 bytes), which its loop may still refer to.
///
/// `reset` keeps the sleep where it is. [`now`](Timer::now) is the loop's own clock, which a
/// simulation may run at another pace than `std::time`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoopTimer;

impl Timer for LoopTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(LoopSleep::new(Instant::now() + duration))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(LoopSleep::new(from_std(deadline)))
    }

    // The time of the tick: hyper asks at every request, for timeouts of seconds.
    fn now(&self) -> std::time::Instant {
        to_std(Instant::from_nanos(context::tick_time()))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: std::time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<LoopSleep>() {
            Some(ours) => ours.reset(from_std(deadline)),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

/// A point that both clocks know. On Linux both are `CLOCK_MONOTONIC`, so the distance between
/// them never changes, and a conversion reads no clock.
static ANCHOR: OnceLock<(std::time::Instant, Instant)> = OnceLock::new();

/// What `std` cannot express is this far away: Tokio's far future.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

fn anchor() -> (std::time::Instant, Instant) {
    *ANCHOR.get_or_init(|| (std::time::Instant::now(), Instant::now()))
}

fn to_std(instant: Instant) -> std::time::Instant {
    let (there, here) = anchor();
    match instant.checked_duration_since(here) {
        Some(ahead) => there.checked_add(ahead).unwrap_or_else(|| there + FAR),
        None => there.checked_sub(here - instant).unwrap_or(there),
    }
}

fn from_std(instant: std::time::Instant) -> Instant {
    let (there, here) = anchor();
    match instant.checked_duration_since(there) {
        Some(ahead) => here + ahead,
        None => here - there.duration_since(instant),
    }
}

/// A number for each thread that polls a sleep. Unlike the address of a thread-local it is never
/// used again after the thread's end, and unlike `ThreadId` it costs no reference count to read.
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// A sleep that may be moved between threads as plain data until its first poll.
///
/// Rules:
/// 1. Before the first poll there is only a deadline. The first poll makes the loop's own sleep, in
///    an allocation of its own, and notes the thread.
/// 2. From then on that sleep is touched on that thread only; its memory stays if the drop comes on
///    another one.
/// 3. A shared reference gives access to nothing.
struct LoopSleep {
    deadline: Instant,
    bound: Option<Bound>,
}

/// The loop's sleep, which is linked into the wheel of the loop on its thread.
struct Bound {
    thread: u64,
    sleep: ManuallyDrop<Pin<Box<time::Sleep>>>,
}

// SAFETY: unbound it is plain data (rule 1); bound, the part that is not `Send` is never touched,
// not even freed, on another thread than its own (rule 2).
unsafe impl Send for LoopSleep {}

// SAFETY: there is nothing to do with a shared reference (rule 3).
unsafe impl Sync for LoopSleep {}

impl LoopSleep {
    fn new(deadline: Instant) -> Self {
        LoopSleep {
            deadline,
            bound: None,
        }
    }

    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
        if let Some(bound) = &mut self.bound {
            bound.on_its_thread().reset(deadline);
        }
    }
}

impl Bound {
    fn on_its_thread(&mut self) -> Pin<&mut time::Sleep> {
        assert_eq!(
            self.thread,
            this_thread(),
            "a sleep of ringmill::hyper::LoopTimer was polled or reset on another thread than that \
             of its loop"
        );
        self.sleep.as_mut()
    }
}

impl Future for LoopSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let bound = self.bound.get_or_insert_with(|| Bound {
            thread: this_thread(),
            sleep: ManuallyDrop::new(Box::pin(time::sleep_until(deadline))),
        });
        bound.on_its_thread().poll(cx)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if self.thread == this_thread() {
            // SAFETY: this is the drop, so it is neither dropped twice nor used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.sleep) };
        }
    }
}

impl Sleep for LoopSleep {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::driver::{self, apply, carried, on_each_driver};
    use std::task::Waker;

    fn on_a_loop<T>(future: impl Future<Output = T>) -> T {
        let builder = crate::Builder::new().driver(driver::current());
        // Some of these block their loop on purpose.
        let built = builder.loops(1).watchdog(None).build();
        built.expect("a loop").block_on(future)
    }

    fn poll(sleep: &mut Pin<Box<dyn Sleep>>) -> Poll<()> {
        sleep.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[apply(on_each_driver)]
    fn a_reset_keeps_the_sleep() {
        on_a_loop(async {
            let timer = LoopTimer;
            let mut sleep = timer.sleep(Duration::from_secs(3600));
            assert!(poll(&mut sleep).is_pending());
            let before = &raw const *sleep;
            let deadline = timer.now() + Duration::from_millis(1);
            timer.reset(&mut sleep, deadline);
            assert!(std::ptr::addr_eq(before, &raw const *sleep));
            sleep.await;
            assert!(std::time::Instant::now() >= deadline);
        });
    }

    #[apply(on_each_driver)]
    fn an_unpolled_sleep_may_go_to_another_thread() {
        let sleep = LoopTimer.sleep(Duration::from_millis(1));
        let there = std::thread::spawn(carried(|| on_a_loop(sleep)));
        there.join().unwrap();
    }

    #[apply(on_each_driver)]
    fn a_sleep_polled_on_another_thread_panics_and_one_dropped_there_is_leaked() {
        on_a_loop(async {
            let mut sleep = LoopTimer.sleep(Duration::from_millis(1));
            assert!(poll(&mut sleep).is_pending());
            let there = std::thread::spawn(move || poll(&mut sleep).is_ready());
            let panic = there.join().unwrap_err();
            let message = panic.downcast_ref::<String>().unwrap();
            assert!(message.contains("on another thread"), "{message}");
            // The leaked timer fires meanwhile.
            time::sleep(Duration::from_millis(2)).await;
        });
    }

    #[test]
    fn both_clocks_keep_their_distance() {
        let now = Instant::now();
        for distance in [0, 1, 1_000_000, 60_000_000_000] {
            let distance = Duration::from_nanos(distance);
            assert_eq!(from_std(to_std(now + distance)), now + distance);
            assert_eq!(from_std(to_std(now - distance)), now - distance);
        }
        assert!(to_std(Instant::now() + Duration::MAX) > std::time::Instant::now() + FAR / 2);
        let skew = std::time::Instant::now().duration_since(to_std(now));
        assert!(skew < Duration::from_secs(10));
    }
}
