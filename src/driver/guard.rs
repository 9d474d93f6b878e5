//! A guard over what the kernel may touch, for tests (feature `guard`).
//!
//! No sanitizer sees the kernel write to memory that was freed. Here the driver notes every range
//! that it hands over with a submission, until the terminal completion; [`GuardAllocator`], as the
//! program's global allocator, aborts if such a range is freed or reallocated meanwhile. The ranges
//! are read off the submission entries themselves, so an operation that errs cannot hide it.
//!
//! Any thread may allocate, and an allocator must not: the table is fixed, made of atomics, and
//! searched from its beginning, where the few ranges in flight are.

use super::Driver;
use crate::sys::ring::{Sqe, opcode};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Ranges that may be in flight at once, in the whole process.
const PLACES: usize = 1 << 14;

/// A place that is nobody's, by its `start`.
const FREE: usize = 0;
/// A place that is being filled. No allocation lies at this address.
const CLAIMED: usize = 1;

/// One range in flight. Whoever changes `start` from [`FREE`] to [`CLAIMED`] fills the others, then
/// writes the address there.
struct Place {
    start: AtomicUsize,
    end: AtomicUsize,
    driver: AtomicUsize,
    user_data: AtomicU64,
}

static TABLE: [Place; PLACES] = [const {
    Place {
        start: AtomicUsize::new(FREE),
        end: AtomicUsize::new(0),
        driver: AtomicUsize::new(0),
        user_data: AtomicU64::new(0),
    }
}; PLACES];

/// From this place on none was ever used.
static USED: AtomicUsize = AtomicUsize::new(0);
/// Ranges in flight: with none, a look at the table is spared.
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, except that it aborts the process, with a message on the standard error,
/// when memory is freed or reallocated that the kernel may still read or write.
///
/// ```
/// #[global_allocator]
/// static GUARD: ringmill::GuardAllocator = ringmill::GuardAllocator;
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GuardAllocator;

// SAFETY: all of it is the system's allocator; what is added allocates nothing and does not unwind.
unsafe impl GlobalAlloc for GuardAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        check("freed", memory.addr(), layout.size());
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        check("reallocated", memory.addr(), layout.size());
        // SAFETY: the caller's contract.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}

/// Notes what a submission of `driver` lets the kernel touch.
pub(super) fn hand_over(driver: &Driver, sqe: &Sqe) {
    const { assert!(size_of::<Sqe>() == 64) };
    // SAFETY: a submission entry is 64 bytes of plain data (io_uring.h), every one of them
    // initialised.
    let bytes: [u8; 64] = unsafe { std::mem::transmute_copy(sqe) };
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    let (off, address, len) = (word(8), word(16), word(24) as u32);
    let len = match bytes[0] {
        opcode::Send::CODE
        | opcode::Recv::CODE
        | opcode::Read::CODE
        | opcode::Write::CODE
        | opcode::ReadFixed::CODE
        | opcode::WriteFixed::CODE => len as usize,
        // A list of addresses and lengths: it and what it leads to.
        opcode::Readv::CODE | opcode::Writev::CODE => {
            let pieces = address as *const [usize; 2];
            for index in 0..len as usize {
                // SAFETY: the kernel would read the same entry of the list (readv(2)), which the
                // operation keeps.
                let [start, len] = unsafe { *pieces.add(index) };
                note(identity(driver), word(32), start, start.saturating_add(len));
            }
            len as usize * size_of::<[usize; 2]>()
        }
        // The length of a socket address is where files have their offset.
        opcode::Connect::CODE => off as usize,
        // What else there is points to nothing, or to the pool's mapping, which nobody frees.
        _ => 0,
    };
    if address != 0 && len > 0 {
        let start = address as usize;
        note(identity(driver), word(32), start, start.saturating_add(len));
    }
}

/// Forgets what a submission of `driver` had pointed to: its terminal completion has come.
pub(super) fn take_back(driver: &Driver, user_data: u64) {
    if IN_FLIGHT.load(Ordering::Acquire) == 0 {
        return;
    }
    let driver = identity(driver);
    for place in used() {
        if place.start.load(Ordering::Acquire) > CLAIMED
            && place.driver.load(Ordering::Relaxed) == driver
            && place.user_data.load(Ordering::Relaxed) == user_data
        {
            // There may be several: the pieces of a vectored read.
            place.start.store(FREE, Ordering::Release);
            IN_FLIGHT.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Generations and slots are a driver's own, so its address tells them apart.
fn identity(driver: &Driver) -> usize {
    (&raw const *driver).addr()
}

fn used() -> &'static [Place] {
    &TABLE[..USED.load(Ordering::Acquire)]
}

fn note(driver: usize, user_data: u64, start: usize, end: usize) {
    for (index, place) in TABLE.iter().enumerate() {
        let claim =
            place
                .start
                .compare_exchange(FREE, CLAIMED, Ordering::Acquire, Ordering::Relaxed);
        if claim.is_ok() {
            place.end.store(end, Ordering::Relaxed);
            place.driver.store(driver, Ordering::Relaxed);
            place.user_data.store(user_data, Ordering::Relaxed);
            place.start.store(start, Ordering::Release);
            USED.fetch_max(index + 1, Ordering::Release);
            IN_FLIGHT.fetch_add(1, Ordering::Release);
            return;
        }
    }
    die(format_args!("more than {PLACES} ranges are in flight"));
}

/// Aborts if `len` bytes at `start` overlap a range in flight.
fn check(what: &str, start: usize, len: usize) {
    if IN_FLIGHT.load(Ordering::Acquire) == 0 {
        return;
    }
    for place in used() {
        let from = place.start.load(Ordering::Acquire);
        let to = place.end.load(Ordering::Acquire);
        // Read again: between the two the place may have become another range's.
        if from > CLAIMED
            && start < to
            && from < start.saturating_add(len)
            && place.start.load(Ordering::Acquire) == from
        {
            die(format_args!(
                "memory that the kernel may touch was {what}: {len} bytes at {start:#x}, of which \
                 {} at {from:#x} are in flight",
                to - from
            ));
        }
    }
}

/// Text in a fixed place, cut off where it ends.
struct Line {
    text: [u8; 256],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = &mut self.text[self.len..];
        let len = piece.len().min(room.len());
        room[..len].copy_from_slice(&piece.as_bytes()[..len]);
        self.len += len;
        Ok(())
    }
}

/// Says why and aborts, without an allocation or a lock.
fn die(why: fmt::Arguments<'_>) -> ! {
    let mut line = Line {
        text: [0; 256],
        len: 0,
    };
    // Neither can fail in a way that matters more than the abort.
    let _ = writeln!(line, "ringmill guard: {why}");
    // SAFETY: the standard error is never closed by this; a `File` is a bare descriptor.
    let mut error = ManuallyDrop::new(unsafe { File::from_raw_fd(2) });
    let _ = error.write_all(&line.text[..line.len]);
    std::process::abort()
}
