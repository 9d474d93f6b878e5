//! Spare write buffers, so that a connection at rest holds none and a busy one allocates none.

use std::cell::RefCell;

/// Bytes that a fresh buffer has room for: a small response fits without growing.
const FRESH: usize = 2 * 1024;
/// A larger buffer is not kept: a few big writes must not pin memory for good.
const KEEP_LEN: usize = 64 * 1024;
/// Buffers kept; with `KEEP_LEN` this bounds the store to 16 MiB a loop, and in practice (small
/// writes) to half a megabyte.
const KEEP: usize = 256;

/// A loop's store of empty vectors with capacity.
pub(crate) struct SpareBuffers(RefCell<Vec<Vec<u8>>>);

impl SpareBuffers {
    pub(super) fn new() -> Self {
        SpareBuffers(RefCell::new(Vec::new()))
    }

    /// An empty buffer with some capacity.
    pub(crate) fn take(&self) -> Vec<u8> {
        let spare = self.0.borrow_mut().pop();
        spare.unwrap_or_else(|| Vec::with_capacity(FRESH))
    }

    /// Gives a buffer back; its content is forgotten.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        let mut store = self.0.borrow_mut();
        if buffer.capacity() > 0 && buffer.capacity() <= KEEP_LEN && store.len() < KEEP {
            buffer.clear();
            store.push(buffer);
        }
    }
}
