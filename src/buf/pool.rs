//! The loop's buffer pool: who holds which buffer.
//!
//! Rules, cited below by number:
//! 1. A buffer is in exactly one place: the ring, one connection's [`SegmentQueue`], or
//!    one [`RecvBuf`](super::RecvBuf). `holder` says which; every move checks it.
//! 2. A buffer is written to only while it is in the ring: by the kernel, which picks from it, or,
//!    where none does, by a receive in [`BufferPool::fill`]. So bytes of a buffer
//!    that is held may be read, for as long as they are held, as plain shared memory.
//! 3. The pool is used by one thread: it is neither `Send` nor `Sync`.
//! 4. Queues and leases together take at most three quarters of the pool: beyond that arrivals are
//!    copied to the heap as they are reaped ([`BufferPool::is_scarce`]). So neither slow readers nor
//!    hoarded leases keep the other connections from receiving; the pool is empty only within a
//!    batch, until the loop has reaped it.

use crate::sys::buf_ring::BufRing;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::rc::{Rc, Weak};

/// The end of a list.
pub(super) const NIL: u16 = u16::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Kernel,
    Queue,
    Lease,
}

/// What lies in one buffer, and which follows it in its queue.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) next: u16,
    pub(super) holder: Holder,
}

/// Something that waits for a buffer to come back.
pub(crate) trait Starved {
    /// Buffers are there again: receive.
    fn fed(self: Rc<Self>);
}

pub(crate) struct BufferPool {
    ring: BufRing,
    segments: Box<[Cell<Segment>]>,
    /// Buffers not in the kernel's ring.
    held: Cell<u32>,
    /// Of these, the ones in users' hands.
    leased: Cell<u32>,
    /// Connections whose receive ended for want of a buffer, oldest first; at most one entry each.
    /// Weak: one that is dropped while it waits here closes at once.
    starved: RefCell<VecDeque<Weak<dyn Starved>>>,
}

impl BufferPool {
    pub(crate) fn new(ring: BufRing) -> Self {
        let empty = Segment {
            start: 0,
            len: 0,
            next: NIL,
            holder: Holder::Kernel,
        };
        BufferPool {
            segments: vec![Cell::new(empty); usize::from(ring.count())].into(),
            ring,
            held: Cell::new(0),
            leased: Cell::new(0),
            starved: RefCell::new(VecDeque::new()),
        }
    }

    pub(crate) fn ring(&self) -> &BufRing {
        &self.ring
    }

    /// Buffers in users' hands.
    pub(crate) fn leased(&self) -> u32 {
        self.leased.get()
    }

    /// The table's entry of a buffer.
    ///
    /// # Panics
    ///
    /// If there is no such buffer: if the kernel named it, nothing about the pool is certain.
    #[inline]
    pub(super) fn segment(&self, id: u16) -> &Cell<Segment> {
        &self.segments[usize::from(id)]
    }

    /// Whether few buffers are left to the kernel, a quarter or less.
    #[inline]
    pub(super) fn is_scarce(&self) -> bool {
        4 * self.held.get() as usize >= 3 * usize::from(self.ring.count())
    }

    /// Takes buffer `id`, which the kernel has filled with `len` bytes, out of its hands.
    #[inline]
    pub(super) fn hold(&self, id: u16, len: u32) {
        let segment = self.segment(id);
        assert_eq!(segment.get().holder, Holder::Kernel, "buffer {id} is held");
        assert!(len <= self.ring.buffer_len());
        segment.set(Segment {
            start: 0,
            len,
            next: NIL,
            holder: Holder::Queue,
        });
        self.held.set(self.held.get() + 1);
    }

