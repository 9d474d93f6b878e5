//! [`File`]: an open file.

use super::open_options::OpenOptions;
use super::pooled;
use super::share::Share;
use crate::buf::{IoBuf, IoBufMut};
use crate::driver::DriverKind;
use crate::event_loop::context;
use crate::op::file_io::{self, Filling};
use crate::sys::{disk_file, errno};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::Arc;

/// An open file. It may be used from any loop, and by several operations at a time: each says where
/// it reads or writes.
///
/// Dropping it closes it, once no operation is under way on it any more; errors of that are not
/// told, as everywhere. [`sync_all`](File::sync_all) tells what the disk says. Close a large file that
/// was emptied and written anew by [`close`](File::close): ext4 begins to write it to the disk then.
#[derive(Debug)]
pub struct File {
    fd: Arc<OwnedFd>,
    direct: bool,
}

impl File {
    pub(super) fn new(file: fs::File, direct: bool) -> Self {
        File {
            fd: Arc::new(file.into()),
            direct,
        }
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// As [`OpenOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Opens a file for writing: makes it, or empties it.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// As [`OpenOptions::open`].
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let options = OpenOptions::new().write(true).create(true).truncate(true);
        options.open(path).await
    }

    /// Takes over a file that was opened elsewhere.
    pub fn from_std(file: fs::File) -> Self {
        let direct = disk_file::is_direct(file.as_fd());
        Self::new(file, direct)
    }

    /// The file as std has it: another descriptor of the same open file.
    ///
    /// # Errors
    ///
    /// If there is no descriptor to be had.
    pub fn try_clone_std(&self) -> io::Result<fs::File> {
        Ok(self.fd.try_clone()?.into())
    }

    /// Closes the file in the pool: a tenth of a second for half a gigabyte on ext4, if it was emptied and
    /// written anew and not synced. Dropping it does so on the spot.
    ///
    /// # Errors
    ///
    /// If the pool is gone; the file is closed all the same.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// The file is closed also if this is dropped.
    pub async fn close(self) -> io::Result<()> {
        let fd = self.fd;
        pooled::call(move || {
            drop(fd);
            Ok(())
        })
        .await
    }

    /// Reads at `offset` as much as is there and has room in the buffer; 0 at the end of the file
    /// (or for no room). The buffer comes back, filled from its beginning: see [`IoBufMut`].
    ///
    /// # Errors
    ///
    /// What read(2) says; the buffer then is empty, if it has a length of its own.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the buffer when the kernel has done with it. Nothing is lost: the bytes are
    /// in the file.
    pub async fn read_at<B: IoBufMut + Send>(
        &self,
        buffer: B,
        offset: u64,
    ) -> (io::Result<usize>, B) {
        let (read, buffer) = self.read_on(Filling::new(buffer), offset).await;
        (read, buffer.into_inner())
    }

    /// Fills the buffer's whole room with what is at `offset`.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at), and `UnexpectedEof` where the file is shorter; what was read
    /// before it is in the buffer.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// As [`read_at`](File::read_at).
    pub async fn read_exact_at<B: IoBufMut + Send>(
        &self,
        buffer: B,
        offset: u64,
    ) -> (io::Result<()>, B) {
        let mut buffer = Filling::new(buffer);
        let mut at = offset;
        let result = loop {
            let missing = buffer.room().len();
            if missing == 0 {
                break Ok(());
            }
            let read;
            (read, buffer) = self.read_on(buffer, at).await;
            match read {
                Ok(0) => {
                    let message = format!("the file ends {missing} bytes too soon");
                    break Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
                }
                Ok(read) => at += read as u64,
                Err(error) => break Err(error),
            }
        };
        (result, buffer.into_inner())
    }

    async fn read_on<B: IoBufMut + Send>(
        &self,
        mut buffer: Filling<B>,
        offset: u64,
    ) -> (io::Result<usize>, Filling<B>) {
        let driver = context::driver();
        // Past the page cache nothing is copied, and without a ring an attempt would wait for the disk.
        let share = if !self.direct {
            Share::take(buffer.room().len())
        } else if driver.info().kind == DriverKind::Uring {
            Share::take(0)
        } else {
            None
        };
        let buffer = if let Some(_share) = share {
            let read = file_io::read_at(driver, self.fd.clone(), buffer, offset);
            match read.await {
                (Err(error), buffer) if must_wait(&error) => buffer,
                read => return read,
            }
        } else {
            buffer
        };
        let fd = self.fd.clone();
        let wait =
            move |buffer: &mut Filling<B>| uninterrupted(|| buffer.read_on(fd.as_fd(), offset));
        pooled::call_with(buffer, wait).await
    }

    /// Writes at `offset`, and says how much: less than all where, say, the disk is nearly full. To a
    /// file that is opened with [`append`](OpenOptions::append) it writes at the end (Linux, pwrite(2),
    /// "BUGS").
    ///
    /// # Errors
    ///
    /// What write(2) says.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// The bytes may be written or not, or in part.
    pub async fn write_at<B: IoBuf + Send>(
        &self,
        buffer: B,
        offset: u64,
    ) -> (io::Result<usize>, B) {
        self.write_from(buffer, 0, offset).await
    }

