//! [`OpenOptions`]: how a file is opened.

use super::file::File;
use super::pooled;
use crate::sys::disk_file::DIRECT;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How a file is opened, as [`std::fs::OpenOptions`], and [`direct`](OpenOptions::direct).
///
/// ```no_run
/// # async fn open() -> std::io::Result<()> {
/// let log = ringmill::fs::OpenOptions::new().append(true).create(true).open("log").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    options: fs::OpenOptions,
    flags: i32,
    direct: bool,
}

impl OpenOptions {
    /// Nothing is allowed yet: [`read`](Self::read), [`write`](Self::write) or
    /// [`append`](Self::append) it must be.
    pub fn new() -> Self {
        OpenOptions {
            options: fs::OpenOptions::new(),
            flags: 0,
            direct: false,
        }
    }

    /// For reading. Default no.
    pub fn read(mut self, read: bool) -> Self {
        self.options.read(read);
        self
    }

    /// For writing. Default no.
    pub fn write(mut self, write: bool) -> Self {
        self.options.write(write);
        self
    }

    /// For writing at the end, wherever that is at the time of each write. Default no.
    pub fn append(mut self, append: bool) -> Self {
        self.options.append(append);
        self
    }

    /// Emptied first. Default no.
    pub fn truncate(mut self, truncate: bool) -> Self {
        self.options.truncate(truncate);
        self
    }

    /// Made if it is not there. Default no.
    pub fn create(mut self, create: bool) -> Self {
        self.options.create(create);
        self
    }

    /// Made, and an error if it is there. Default no.
    pub fn create_new(mut self, create_new: bool) -> Self {
        self.options.create_new(create_new);
        self
    }

    /// The permissions of a file that is made, less those of the umask. Default 0o666.
    pub fn mode(mut self, mode: u32) -> Self {
        self.options.mode(mode);
        self
    }

    /// Further flags of open(2).
    pub fn custom_flags(mut self, flags: i32) -> Self {
        self.flags = flags;
        self
    }

    /// Past the page cache (`O_DIRECT`). Buffers must then be aligned (see
    /// [`AlignedBuf`](crate::AlignedBuf)), and offsets and lengths be multiples of the device's
    /// sector; otherwise operations fail with `InvalidInput`. Default no.
    pub fn direct(mut self, direct: bool) -> Self {
        self.direct = direct;
        self
    }

    /// Opens the file.
    ///
    /// # Errors
    ///
    /// What open(2) says, with the path.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves no file open; it may have been made, or emptied.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let mut options = self.options.clone();
        let flags = self.flags | if self.direct { DIRECT } else { 0 };
        options.custom_flags(flags);
        let open = move |path: &Path| options.open(path);
        let file = pooled::call_for("opening", path, open).await?;
        Ok(File::new(file, flags & DIRECT != 0))
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}
