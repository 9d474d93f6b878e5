//! Spare write buffers, so that a connection at rest holds none and a busy one allocates none.

use std::cell::{Cell, RefCell};

/// Bytes that a fresh buffer has room for. Small, so that a thousand small answers under way at
/// once lie on few pages; buffers that need more grow, and stay so.
const FRESH: usize = 512;
/// Bytes that the store keeps in all: a thousand connections' small answers, or a few large ones.
const KEEP: usize = 4 * 1024 * 1024;
/// A larger buffer is not kept: a few big writes must not push the small ones out.
const LARGEST: usize = 64 * 1024;

/// A loop's store of empty vectors with capacity.
pub(crate) struct SpareBuffers {
    store: RefCell<Vec<Vec<u8>>>,
    bytes: Cell<usize>,
}

impl SpareBuffers {
    pub(super) fn new() -> Self {
        SpareBuffers {
            store: RefCell::new(Vec::new()),
            bytes: Cell::new(0),
        }
    }

    /// An empty buffer with some capacity.
    #[inline]
    pub(crate) fn take(&self) -> Vec<u8> {
        match self.store.borrow_mut().pop() {
            Some(buffer) => {
                self.bytes.set(self.bytes.get() - buffer.capacity());
                buffer
            }
            None => Vec::with_capacity(FRESH),
        }
    }

    /// Gives a buffer back; its content is forgotten.
    #[inline]
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        let bytes = self.bytes.get() + buffer.capacity();
        if buffer.capacity() > 0 && buffer.capacity() <= LARGEST && bytes <= KEEP {
            buffer.clear();
            self.bytes.set(bytes);
            self.store.borrow_mut().push(buffer);
        }
    }
}
