//! What is asked of an open file but its bytes: calls of the system, in the pool.

use super::file::File;
use super::pooled;
use crate::sys::disk_file;
use std::fs;
use std::future::Future;
use std::io;
use std::os::fd::AsFd;

impl File {
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
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&fs::File) -> io::Result<T> + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> {
        // Std's file closes what it holds, so it is given a descriptor of its own.
        let file = self.try_clone_std();
        pooled::call(move || work(&file?))
    }
}
