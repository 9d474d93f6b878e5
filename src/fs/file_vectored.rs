//! Reading and writing several buffers of a file as one.

use super::file::File;
use crate::buf::{IoBuf, IoBufMut};
use crate::op::file_vectored::{FillingAll, PouringAll};
use std::io;

impl File {
    /// Reads at `offset` into several buffers, one after the other: as much as is there and has room,
    /// as [`read_at`](File::read_at) does with one. At most the first 1,024 that have room are filled
    /// (readv(2), `IOV_MAX`). All come back, those that nothing was read into empty, if they have a
    /// length of their own.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use ringmill::fs;
    ///
    /// ringmill::block_on(async {
    ///     let file = fs::temporary_file().await?;
    ///     let (written, _) = file.write_all_vectored_at(vec!["head", "and body"], 0).await;
    ///     written?;
    ///     let rooms = vec![vec![0; 4], vec![0; 100]];
    ///     let (read, rooms) = file.read_vectored_at(rooms, 0).await;
    ///     assert_eq!(read?, 12);
    ///     assert_eq!(rooms, [&b"head"[..], b"and body"]);
    ///     # std::io::Result::Ok(())
    /// })??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at). A file opened with
    /// [`direct`](super::OpenOptions::direct) asks of each buffer what it asks of one.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// As [`read_at`](File::read_at).
    pub async fn read_vectored_at<B: IoBufMut + Send>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> (io::Result<usize>, Vec<B>) {
        let (read, filling) = self.read_on(FillingAll::new(buffers), offset).await;
        (read, filling.into_inner())
    }

    /// Fills the whole room of several buffers, however many, with what is at `offset`.
    ///
    /// # Errors
    ///
    /// As [`read_exact_at`](File::read_exact_at).
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// As [`read_at`](File::read_at).
    pub async fn read_exact_vectored_at<B: IoBufMut + Send>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> (io::Result<()>, Vec<B>) {
        let (read, filling) = self.read_whole(FillingAll::new(buffers), offset).await;
        (read, filling.into_inner())
    }

    /// Writes several buffers at `offset`, one after the other, and says how much: as
    /// [`write_at`](File::write_at) does with one, and at most the first 1,024 that are not empty
    /// (writev(2), `IOV_MAX`).
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at). A file opened with
    /// [`direct`](super::OpenOptions::direct) asks of each buffer what it asks of one.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// As [`write_at`](File::write_at).
    pub async fn write_vectored_at<B: IoBuf + Send>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> (io::Result<usize>, Vec<B>) {
        let (written, pouring) = self.write_on(PouringAll::new(buffers), offset).await;
        (written, pouring.into_inner())
    }

    /// Writes all of several buffers, however many, at `offset`.
    ///
    /// # Errors
    ///
    /// As [`write_all_at`](File::write_all_at).
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// As [`write_at`](File::write_at).
    pub async fn write_all_vectored_at<B: IoBuf + Send>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> (io::Result<()>, Vec<B>) {
        let (written, pouring) = self.write_whole(PouringAll::new(buffers), offset).await;
        (written, pouring.into_inner())
    }
}
