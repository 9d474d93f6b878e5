//! [`SegmentQueue`]: what one connection has received and not yet read.
//!
//! ```text
//! head ─► buffer ─► buffer ─► buffer (tail)     then     spill: bytes on the heap
//! ```
//!
//! The list is threaded through the pool's own table, so a connection at rest holds neither a
//! buffer nor a heap block. While the pool is scarce (its rule 4) arrivals are copied to `spill`
//! instead, and so is everything after them until the reader has emptied it: order is kept.

use super::pool::{BufferPool, NIL};
use std::cell::{Cell, RefCell};

/// Buffers that one queue may hold before it spills: a peer that sends byte by byte fills one buffer
/// with each, and must not take the pool. Twice what the high-water mark's bytes need.
const MOST_BUFFERS: u16 = 32;

/// Received bytes in order. Owned by one connection, which passes the pool with every call.
pub(crate) struct SegmentQueue {
    head: Cell<u16>,
    tail: Cell<u16>,
    bytes: Cell<usize>,
    buffers: Cell<u16>,
    spill: RefCell<Vec<u8>>,
    /// How much of `spill` has been read.
    spill_read: Cell<usize>,
}

/// What a reader takes out whole.
pub(super) enum Taken {
    /// A buffer, now leased: where in it the bytes are.
    Buffer { id: u16, start: u32, len: u32 },
    /// Bytes that had been copied to the heap, from this offset on.
    Spilled { bytes: Vec<u8>, start: usize },
}

impl SegmentQueue {
    pub(crate) const fn new() -> Self {
        SegmentQueue {
            head: Cell::new(NIL),
            tail: Cell::new(NIL),
            bytes: Cell::new(0),
            buffers: Cell::new(0),
            spill: RefCell::new(Vec::new()),
            spill_read: Cell::new(0),
        }
    }

    /// Bytes that wait to be read.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    fn spilled(&self) -> usize {
        self.spill.borrow().len() - self.spill_read.get()
    }

    /// Takes over buffer `id`, in which the kernel has just written `len` bytes.
    ///
    /// # Panics
    ///
    /// If the kernel names a buffer that it does not have: then nothing about the pool is certain.
    #[inline]
    pub(crate) fn push(&self, pool: &BufferPool, id: u16, len: u32) {
        pool.hold(id, len);
        self.bytes.set(self.bytes.get() + len as usize);
        if pool.is_scarce() || self.buffers.get() >= MOST_BUFFERS || self.spilled() > 0 {
            self.spill(pool, id, len);
            return;
        }
        self.buffers.set(self.buffers.get() + 1);
        let tail = self.tail.replace(id);
        if tail == NIL {
            self.head.set(id);
        } else {
            let last = pool.segment(tail);
            let mut segment = last.get();
            segment.next = id;
            last.set(segment);
        }
    }

    #[cold]
    fn spill(&self, pool: &BufferPool, id: u16, len: u32) {
        // SAFETY: the buffer is held (pool's rule 1) until it is recycled below.
        let bytes = unsafe { pool.bytes(id, 0, len) };
        let mut spill = self.spill.borrow_mut();
        let read = self.spill_read.get();
        // A reader that lags but never stops may not empty it for a whole transfer: what was read
        // goes once it is half of it, so each byte is moved once at most and twice the unread kept.
        if 2 * read >= spill.len() {
            spill.drain(..read);
            self.spill_read.set(0);
        }
        spill.extend_from_slice(bytes);
        drop(spill);
        pool.recycle(id);
    }

    /// Copies as much as fits into `room`, giving emptied buffers back. Returns how much.
    #[inline]
    pub(crate) fn copy_to(&self, pool: &BufferPool, room: &mut [u8]) -> usize {
        let mut copied = 0;
        while copied < room.len() && self.head.get() != NIL {
            let id = self.head.get();
            let cell = pool.segment(id);
            let mut segment = cell.get();
            let len = (segment.len as usize).min(room.len() - copied);
            // SAFETY: the buffer is in this queue (pool's rule 1) and stays until after the copy.
            let bytes = unsafe { pool.bytes(id, segment.start, len as u32) };
            room[copied..copied + len].copy_from_slice(bytes);
            copied += len;
            segment.start += len as u32;
            segment.len -= len as u32;
            if segment.len == 0 {
                self.unlink_head(segment.next);
                pool.recycle(id);
            } else {
                cell.set(segment);
            }
        }
        if copied < self.bytes.get() && copied < room.len() {
            copied += self.copy_spilled(&mut room[copied..]);
        }
        self.bytes.set(self.bytes.get() - copied);
        copied
    }

    #[cold]
    fn copy_spilled(&self, room: &mut [u8]) -> usize {
        let start = self.spill_read.get();
        let len = self.spilled().min(room.len());
        room[..len].copy_from_slice(&self.spill.borrow()[start..start + len]);
        self.spill_read.set(start + len);
        if self.spilled() == 0 {
            self.forget_spilled();
        }
        len
    }

    fn forget_spilled(&self) {
        self.spill_read.set(0);
        drop(self.spill.take());
    }

    /// Takes the oldest bytes out whole: a buffer, or all that was spilled.
    pub(super) fn pop(&self, pool: &BufferPool) -> Option<Taken> {
        let id = self.head.get();
        if id == NIL {
            if self.bytes.get() == 0 {
                return None;
            }
            self.bytes.set(0);
            return Some(Taken::Spilled {
                start: self.spill_read.replace(0),
                bytes: self.spill.take(),
            });
        }
        let segment = pool.segment(id).get();
        self.unlink_head(segment.next);
        self.bytes.set(self.bytes.get() - segment.len as usize);
        pool.lease(id);
        Some(Taken::Buffer {
            id,
            start: segment.start,
            len: segment.len,
        })
    }

    /// Gives every buffer back and forgets every byte.
    pub(crate) fn clear(&self, pool: &BufferPool) {
        while self.head.get() != NIL {
            let id = self.head.get();
            self.unlink_head(pool.segment(id).get().next);
            pool.recycle(id);
        }
        self.forget_spilled();
        self.bytes.set(0);
    }

    #[inline]
    fn unlink_head(&self, next: u16) {
        self.buffers.set(self.buffers.get() - 1);
        self.head.set(next);
        if next == NIL {
            self.tail.set(NIL);
        }
    }
}
