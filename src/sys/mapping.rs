//! Anonymous, page-aligned memory that a forked child does not share.

use std::io;
use std::ptr::NonNull;

/// A private anonymous mapping, zeroed, given back on drop.
///
/// `MADV_DONTFORK`: a page that the kernel holds pinned (the entries of a buffer ring) must not
/// become copy-on-write by a fork, or the parent writes to a copy that the kernel never reads.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// Maps `len` bytes (more than 0), rounded up to whole pages by the kernel.
    pub(crate) fn new(len: usize) -> io::Result<Self> {
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory of
        // anyone else's.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapping = Mapping { start, len };
        // SAFETY: the range is the mapping just made.
        if unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_DONTFORK) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(mapping)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is exactly what mmap gave, and the owner of the mapping owned all
        // pointers into it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
