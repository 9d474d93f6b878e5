//! [`IoBuf`]: what may be sent by handing it over.

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
