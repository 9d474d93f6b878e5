//! A provided-buffer ring: the kernel picks a buffer when data comes, so that an idle connection
//! holds none.
//!
//! ```text
//!  one mapping:   | entry 0 | entry 1 | … | entry n-1 |  pad to a page  | buffer 0 | buffer 1 | …
//!                   addr len bid tail       (the tail shares entry 0's last two bytes)
//! ```

use std::io;
use std::mem;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

use crate::during::During;

const PAGE: usize = 4096;

/// Three cache lines between buffers: at a distance of a power of two, the beginnings of all
/// buffers, which is all that short messages touch, would compete for a few sets of the cache.
const GAP: usize = 3 * 64;

/// The buffers and the ring in which they are offered. The mapping is never released: closing a
/// ring does not wait for what the kernel still does, and the process ends right after.
pub struct BufferRing {
    entries: NonNull<BufRingEntry>,
    buffers: NonNull<u8>,
    count: u16,
    size: u32,
    tail: u16,
}

impl BufferRing {
    /// Registers `count` buffers (a power of two) of `size` bytes as a group and offers them all.
    ///
    /// # Errors
    /// When memory is short or the kernel refuses the registration.
    pub fn register(
        submitter: &Submitter<'_>,
        group: u16,
        count: u16,
        size: u32,
    ) -> io::Result<Self> {
        assert!(count.is_power_of_two(), "{count} is not a power of two");
        let ring = (usize::from(count) * mem::size_of::<BufRingEntry>()).next_multiple_of(PAGE);
        let base = map(ring + usize::from(count) * (size as usize + GAP))
            .during("mapping the receive buffers")?;
        // SAFETY: `ring` bytes from `base` lie inside the mapping, which is longer.
        let buffers = unsafe { base.add(ring) };
        let mut this = Self {
            entries: base.cast(),
            buffers,
            count,
            size,
            tail: 0,
        };
        // SAFETY: the entries are page-aligned, as many as stated, and never unmapped.
        unsafe {
            submitter.register_buf_ring_with_flags(this.entries.as_ptr() as u64, count, group, 0)
        }
        .during("registering the buffer ring")?;
        for buffer in 0..count {
            this.offer(buffer);
        }
        this.publish();
        Ok(this)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Puts a buffer back in line; the kernel sees it after [`publish`](Self::publish).
    pub fn offer(&mut self, buffer: u16) {
        let index = usize::from(self.tail & (self.count - 1));
        let address = self.address(buffer) as u64;
        // SAFETY: `index` is below `count`, and entries from the tail on are ours to write: a
        // buffer is offered once for each time the kernel took it, so the ring is never overfull.
        let entry = unsafe { &mut *self.entries.as_ptr().add(index) };
        entry.set_addr(address);
        entry.set_len(self.size);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows the kernel everything offered so far, with one store.
    pub fn publish(&mut self) {
        // SAFETY: `entries` is the first entry of the ring, whose last two bytes are the tail; they
        // are aligned for a u16 and the kernel only reads them.
        let tail =
            unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries.as_ptr()).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    /// Where a buffer begins.
    pub fn address(&self, buffer: u16) -> *const u8 {
        assert!(buffer < self.count, "the kernel named buffer {buffer}");
        // SAFETY: the buffer's number is below `count`, so its start lies inside the mapping.
        unsafe {
            self.buffers
                .as_ptr()
                .add(usize::from(buffer) * (self.size as usize + GAP))
        }
    }

    /// What was received into a buffer that has not been offered again.
    pub fn bytes(&self, buffer: u16, length: usize) -> &[u8] {
        assert!(length <= self.size as usize, "{length} bytes in one buffer");
        // SAFETY: the length is within the buffer, the mapping is zero-filled at birth, and the
        // kernel writes to the buffer again only after an `offer`, which needs `&mut self`.
        unsafe { slice::from_raw_parts(self.address(buffer), length) }
    }
}

/// Zeroed pages, private to the process.
fn map(length: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a fresh anonymous mapping overlaps nothing.
    let address = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("a mapping at address zero"))
}