    /// Writes all of the buffer at `offset`.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at), and `WriteZero` if nothing more can be written.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// As [`write_at`](File::write_at).
    pub async fn write_all_at<B: IoBuf + Send>(
        &self,
        mut buffer: B,
        offset: u64,
    ) -> (io::Result<()>, B) {
        let len = buffer.as_slice().len();
        let mut done = 0;
        while done < len {
            let written;
            (written, buffer) = self.write_from(buffer, done, offset + done as u64).await;
            match written {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buffer),
                Ok(written) => done += written,
                Err(error) => return (Err(error), buffer),
            }
        }
        (Ok(()), buffer)
    }

    async fn write_from<B: IoBuf + Send>(
        &self,
        buffer: B,
        from: usize,
        offset: u64,
    ) -> (io::Result<usize>, B) {
        let driver = context::driver();
        let buffer = if self.direct && driver.info().kind == DriverKind::Uring {
            let write = file_io::write_at(driver, self.fd.clone(), buffer, from, offset);
            match write.await {
                (Err(error), buffer) if must_wait(&error) => buffer,
                done => return done,
            }
        } else {
            buffer
        };
        let fd = self.fd.clone();
        let write = move |buffer: &mut B| {
            uninterrupted(|| disk_file::write_at(fd.as_fd(), &buffer.as_slice()[from..], offset))
        };
        pooled::call_with(buffer, write).await
    }

    /// Brings data and metadata to the disk (fsync(2)).
    ///
    /// # Errors
    ///
    /// What the disk says. After an error what was written before may be lost, and a second call may
    /// succeed all the same.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It may happen or not.
    pub async fn sync_all(&self) -> io::Result<()> {
        self.call(|file| file.sync_all()).await
    }

    /// Brings data to the disk, and of the metadata what is needed to read it (fdatasync(2)).
    ///
    /// # Errors
    ///
    /// As [`sync_all`](File::sync_all).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It may happen or not.
    pub async fn sync_data(&self) -> io::Result<()> {
        self.call(|file| file.sync_data()).await
    }

    /// Makes the file so long: cuts it, or adds zeros.
    ///
    /// # Errors
    ///
    /// What ftruncate(2) says.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It may happen or not.
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        self.call(move |file| file.set_len(len)).await
    }

    /// Reserves room on the disk for `len` bytes at `offset`, so that writing there does not fail for
    /// want of it. The file becomes as long as that reaches, unless `keep_size`.
    ///
    /// # Errors
    ///
    /// What fallocate(2) says.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It may happen or not.
    pub async fn allocate(&self, offset: u64, len: u64, keep_size: bool) -> io::Result<()> {
        self.call(move |file| disk_file::allocate(file.as_fd(), keep_size, offset, len))
            .await
    }

    /// What is known of the file.
    ///
    /// # Errors
    ///
    /// What statx(2) says.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing happens by it.
    pub async fn metadata(&self) -> io::Result<fs::Metadata> {
        self.call(|file| file.metadata()).await
    }

    /// Who may do what with the file.
    ///
    /// # Errors
    ///
    /// What fchmod(2) says.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It may happen or not.
    pub async fn set_permissions(&self, permissions: fs::Permissions) -> io::Result<()> {
        self.call(move |file| file.set_permissions(permissions))
            .await
    }

    /// Waits until nobody else has a lock on the file, and locks it (flock(2)): for this open file,
    /// whoever uses it, until [`unlock`](File::unlock) or the close.
    ///
    /// # Errors
    ///
    /// What flock(2) says.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It may happen or not, also later: a thread of the pool may be waiting. Prefer
    /// [`try_lock`](File::try_lock) where that matters.
    pub async fn lock(&self) -> io::Result<()> {
        self.call(|file| file.lock()).await
    }

    /// As [`lock`](File::lock), shared with others that do the same.
    ///
    /// # Errors
    ///
    /// As [`lock`](File::lock).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](File::lock).
    pub async fn lock_shared(&self) -> io::Result<()> {
        self.call(|file| file.lock_shared()).await
    }

    /// Locks the file, if nobody else has: at once, which does not hold the loop up.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if somebody has; else what flock(2) says.
    pub fn try_lock(&self) -> io::Result<()> {
        let file = self.try_clone_std()?;
        file.try_lock().map_err(io::Error::from)
    }

    /// Gives the lock back.
    ///
    /// # Errors
    ///
    /// What flock(2) says.
    pub fn unlock(&self) -> io::Result<()> {
        self.try_clone_std()?.unlock()
    }

    /// Runs a call of std's on the file in the pool.
    #[track_caller]
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&fs::File) -> io::Result<T> + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> {
        // Std's file closes what it holds, so it is given a descriptor of its own.
        let file = self.fd.try_clone().map(fs::File::from);
        pooled::call(move || work(&file?))
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl From<fs::File> for File {
    fn from(file: fs::File) -> Self {
        Self::from_std(file)
    }
}

/// Whether what was tried at once is to be done by a thread: it would have to wait, or this file
/// system cannot say (`EOPNOTSUPP`).
fn must_wait(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(errno::EAGAIN | errno::EOPNOTSUPP)
    )
}

/// Calls again as long as a signal interrupts it.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
