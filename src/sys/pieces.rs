//! [`Pieces`]: memory here and there, as readv(2) and its kin are told of it.

use super::file::MOST_PIECES;

/// Where the memory of one call lies, without what it has been used up of. It owns none of it.
pub(crate) struct Pieces {
    /// None of those that are left is empty.
    all: Vec<libc::iovec>,
    next: usize,
}

// SAFETY: addresses and lengths. Who follows them has promised that they are good.
unsafe impl Send for Pieces {}

impl Pieces {
    pub(crate) fn with_capacity(count: usize) -> Self {
        Pieces {
            all: Vec::with_capacity(count),
            next: 0,
        }
    }

    pub(crate) fn push(&mut self, start: *const u8, len: usize) {
        if len > 0 {
            self.all.push(libc::iovec {
                iov_base: start.cast_mut().cast(),
                iov_len: len,
            });
        }
    }

    /// Bytes that are left, or as many as can be counted.
    pub(crate) fn left(&self) -> usize {
        let left = self.all[self.next..].iter().map(|piece| piece.iov_len);
        left.fold(0, usize::saturating_add)
    }

    /// What is left, as far as one call takes it; it stays where it is until the next
    /// [`advance`](Pieces::advance). The kernel cuts their sum to what one call moves by itself.
    pub(crate) fn in_one_call(&self) -> (*const libc::iovec, u32) {
        let left = &self.all[self.next..];
        (left.as_ptr(), left.len().min(MOST_PIECES) as u32)
    }

    /// So many bytes are used up.
    ///
    /// # Panics
    ///
    /// If they are more than were left.
    pub(crate) fn advance(&mut self, mut bytes: usize) {
        while bytes > 0 {
            let piece = &mut self.all[self.next];
            let used = bytes.min(piece.iov_len);
            piece.iov_base = piece.iov_base.wrapping_byte_add(used);
            piece.iov_len -= used;
            if piece.iov_len == 0 {
                self.next += 1;
            }
            bytes -= used;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_PIECES, Pieces};

    #[test]
    fn what_is_used_up_is_left_out() {
        let bytes = [0_u8; 100];
        let mut pieces = Pieces::with_capacity(3);
        for len in [10, 0, 20] {
            pieces.push(bytes.as_ptr(), len);
        }
        assert_eq!((pieces.left(), pieces.in_one_call().1), (30, 2));
        pieces.advance(4);
        assert_eq!((pieces.left(), pieces.in_one_call().1), (26, 2));
        // SAFETY: the first of two.
        let first = unsafe { *pieces.in_one_call().0 };
        assert_eq!(first.iov_base.cast_const().cast(), &raw const bytes[4]);
        pieces.advance(7);
        assert_eq!((pieces.left(), pieces.in_one_call().1), (19, 1));
        pieces.advance(19);
        assert_eq!((pieces.left(), pieces.in_one_call().1), (0, 0));
        for _ in 0..=MOST_PIECES {
            pieces.push(bytes.as_ptr(), 1);
        }
        assert_eq!(pieces.in_one_call().1 as usize, MOST_PIECES);
        pieces.push(bytes.as_ptr(), usize::MAX);
        assert_eq!(pieces.left(), usize::MAX);
    }
}
