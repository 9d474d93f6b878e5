//! Memory that a ring knows: its pages are looked up and pinned once, not for each read and write.

use super::mapping::Mapping;
use super::ring::Ring;
use std::io;

/// Makes room for `count` pieces of memory, none of which is there yet (5.19).
pub(crate) fn make_room(ring: &Ring, count: u16) -> io::Result<()> {
    ring.submitter().register_buffers_sparse(u32::from(count))
}

/// Pins the memory and puts it at `place`; at most 1 GiB. It counts against RLIMIT_MEMLOCK.
///
/// The kernel holds the pages until `unregister` or the end of the ring, also if they are unmapped
/// meanwhile; it touches them only for submissions that name the place.
pub(crate) fn register(ring: &Ring, place: u16, memory: &Mapping) -> io::Result<()> {
    update(
        ring,
        place,
        libc::iovec {
            iov_base: memory.start().as_ptr().cast(),
            iov_len: memory.len(),
        },
    )
}

/// Empties a place. Submissions that are under way keep the pages until they end.
pub(crate) fn unregister(ring: &Ring, place: u16) -> io::Result<()> {
    update(
        ring,
        place,
        libc::iovec {
            iov_base: std::ptr::null_mut(),
            iov_len: 0,
        },
    )
}

fn update(ring: &Ring, place: u16, memory: libc::iovec) -> io::Result<()> {
    // SAFETY: the call reads one entry; what it leads to is pinned, and so outlives its mapping.
    unsafe {
        ring.submitter()
            .register_buffers_update(u32::from(place), &[memory], None)
    }
}