    /// Has `receive` write to a free buffer, and tells which and how much; for a driver whose kernel
    /// does not pick buffers. The buffer is then to be held or discarded. `None` if none is free.
    #[inline]
    pub(crate) fn fill(
        &self,
        receive: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<usize>,
    ) -> Option<io::Result<(u16, usize)>> {
        let id = self.ring.take()?;
        let start = self.ring.start(id).cast::<MaybeUninit<u8>>();
        // SAFETY: the whole buffer is inside the mapping; it was in the ring and is now out of it,
        // and nobody else's before it is held (rule 1).
        let room = unsafe {
            std::slice::from_raw_parts_mut(start.as_ptr(), self.ring.buffer_len() as usize)
        };
        let received = receive(room);
        if !matches!(received, Ok(len) if len > 0) {
            self.ring.add(id);
        }
        Some(received.map(|len| (id, len)))
    }

    /// Makes a lease of a buffer in a queue.
    #[inline]
    pub(super) fn lease(&self, id: u16) {
        let segment = self.segment(id);
        segment.set(Segment {
            holder: Holder::Lease,
            ..segment.get()
        });
        self.leased.set(self.leased.get() + 1);
    }

    /// Gives back buffer `id` and shows it to the kernel at the next flush.
    #[inline]
    pub(super) fn recycle(&self, id: u16) {
        let segment = self.segment(id);
        let mut inner = segment.get();
        assert_ne!(inner.holder, Holder::Kernel, "buffer {id} given back twice");
        if inner.holder == Holder::Lease {
            self.leased.set(self.leased.get() - 1);
        }
        inner.holder = Holder::Kernel;
        segment.set(inner);
        self.held.set(self.held.get() - 1);
        self.ring.add(id);
    }

    /// Gives back a lease.
    pub(super) fn end_lease(&self, id: u16) {
        debug_assert_eq!(self.segment(id).get().holder, Holder::Lease);
        self.recycle(id);
    }

    /// Gives back a buffer whose bytes nobody wants any more, straight from a completion.
    pub(crate) fn discard(&self, id: u16) {
        self.hold(id, 0);
        self.recycle(id);
    }

    /// Puts a connection in line for the next free buffer.
    pub(crate) fn starve(&self, who: Weak<dyn Starved>) {
        self.starved.borrow_mut().push_back(who);
    }

    /// Publishes returned buffers and lets as many starved connections receive as there are free
    /// buffers. Called before every enter.
    pub(crate) fn flush(&self) {
        self.ring.publish();
        for _ in 0..self.feedable() {
            let Some(next) = self.starved.borrow_mut().pop_front() else {
                return;
            };
            if let Some(next) = next.upgrade() {
                next.fed();
            }
        }
    }

    /// Whether a flush would let a starved connection receive. One that was let may have had no
    /// use for its buffer, so this can be so after a flush, too: then the loop must not block.
    pub(crate) fn can_feed(&self) -> bool {
        self.feedable() > 0
    }

    /// How many starved connections there are buffers for.
    fn feedable(&self) -> usize {
        match self.starved.borrow().len() {
            0 => 0,
            starved => starved.min(usize::from(self.ring.count()) - self.held.get() as usize),
        }
    }

    /// Lets go of everyone in line; the pool's loop is gone.
    pub(crate) fn forget_starved(&self) {
        let starved = std::mem::take(&mut *self.starved.borrow_mut());
        drop(starved);
    }

    /// The bytes of a held buffer.
    ///
    /// # Safety
    ///
    /// The buffer is held (rule 1) for the whole of `'a`, and `start + len` is within what the
    /// kernel wrote.
    pub(super) unsafe fn bytes<'a>(&self, id: u16, start: u32, len: u32) -> &'a [u8] {
        assert!(start as usize + len as usize <= self.ring.buffer_len() as usize);
        // SAFETY: in bounds of buffer `id` by the assertion; nobody writes to it while it is held
        // (rule 2), and the caller holds it for 'a.
        unsafe {
            let first = self.ring.start(id).add(start as usize);
            std::slice::from_raw_parts(first.as_ptr(), len as usize)
        }
    }
}
