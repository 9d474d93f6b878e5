//! [`RecvBuf`]: received bytes, lent by the loop's pool.

use super::io_buf::IoBuf;
use super::pool::BufferPool;
use super::segment_queue::{SegmentQueue, Taken};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// Received bytes, in the very buffer that the kernel wrote them to.
///
/// Dereferences to `[u8]`. Dropping it gives the buffer back to the pool of the loop that received
/// it. It stays on its loop (it is not `Send`), and may outlive the stream it came from.
///
/// While three quarters of the loop's buffers are held it is a copy of the bytes on the heap, so
/// drop it early.
pub struct RecvBuf(Source);

enum Source {
    Lease {
        pool: Rc<BufferPool>,
        id: u16,
        start: u32,
        len: u32,
    },
    Copy {
        bytes: Vec<u8>,
        start: usize,
    },
}

impl RecvBuf {
    /// Takes the oldest bytes of a queue.
    pub(crate) fn pop(queue: &SegmentQueue, pool: &Rc<BufferPool>) -> Option<Self> {
        Some(RecvBuf(match queue.pop(pool)? {
            Taken::Buffer { id, start, len } => Source::Lease {
                pool: pool.clone(),
                id,
                start,
                len,
            },
            Taken::Spilled { bytes, start } => Source::Copy { bytes, start },
        }))
    }

    /// Forgets the first `count` bytes.
    ///
    /// # Panics
    ///
    /// If `count` is more than what is there.
    pub fn advance(&mut self, count: usize) {
        assert!(count <= self.len(), "advanced past the end");
        match &mut self.0 {
            Source::Lease { start, len, .. } => {
                *start += count as u32;
                *len -= count as u32;
            }
            Source::Copy { start, .. } => *start += count,
        }
    }
}

impl Deref for RecvBuf {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Lease {
                pool,
                id,
                start,
                len,
            } => {
                // SAFETY: this lease holds the buffer (pool's rule 1) for at least the borrow of
                // `self`, and its range came from the completion.
                unsafe { pool.bytes(*id, *start, *len) }
            }
            Source::Copy { bytes, start } => &bytes[*start..],
        }
    }
}

impl AsRef<[u8]> for RecvBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for RecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBuf").field("len", &self.len()).finish()
    }
}

// SAFETY: the bytes lie in the pool's mapping, which does not move and is held by this lease, or on
// the heap.
unsafe impl IoBuf for RecvBuf {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

impl Drop for RecvBuf {
    fn drop(&mut self) {
        if let Source::Lease { pool, id, .. } = &self.0 {
            pool.end_lease(*id);
        }
    }
}
