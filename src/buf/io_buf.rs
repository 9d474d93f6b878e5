//! [`IoBuf`] and [`IoBufMut`]: what may be written, or filled, by handing it over.

use std::mem::MaybeUninit;
use std::rc::Rc;
use std::sync::Arc;

/// Bytes that the kernel may read while an operation owns them.
///
/// Implemented for the usual owners of bytes. `send(buf)` takes one and hands it back.
///
/// # Safety
///
/// `as_slice` gives the same bytes every time, and they stay readable and unchanged until the
/// value is dropped, also while the value itself moves (as heap memory does, and an array in the
/// value does not).
pub unsafe trait IoBuf: 'static {
    /// The bytes to send.
    fn as_slice(&self) -> &[u8];

    /// Where the memory is known to a ring; for this crate's own.
    #[doc(hidden)]
    fn registration(&self) -> Option<Registration> {
        None
    }
}

/// The place of some memory among those that a ring knows. Should it not be the right one, the kernel
/// refuses the operation: it compares the addresses.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    pub(crate) table: usize,
    pub(crate) place: u16,
}

// SAFETY: static bytes never move nor change.
unsafe impl IoBuf for &'static [u8] {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

// SAFETY: as for bytes.
unsafe impl IoBuf for &'static str {
    fn as_slice(&self) -> &[u8] {
        self.as_bytes()
    }
}

// SAFETY: the bytes are on the heap; moving the vector does not move them, and whoever owns the
// vector is the operation, which does not change it.
unsafe impl IoBuf for Vec<u8> {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

// SAFETY: as for a vector.
unsafe impl IoBuf for Box<[u8]> {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

// SAFETY: as for a vector.
unsafe impl IoBuf for String {
    fn as_slice(&self) -> &[u8] {
        self.as_bytes()
    }
}

// SAFETY: shared bytes are on the heap and cannot be changed while more than one owner is there;
// `Rc::get_mut` needs the operation's own handle.
unsafe impl IoBuf for Rc<[u8]> {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

// SAFETY: as for `Rc`.
unsafe impl IoBuf for Arc<[u8]> {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

/// Memory that the kernel may fill while an operation owns it.
///
/// A vector is filled from its beginning up to its capacity, and is as long afterwards as what was
/// read: `vec![0; 4096]` and `Vec::with_capacity(4096)` come to the same, and a buffer that comes
/// back can be used again. A boxed slice keeps its length.
///
/// # Safety
///
/// As for [`IoBuf`]; `room` gives the same memory every time until `set_filled` is called or the
/// value is dropped, and nobody else reads or writes it meanwhile.
pub unsafe trait IoBufMut: IoBuf {
    /// The memory to fill, whatever is in it.
    fn room(&mut self) -> &mut [MaybeUninit<u8>];

    /// The first `len` bytes of the room have been filled.
    ///
    /// # Safety
    ///
    /// They have.
    unsafe fn set_filled(&mut self, len: usize);
}

// SAFETY: the whole allocation, which stays where it is; the vector's owner is the operation.
unsafe impl IoBufMut for Vec<u8> {
    fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        self.clear();
        self.spare_capacity_mut()
    }

    unsafe fn set_filled(&mut self, len: usize) {
        // SAFETY: the caller's promise; the room begins where the vector does.
        unsafe { self.set_len(len) };
    }
}

// SAFETY: as for a vector.
unsafe impl IoBufMut for Box<[u8]> {
    fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        let (start, len) = (self.as_mut_ptr().cast(), self.len());
        // SAFETY: initialised bytes of the box, as bytes that may be; what is written to them is
        // initialised, as nothing else is written but what the kernel has.
        unsafe { std::slice::from_raw_parts_mut(start, len) }
    }

    unsafe fn set_filled(&mut self, _: usize) {}
}
