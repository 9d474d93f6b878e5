//! [`RegisteredBuf`]: aligned memory that a loop's ring knows, and so need not look up for each read.
//!
//! ```text
//! Table (the driver's) ──► places 0 … 63 of the ring ──► each a Region: one mapping
//! Region = | buffer 0 | buffer 1 | …      shared by its owner and by the buffers that are out
//! ```
//!
//! A place is emptied once its region is gone, that is, when no buffer is out any more, and so in no
//! operation either: whoever drops the last one, on whatever thread, leaves a note of the place, and
//! the loop empties it at its next turn. Only the thread of a ring may speak to it.

use super::Driver;
use super::backend::Backend;
use crate::buf::{IoBuf, IoBufMut, Registration};
use crate::sys::lock;
use crate::sys::mapping::Mapping;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Regions that a ring knows at a time: each is a pool of buffers, and a program has few.
const PLACES: u16 = 64;

/// As [`AlignedBuf`](crate::AlignedBuf), for the same reason.
const ALIGNMENT: usize = 4096;

/// The places of one ring.
pub(super) struct Table {
    /// `None` until the first is wanted; none at all where the kernel has no such thing.
    free: RefCell<Option<Vec<u16>>>,
    left: Arc<Left>,
}

/// The places that nobody has a use for any more. Its address is the table's name, which nobody else
/// gets while a region holds it.
#[derive(Default)]
struct Left {
    places: Mutex<Vec<u16>>,
    some: AtomicBool,
}

/// A region's place in a table.
struct Place {
    left: Arc<Left>,
    index: u16,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.left.places).push(self.index);
        self.left.some.store(true, Ordering::Release);
    }
}

impl Table {
    pub(super) fn new() -> Self {
        Table {
            free: RefCell::new(None),
            left: Arc::default(),
        }
    }

    /// Makes the memory known, if there is a ring and it takes it.
    fn register(&self, backend: &Backend, memory: &Mapping) -> Option<Place> {
        self.empty(backend);
        let mut free = self.free.borrow_mut();
        let free = free.get_or_insert_with(|| match backend.make_room_for_memory(PLACES) {
            Ok(()) => (0..PLACES).collect(),
            Err(_) => Vec::new(),
        });
        let index = free.pop()?;
        match backend.register_memory(index, memory) {
            Ok(()) => Some(Place {
                left: self.left.clone(),
                index,
            }),
            Err(_) => {
                free.push(index);
                None
            }
        }
    }

    /// Empties the places that were left.
    pub(super) fn empty(&self, backend: &Backend) {
        if !self.left.some.load(Ordering::Relaxed) || !self.left.some.swap(false, Ordering::Acquire)
        {
            return;
        }
        let places = std::mem::take(&mut *lock(&self.left.places));
        if let Some(free) = &mut *self.free.borrow_mut() {
            for index in places {
                // One that cannot be emptied is lost, and its pages are pinned for as long as the
                // ring is there.
                if backend.unregister_memory(index).is_ok() {
                    free.push(index);
                }
            }
        }
    }
}

impl Driver {
    /// The place of registered memory, if it is in this driver's ring.
    pub(crate) fn place_of(&self, registration: Registration) -> Option<u16> {
        (registration.table == Arc::as_ptr(&self.registered.left).addr())
            .then_some(registration.place)
    }
}

/// Memory for buffers of one length.
pub(crate) struct Region {
    memory: Mapping,
    len: usize,
    /// From one buffer to the next.
    stride: usize,
    place: Option<Place>,
    /// The numbers of the buffers that are not out.
    free: Mutex<Vec<usize>>,
}

// SAFETY: the memory is only reached by the buffers, of which one at a time has each part.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Memory for `count` buffers of `len` bytes, neither of which is 0, known to the driver's ring
    /// where there is one that takes it.
    ///
    /// # Errors
    ///
    /// If there is not so much memory.
    pub(crate) fn new(driver: &Driver, count: usize, len: usize) -> io::Result<Arc<Self>> {
        let stride = len.checked_next_multiple_of(ALIGNMENT);
        let Some((stride, all)) = stride.and_then(|s| Some((s, s.checked_mul(count)?))) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let memory = Mapping::new(all)?;
        let place = match driver.life.get() {
            super::Life::Open => driver.registered.register(&driver.backend, &memory),
            super::Life::Broken | super::Life::Closed => None,
        };
        Ok(Arc::new(Region {
            memory,
            len,
            stride,
            place,
            free: Mutex::new((0..count).rev().collect()),
        }))
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.place.is_some()
    }

    pub(crate) fn buf_len(&self) -> usize {
        self.len
    }

    /// A buffer that is not out, if there is one.
    pub(crate) fn take(self: &Arc<Self>) -> Option<RegisteredBuf> {
        let number = lock(&self.free).pop()?;
        let region = self.clone();
        Some(RegisteredBuf { region, number })
    }
}

/// A buffer of a [`RegisteredBuffers`](crate::fs::RegisteredBuffers), to which it returns when it is
/// dropped. Its address is a multiple of 4,096, as that of an [`AlignedBuf`](crate::AlignedBuf).
///
/// It may go to other loops and threads, where it is memory like any other.
pub struct RegisteredBuf {
    region: Arc<Region>,
    number: usize,
}

impl RegisteredBuf {
    fn start(&self) -> NonNull<u8> {
        // SAFETY: the region has room for more than `number` buffers.
        unsafe {
            self.region
                .memory
                .start()
                .add(self.number * self.region.stride)
        }
    }
}

impl Drop for RegisteredBuf {
    fn drop(&mut self) {
        lock(&self.region.free).push(self.number);
    }
}

impl Deref for RegisteredBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes of the mapping, which began as zeros; the number is this one's alone.
        unsafe { std::slice::from_raw_parts(self.start().as_ptr(), self.region.len) }
    }
}

impl DerefMut for RegisteredBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start().as_ptr(), self.region.len) }
    }
}

// SAFETY: the bytes are in the mapping, which the value keeps, and whoever owns the value is the
// operation.
unsafe impl IoBuf for RegisteredBuf {
    fn as_slice(&self) -> &[u8] {
        self
    }

    fn registration(&self) -> Option<Registration> {
        let place = self.region.place.as_ref()?;
        Some(Registration {
            table: Arc::as_ptr(&place.left).addr(),
            place: place.index,
        })
    }
}

// SAFETY: as above; all of it.
unsafe impl IoBufMut for RegisteredBuf {
    fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        let (start, len) = (self.start().as_ptr().cast(), self.region.len);
        // SAFETY: bytes that are initialised, and stay so: nothing is written but bytes.
        unsafe { std::slice::from_raw_parts_mut(start, len) }
    }

    unsafe fn set_filled(&mut self, _: usize) {}
}

impl fmt::Debug for RegisteredBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredBuf")
            .field("len", &self.region.len)
            .field("registered", &self.region.is_registered())
            .finish_non_exhaustive()
    }
}
