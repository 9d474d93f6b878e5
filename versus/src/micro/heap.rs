//! How much of the heap is in use. The allocator is the system's: a counting one would cost time in
//! every other figure.

use std::io;

/// Bytes that are allocated now, by all threads; as the allocator rounds them, its headers included.
///
/// # Errors
/// Where the allocator is not glibc's, which alone tells.
#[cfg(target_env = "gnu")]
pub fn in_use() -> io::Result<usize> {
    // SAFETY: it takes nothing and returns numbers.
    let statistics = unsafe { libc::mallinfo2() };
    // In the arenas, and in mappings of their own.
    Ok(statistics.uordblks + statistics.hblkhd)
}

#[cfg(not(target_env = "gnu"))]
pub fn in_use() -> io::Result<usize> {
    Err(io::Error::other(
        "only glibc's allocator tells what is in use",
    ))
}

/// What one of `items` takes that were made since `before`.
///
/// # Errors
/// As [`in_use`].
pub fn each_since(before: usize, items: usize) -> io::Result<f64> {
    Ok((in_use()? as f64 - before as f64) / items as f64)
}
