//! How much a loop copies out of the page cache at a time.
//!
//! A read that finds its bytes there has them copied on the loop's thread, a mebibyte in 40 to 130 µs:
//! 64 of them at once would keep timers and other tasks waiting for 10 ms.

use std::cell::Cell;

/// Reads up to this length are not counted: a thread would cost more than it saves.
const SMALL: usize = 64 << 10;

/// Bytes of the longer ones, on one loop: 10 to 30 µs. To hand one over to a thread costs about as
/// much, so it pays from there on; reads of a mebibyte are as fast in the pool, and with them there
/// a file is read cold with no tick above a millisecond (`benches/files.rs`), where there were some
/// of 1 to 2 ms.
const MOST: usize = 256 << 10;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// A read's share of what the loop of this thread copies; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share(usize);

impl Share {
    /// `None` if the read is too much, and for a thread of the pool.
    pub(super) fn take(len: usize) -> Option<Self> {
        let counted = if len <= SMALL { 0 } else { len };
        let taken = TAKEN.get().checked_add(counted)?;
        if counted > 0 && taken > MOST {
            return None;
        }
        TAKEN.set(taken);
        Some(Share(counted))
    }

    /// As [`take`](Self::take), for an attempt to read what is in the cache where there is no ring:
    /// `None` for all but short reads. What is not there the attempt has the disk bring, and then
    /// copies what has come of it meanwhile: up to 6 ms for a mebibyte of a file that is read on and
    /// on, and then the rest takes a thread all the same.
    pub(super) fn take_small(len: usize) -> Option<Self> {
        (len <= SMALL).then_some(Share(0))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        TAKEN.set(TAKEN.get() - self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, SMALL, Share};

    #[test]
    fn long_reads_share_and_short_ones_are_free() {
        let half = Share::take(MOST / 2);
        let other = Share::take(MOST / 2);
        assert!(half.is_some() && other.is_some());
        assert!(Share::take(SMALL + 1).is_none());
        assert!(Share::take(SMALL).is_some());
        drop(half);
        assert!(Share::take(MOST / 2).is_some());
        assert!(Share::take(usize::MAX).is_none());
    }
}
