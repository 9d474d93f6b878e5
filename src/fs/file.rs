//! [`File`]: an open file.

use super::cursor::Cursor;
use super::open_options::OpenOptions;
use super::pooled;
use super::share::Share;
use crate::buf::{IoBuf, IoBufMut};
use crate::driver::DriverKind;
use crate::event_loop::{Disturbs, context, proceed, refund, uncancelled};
use crate::op::file_io::{self, Fill, Filling, Pour, Pouring};
use crate::sys::{beneath, disk_file, errno};
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

    /// Opens what `path` leads to from a directory, for reading, if that is beneath it: for paths
    /// that strangers choose. No `..`, symbolic link or absolute path leads out, whatever is renamed
    /// meanwhile: the kernel refuses the step itself (openat2(2), `RESOLVE_BENEATH`). Before Linux
    /// 5.6 what was found is looked at, and only then opened; this needs /proc.
    ///
    /// Whatever it is, it is opened at once, also a FIFO that nobody writes to: see by the metadata
    /// what it is before you read it.
    ///
    /// ```no_run
    /// # async fn open() -> std::io::Result<()> {
    /// use ringmill::fs::File;
    ///
    /// let directory = File::open("/srv/www").await?;
    /// let (file, metadata) = File::open_beneath(&directory, "a/page.html").await?;
    /// assert!(metadata.is_file());
    /// assert!(File::open_beneath(&directory, "../secret").await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `CrossesDevices` if it is not beneath the directory: also for a symbolic link that is absolute,
    /// unless the kernel is one before 5.6 and the link leads back. Else what openat2(2) and fstat(2)
    /// say, with the system's number and without the path.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves no file open.
    pub async fn open_beneath(
        directory: &File,
        path: impl AsRef<Path>,
    ) -> io::Result<(Self, fs::Metadata)> {
        let (directory, path) = (directory.fd.clone(), path.as_ref().to_owned());
        let open = move || {
            let file = fs::File::from(beneath::open(directory.as_fd(), &path)?);
            let metadata = file.metadata()?;
            Ok((file, metadata))
        };
        let (file, metadata) = pooled::call(open).await?;
        Ok((Self::from_std(file), metadata))
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

    /// Reads and writes from `offset` on, into and from borrowed memory.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use ringmill::fs;
    ///
    /// ringmill::block_on(async {
    ///     let mut cursor = fs::temporary_file().await?.cursor(0);
    ///     cursor.write_all(b"one line\nand another\n").await?;
    ///     cursor.seek(std::io::SeekFrom::Start(9)).await?;
    ///     let mut rest = Vec::new();
    ///     cursor.read_to_end(&mut rest).await?;
    ///     assert_eq!(rest, b"and another\n");
    ///     # std::io::Result::Ok(())
    /// })??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cursor(self, offset: u64) -> Cursor {
        Cursor::new(Arc::new(self), offset)
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
        let (read, filling) = self.read_on(Filling::new(buffer), offset).await;
        (read, filling.into_inner())
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
        let (read, filling) = self.read_whole(Filling::new(buffer), offset).await;
        (read, filling.into_inner())
    }

    /// Reads until no room is left.
    pub(super) async fn read_whole<F: Fill + Send>(
        &self,
        mut fill: F,
        mut offset: u64,
    ) -> (io::Result<()>, F) {
        if fill.left() == 0 {
            proceed().await;
        }
        loop {
            let missing = fill.left();
            if missing == 0 {
                return (Ok(()), fill);
            }
            let read;
            (read, fill) = self.read_on(fill, offset).await;
            match read {
                Ok(0) => {
                    let message = format!("the file ends {missing} bytes too soon");
                    let error = io::Error::new(io::ErrorKind::UnexpectedEof, message);
                    return (Err(error), fill);
                }
                Ok(read) => offset = offset.saturating_add(read as u64),
                Err(error) => return (Err(error), fill),
            }
        }
    }

    pub(super) async fn read_on<F: Fill + Send>(
        &self,
        mut fill: F,
        offset: u64,
    ) -> (io::Result<usize>, F) {
        proceed().await;
        if let Err(error) = check(offset) {
            return (Err(error), fill);
        }
        let driver = context::driver();
        let has_ring = driver.info().kind == DriverKind::Uring;
        let share = match (self.direct, has_ring) {
            // Past the page cache nothing is copied.
            (true, true) => Share::take(0),
            // An attempt would wait for the disk.
            (true, false) => None,
            (false, true) => Share::take(fill.left()),
            (false, false) => Share::take_small(fill.left()),
        };
        let fill = if let Some(_share) = share {
            let _disturbance = Disturbs::default().begin();
            let reading = file_io::read_at(driver, self.fd.clone(), fill, offset);
            match uncancelled(reading).await {
                (Err(error), fill) if must_wait(&error) => fill,
                read => return read,
            }
        } else {
            fill
        };
        let fd = self.fd.clone();
        let wait = move |fill: &mut F| uninterrupted(|| fill.read_on(fd.as_fd(), offset));
        // The pool's job takes its own.
        refund();
        pooled::call_with(fill, wait).await
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
        let (written, pouring) = self.write_on(Pouring::new(buffer), offset).await;
        (written, pouring.into_inner())
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
        buffer: B,
        offset: u64,
    ) -> (io::Result<()>, B) {
        let (written, pouring) = self.write_whole(Pouring::new(buffer), offset).await;
        (written, pouring.into_inner())
    }

    /// Writes until nothing is left.
    pub(super) async fn write_whole<P: Pour + Send>(
        &self,
        mut pour: P,
        mut offset: u64,
    ) -> (io::Result<()>, P) {
        if pour.left() == 0 {
            proceed().await;
        }
        while pour.left() > 0 {
            let written;
            (written, pour) = self.write_on(pour, offset).await;
            match written {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), pour),
                Ok(written) => offset = offset.saturating_add(written as u64),
                Err(error) => return (Err(error), pour),
            }
        }
        (Ok(()), pour)
    }

    pub(super) async fn write_on<P: Pour + Send>(
        &self,
        pour: P,
        offset: u64,
    ) -> (io::Result<usize>, P) {
        proceed().await;
        if let Err(error) = check(offset) {
            return (Err(error), pour);
        }
        let driver = context::driver();
        let pour = if self.direct && driver.info().kind == DriverKind::Uring {
            let _disturbance = Disturbs::default().begin();
            let writing = file_io::write_at(driver, self.fd.clone(), pour, offset);
            match uncancelled(writing).await {
                (Err(error), pour) if must_wait(&error) => pour,
                done => return done,
            }
        } else {
            pour
        };
        let fd = self.fd.clone();
        let write = move |pour: &mut P| uninterrupted(|| pour.write_on(fd.as_fd(), offset));
        // The pool's job takes its own.
        refund();
        pooled::call_with(pour, write).await
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

/// Files have signed offsets; the kernel takes -1 for "where the open file is".
fn check(offset: u64) -> io::Result<()> {
    if i64::try_from(offset).is_ok() {
        return Ok(());
    }
    let message = format!("the offset {offset} is beyond what a file can have");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
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
