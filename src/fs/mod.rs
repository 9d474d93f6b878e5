//! Files: read and written without holding a loop up.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ringmill::fs::{self, File};
//!
//! ringmill::block_on(async {
//!     let directory = fs::temporary_directory().await?;
//!     let path = directory.path().join("greeting");
//!     fs::write(&path, "hello, file").await?;
//!     let file = File::open(&path).await?;
//!     let (read, buffer) = file.read_at(vec![0; 5], 7).await;
//!     assert_eq!((read?, &buffer[..]), (4, &b"file"[..]));
//!     # std::io::Result::Ok(())
//! })??;
//! # Ok(())
//! # }
//! ```
//!
//! # Where what happens
//!
//! | | io_uring | epoll |
//! |---|---|---|
//! | [`read_at`](File::read_at) | the ring: what is cached at once, the rest without a thread | what is cached at once, the rest in the pool |
//! | the same of more than 64 KiB, beyond 1 MiB of them at a time on a loop | the pool | the pool |
//! | `read_at` of a file opened with [`direct`](OpenOptions::direct) | the ring | the pool |
//! | [`write_at`](File::write_at) to a file opened with [`direct`](OpenOptions::direct) | the ring | the pool |
//! | other writes, syncs, and everything with a path | the pool | the pool |
//!
//! The pool is that of [`spawn_blocking`](crate::blocking::spawn_blocking). The ring would run the
//! operations of the last row in threads of the kernel, which cost as much or more, are capped less well, and
//! take a submission for each of the calls that one closure makes together (open, read and close a
//! small file). Measured on ext4 and two virtual processors, Linux 6.18: µs of processor time for an
//! operation, threads of the kernel included (medians of five runs, which vary by a fifth and more).
//!
//! | buffered | pool | ring |
//! |---|---|---|
//! | 4 KiB written, one at a time | 5.7 | 12.8 |
//! | 4 KiB written, 64 at a time | 2.8 | 2.4 |
//! | 1 MiB written, one at a time | 176 | 195 |
//! | 1 MiB written, 8 at a time | 299 (180 to 322) | 205 (191 to 236) |
//! | 4 KiB written and fdatasync, one at a time | 88 | 87 |
//! | 4 KiB written and fdatasync, 16 at a time | 46 | 61 |
//!
//! Past the page cache a read costs less processor time with [`RegisteredBuffers`]: a tenth at 4 KiB,
//! two thirds at 1 MiB.
//!
//! Dropping a [`File`] closes it on the spot, which may take long after much was written:
//! [`File::close`].
//!
//! # Paths that strangers choose
//!
//! [`File::open_beneath`] opens what is in a directory and nothing that is not, whatever the path
//! says and whoever changes links meanwhile; a check of the path before it is opened cannot.
//!
//! # Cancel safety
//!
//! Dropping the future of an operation that the pool runs cancels it if it has not begun; one that
//! has goes on to its end by itself, as the operating system's calls cannot be taken back. Nothing
//! is lost by dropping a read.

mod cursor;
mod directory;
mod file;
mod file_calls;
mod file_vectored;
mod open_options;
mod paths;
mod pooled;
mod registered_buffers;
mod share;
mod temporary;

pub use crate::driver::RegisteredBuf;
pub use cursor::Cursor;
pub use directory::{DirEntry, ReadDir, read_dir};
pub use file::File;
pub use open_options::OpenOptions;
pub use paths::{
    canonicalize, copy, create_dir, create_dir_all, exists, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink,
    symlink_metadata, write,
};
pub use registered_buffers::RegisteredBuffers;
pub use std::fs::{FileType, Metadata, Permissions};
pub use temporary::{TemporaryDirectory, replace, temporary_directory, temporary_file};
