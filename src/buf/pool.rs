//! The loop's buffer pool: who holds which buffer.
//!
//! Rules, cited below by number:
//! 1. A buffer is in exactly one place: the kernel's ring, one connection's [`SegmentQueue`], or
//!    one [`RecvBuf`](super::RecvBuf). `holder` says which; every move checks it.
//! 2. Only the kernel writes to a buffer, and only while it is in the ring. So bytes of a buffer
//!    that is held may be read, for as long as they are held, as plain shared memory.
//! 3. The pool is used by one thread: it is neither `Send` nor `Sync`.
//!
//! A queue is a list threaded through the pool's own table, so a connection at rest holds neither
//! a buffer nor a heap block for a queue.

use crate::sys::buf_ring::BufRing;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

/// The end of a list.
const NIL: u16 = u16::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Kernel,
    Queue,
    Lease,
}

/// What lies in one buffer, and which follows it in its queue.
#[derive(Clone, Copy)]
struct Segment {
    start: u32,
    len: u32,
    next: u16,
    holder: Holder,
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

    /// Gives back buffer `id` and shows it to the kernel at the next flush.
    fn recycle(&self, id: u16) {
        let segment = &self.segments[usize::from(id)];
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
        debug_assert_eq!(self.segments[usize::from(id)].get().holder, Holder::Lease);
        self.recycle(id);
    }

    /// Gives back a buffer whose bytes nobody wants any more, straight from a completion.
    pub(crate) fn discard(&self, id: u16) {
        let queue = SegmentQueue::new();
        queue.push(self, id, 0);
        queue.clear(self);
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

/// Received bytes in order, as a list of the pool's buffers. Owned by one connection, which passes
/// the pool with every call.
pub(crate) struct SegmentQueue {
    head: Cell<u16>,
    tail: Cell<u16>,
    bytes: Cell<usize>,
}

impl SegmentQueue {
    pub(crate) const fn new() -> Self {
        SegmentQueue {
            head: Cell::new(NIL),
            tail: Cell::new(NIL),
            bytes: Cell::new(0),
        }
    }

    /// Bytes that wait to be read.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Takes over buffer `id`, in which the kernel has just written `len` bytes.
    ///
    /// # Panics
    ///
    /// If the kernel names a buffer that it does not have: then nothing about the pool is certain.
    #[inline]
    pub(crate) fn push(&self, pool: &BufferPool, id: u16, len: u32) {
        let segment = &pool.segments[usize::from(id)];
        assert_eq!(segment.get().holder, Holder::Kernel, "buffer {id} is held");
        assert!(len <= pool.ring.buffer_len());
        segment.set(Segment {
            start: 0,
            len,
            next: NIL,
            holder: Holder::Queue,
        });
        pool.held.set(pool.held.get() + 1);
        let tail = self.tail.replace(id);
        if tail == NIL {
            self.head.set(id);
        } else {
            let last = &pool.segments[usize::from(tail)];
            last.set(Segment {
                next: id,
                ..last.get()
            });
        }
        self.bytes.set(self.bytes.get() + len as usize);
    }

    /// Copies as much as fits into `room`, giving emptied buffers back. Returns how much.
    #[inline]
    pub(crate) fn copy_to(&self, pool: &BufferPool, room: &mut [u8]) -> usize {
        let mut copied = 0;
        while copied < room.len() && self.head.get() != NIL {
            let id = self.head.get();
            let cell = &pool.segments[usize::from(id)];
            let mut segment = cell.get();
            let len = (segment.len as usize).min(room.len() - copied);
            // SAFETY: the buffer is in this queue (rule 1) and stays until after the copy.
            let bytes = unsafe { pool.bytes(id, segment.start, len as u32) };
            room[copied..copied + len].copy_from_slice(bytes);
            copied += len;
            segment.start += len as u32;
            segment.len -= len as u32;
            if segment.len == 0 {
                self.unlink_head(segment.next);
                pool.recycle(id);
            } else {
                cell.set(segment);
            }
        }
        self.bytes.set(self.bytes.get() - copied);
        copied
    }

    /// Takes the oldest buffer out as a lease: its id, and where in it the bytes are.
    pub(super) fn pop(&self, pool: &BufferPool) -> Option<(u16, u32, u32)> {
        let id = self.head.get();
        if id == NIL {
            return None;
        }
        let cell = &pool.segments[usize::from(id)];
        let segment = cell.get();
        self.unlink_head(segment.next);
        self.bytes.set(self.bytes.get() - segment.len as usize);
        cell.set(Segment {
            holder: Holder::Lease,
            ..segment
        });
        pool.leased.set(pool.leased.get() + 1);
        Some((id, segment.start, segment.len))
    }

    /// Gives every buffer back.
    pub(crate) fn clear(&self, pool: &BufferPool) {
        while self.head.get() != NIL {
            let id = self.head.get();
            self.unlink_head(pool.segments[usize::from(id)].get().next);
            pool.recycle(id);
        }
        self.bytes.set(0);
    }

    #[inline]
    fn unlink_head(&self, next: u16) {
        self.head.set(next);
        if next == NIL {
            self.tail.set(NIL);
        }
    }
}
