//! Promise: a sleeping task costs at most 250 bytes, all in.

mod kit;

use kit::block_on;
use kit::child::alone;
use kit::driver::{apply, on_each_driver};
use std::alloc::{GlobalAlloc, Layout, System};
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
