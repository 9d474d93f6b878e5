//! A provided-buffer ring: buffers that the kernel picks from when data arrives.
//!
//! ```text
//! entries  | addr len bid | addr len bid | …      one page-aligned array shared with the kernel
//! tail     | in the unused field of entry 0        we write, the kernel reads
//! buffers  | 0 | 1 | 2 | …                         the bytes themselves, `buffer_len` each
//! ```
//!
//! A driver without a kernel that picks takes from the same ring's end itself.

use super::mapping::Mapping;
use super::ring::Ring;
use super::ring_setup::{self, SetupError};
use io_uring::types::BufRingEntry;
use std::cell::Cell;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// The memory of a buffer ring. It outlives the ring it is registered with for as long as anyone
/// holds a lease; [`BufRing::unregister`] ends the kernel's part.
pub(crate) struct BufRing {
    entries: Mapping,
    buffers: Mapping,
    count: u16,
    buffer_len: u32,
    group: u16,
    /// Our side of the tail; the kernel sees it at `publish`.
    tail: Cell<u16>,
    published: Cell<u16>,
}

impl BufRing {
    /// Makes `count` buffers (a power of two, at most 32,768) of `buffer_len` bytes, all of them
    /// free. They are the kernel's to pick from once registered; until then, the program's.
    pub(crate) fn new(group: u16, count: u16, buffer_len: u32) -> Result<Self, SetupError> {
        let memory = |source| SetupError {
            call: "mmap",
            source,
        };
        let entry_len = size_of::<BufRingEntry>();
        let buf_ring = BufRing {
            entries: Mapping::new(usize::from(count) * entry_len).map_err(memory)?,
            buffers: Mapping::new(usize::from(count) * buffer_len as usize).map_err(memory)?,
            count,
            buffer_len,
            group,
            tail: Cell::new(0),
            published: Cell::new(0),
        };
        for id in 0..count {
            buf_ring.add(id);
        }
        Ok(buf_ring)
    }

    /// Lets the kernel pick from the buffers.
    pub(crate) fn register(&self, ring: &Ring) -> Result<(), SetupError> {
        self.publish();
        let address = self.entries.start().as_ptr() as u64;
        // SAFETY: the mapping holds `count` entries and is unmapped only after `unregister`, or
        // after the ring is closed and drained, by the owner of both.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(address, self.count, self.group, 0)
        }
        .map_err(|source| SetupError {
            call: "io_uring_register(PBUF_RING)",
            source,
        })
    }

    /// Makes a ring whose kernel side picks from the buffers. Where not enough memory may be locked
    /// for both, the ring is made smaller, as [`Ring::new`] does for itself.
    pub(crate) fn register_with_new(
        &self,
        sq_entries: u32,
        cq_entries: u32,
    ) -> Result<Ring, SetupError> {
        let mut ring = Ring::new(sq_entries, cq_entries)?;
        loop {
            let (sq_entries, cq_entries) = ring.entries();
            match self.register(&ring) {
                Err(error)
                    if error.source.raw_os_error() == Some(libc::ENOMEM)
                        && sq_entries > ring_setup::FEWEST =>
                {
                    drop(ring);
                    ring = Ring::new(sq_entries / 2, cq_entries / 2)?;
                }
                registered => return registered.map(|()| ring),
            }
        }
    }

    /// Ends the kernel's use of the memory. Requests that selected a buffer keep it until they end.
    pub(crate) fn unregister(&self, ring: &Ring) -> io::Result<()> {
        ring.submitter().unregister_buf_ring(self.group)
    }

    pub(crate) fn count(&self) -> u16 {
        self.count
    }

    pub(crate) fn buffer_len(&self) -> u32 {
        self.buffer_len
    }

    pub(crate) fn group(&self) -> u16 {
        self.group
    }

    /// Where buffer `id` begins.
    pub(crate) fn start(&self, id: u16) -> NonNull<u8> {
        assert!(id < self.count, "buffer {id} of {}", self.count);
        let offset = usize::from(id) * self.buffer_len as usize;
        // SAFETY: `id` is in range, so the offset is inside the mapping.
        unsafe { self.buffers.start().add(offset) }
    }

    /// Puts buffer `id` back at the tail, to be seen by the kernel at the next `publish`. It must
    /// not be in the ring already.
    pub(crate) fn add(&self, id: u16) {
        let address = self.start(id).as_ptr() as u64;
        let tail = self.tail.get();
        let index = usize::from(tail & (self.count - 1));
        // SAFETY: the index is masked by the count, a power of two; the entry lies before the
        // published tail's successor only once per turn of the ring, so the kernel does not read
        // it now; the ring is used by one thread.
        unsafe {
            let entry = self.entries.start().cast::<BufRingEntry>().add(index);
            let entry = &mut *entry.as_ptr();
            entry.set_addr(address);
            entry.set_len(self.buffer_len);
            entry.set_bid(id);
        }
        self.tail.set(tail.wrapping_add(1));
    }

    /// Picks the buffer that was added last, where no kernel does: the ring is then a stack, and
    /// the bytes of what it gives are still in the processor's cache.
    pub(crate) fn take(&self) -> Option<u16> {
        let tail = self.tail.get().checked_sub(1)?;
        let index = usize::from(tail & (self.count - 1));
        // SAFETY: in bounds by the mask; written by `add`, and read by this thread only.
        let id = unsafe {
            let entry = self.entries.start().cast::<BufRingEntry>().add(index);
            entry.as_ref().bid()
        };
        self.tail.set(tail);
        Some(id)
    }

    /// Shows the kernel everything added since, with one store.
    pub(crate) fn publish(&self) {
        let tail = self.tail.get();
        if self.published.replace(tail) == tail {
            return;
        }
        // SAFETY: the tail lies in the first entry's unused field, as the ABI has it; it is a u16,
        // aligned, and written by this thread only.
        unsafe {
            let first = self.entries.start().cast::<BufRingEntry>().as_ptr();
            let field = BufRingEntry::tail(first).cast_mut();
            AtomicU16::from_ptr(field).store(tail, Ordering::Release);
        }
    }
}
