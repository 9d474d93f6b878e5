//! Promises: a sleeping task costs at most 250 bytes, all in; a scope that lives for ever keeps nothing
//! of children that have ended.

mod kit;

use kit::block_on;
use kit::child::alone;
use kit::driver::{apply, on_each_driver};
use ringmill::scope::{CancelToken, scope};
use std::alloc::{GlobalAlloc, Layout, System};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Counts what is allocated, with the allocator's own header and rounding (glibc: 8 bytes and up
/// to the next multiple of 16).
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

fn cost(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(cost(layout), Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(cost(layout), Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[apply(on_each_driver)]
fn a_sleeping_task_costs_at_most_250_bytes() {
    const TASKS: usize = 1_000_000;
    // What another test allocates meanwhile would be counted, too.
    alone("a_sleeping_task_costs_at_most_250_bytes", || {
        let each = block_on(async {
            let before = ALLOCATED.load(Ordering::Relaxed);
            for _ in 0..TASKS {
                drop(ringmill::spawn(ringmill::time::sleep(Duration::from_secs(
                    3600,
                ))));
            }
            // Every one has had its turn, and has armed its timer.
            while ringmill::Handle::current().stats()[0].timers < TASKS as u64 {
                ringmill::yield_now().await;
            }
            (ALLOCATED.load(Ordering::Relaxed) - before) / TASKS
        });
        println!("{each} bytes a sleeping task");
        assert!(each <= 250, "{each} bytes a sleeping task");
        assert!(each >= 64, "{each} bytes a task: the count cannot be right");
    });
}

#[apply(on_each_driver)]
fn a_scope_keeps_nothing_of_its_children() {
    const BATCH: usize = 100;
    const BATCHES: usize = 10_000;
    alone("a_scope_keeps_nothing_of_its_children", || {
        let opened = scope(async |s| {
            let token = CancelToken::new();
            let mut first = 0;
            for batch in 0..BATCHES {
                for i in 0..BATCH {
                    let token = token.clone();
                    s.spawn(async move {
                        if i % 2 == 0 {
                            ringmill::yield_now().await;
                        }
                        token.run(async {}).await.map(drop).unwrap_or_default();
                    });
                }
                while !s.is_empty() {
                    ringmill::yield_now().await;
                }
                if batch == BATCHES / 10 {
                    first = ALLOCATED.load(Ordering::Relaxed);
                }
            }
            Ok::<_, Infallible>(ALLOCATED.load(Ordering::Relaxed) as isize - first as isize)
        });
        let grown = block_on(opened).unwrap();
        println!("grown by {grown} bytes");
        assert!(grown < 16 * 1024, "grown by {grown} bytes");
    });
}
