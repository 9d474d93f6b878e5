//! [`AlignedBuf`]: memory for files that are read and written past the page cache.

use super::io_buf::{IoBuf, IoBufMut};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// What every file system on common devices asks for at most: a page, and a sector of 4 KiB.
const ALIGNMENT: usize = 4096;

/// Bytes at an address that is a multiple of 4,096, as O_DIRECT asks for; see
/// [`OpenOptions::direct`](crate::fs::OpenOptions::direct). Lengths and offsets must be multiples of
/// the device's sector, too: 512 or 4,096 bytes.
pub struct AlignedBuf {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: it owns its bytes alone, as a boxed slice does.
unsafe impl Send for AlignedBuf {}
// SAFETY: as above.
unsafe impl Sync for AlignedBuf {}

impl AlignedBuf {
    /// So many zeros.
    ///
    /// # Panics
    ///
    /// If `len` is 0 or more than `isize::MAX` allows.
    pub fn new(len: usize) -> Self {
        assert!(len > 0, "an aligned buffer has at least one byte");
        let layout = Self::layout(len);
        // SAFETY: the layout's size is not 0.
        let start = unsafe { alloc_zeroed(layout) };
        match NonNull::new(start) {
            Some(start) => AlignedBuf { start, len },
            None => handle_alloc_error(layout),
        }
    }

    fn layout(len: usize) -> Layout {
        Layout::from_size_align(len, ALIGNMENT).expect("a length that fits into memory")
    }
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.len)) };
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes, initialised from the beginning.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

// SAFETY: the bytes are on the heap, and whoever owns the value is the operation.
unsafe impl IoBuf for AlignedBuf {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

// SAFETY: as above; the whole allocation.
unsafe impl IoBufMut for AlignedBuf {
    fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: bytes that are initialised, and stay so: nothing is written but bytes.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len) }
    }

    unsafe fn set_filled(&mut self, _: usize) {}
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignedBuf")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
