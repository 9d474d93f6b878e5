//! [`RecvBuf`]: received bytes, lent by the loop's pool.

use super::io_buf::IoBuf;
use super::pool::{BufferPool, SegmentQueue};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// Received bytes, in the very buffer that the kernel wrote them to.
///
/// Dereferences to `[u8]`. Dropping it gives the buffer back to the pool of the loop that received
/// it; while many are held, connections of that loop wait for buffers, so drop early or copy. It
/// stays on its loop (it is not `Send`), and may outlive the stream it came from.
pub struct RecvBuf {
    pool: Rc<BufferPool>,
    id: u16,
    start: u32,
    len: u32,
}

impl RecvBuf {
    /// Takes the oldest segment of a queue.
    pub(crate) fn pop(queue: &SegmentQueue, pool: &Rc<BufferPool>) -> Option<Self> {
        let (id, start, len) = queue.pop(pool)?;
        Some(RecvBuf {
            pool: pool.clone(),
            id,
            start,
            len,
        })
    }

    /// Forgets the first `count` bytes.
    ///
    /// # Panics
    ///
    /// If `count` is more than what is there.
    pub fn advance(&mut self, count: usize) {
        assert!(count <= self.len(), "advanced past the end");
        self.start += count as u32;
        self.len -= count as u32;
    }
}

impl Deref for RecvBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: this lease holds the buffer (pool's rule 1) for at least the borrow of `self`,
        // and its range came from the completion.
        unsafe { self.pool.bytes(self.id, self.start, self.len) }
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

// SAFETY: the bytes lie in the pool's mapping, which does not move, and are held by this lease.
unsafe impl IoBuf for RecvBuf {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

impl Drop for RecvBuf {
    fn drop(&mut self) {
        self.pool.end_lease(self.id);
    }
}
