//! Files for a while, and files that are replaced as a whole.
//!
//! Names, permissions and removal are the crate tempfile's.

use super::file::File;
use super::pooled::{about, call};
use crate::event_loop::proceed_free;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A file without a name, in the system's directory for such (`TMPDIR`, or `/tmp`): gone when it is
/// closed, whatever happens to the program.
///
/// # Errors
///
/// If it cannot be made.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// Dropping it leaves no file.
pub async fn temporary_file() -> io::Result<File> {
    call(tempfile::tempfile).await.map(File::from_std)
}

/// A directory for a while.
#[derive(Debug)]
pub struct TemporaryDirectory {
    /// `None` once it is removed, or being removed.
    directory: Option<tempfile::TempDir>,
}

/// An empty directory of the program's own, in the system's directory for such.
///
/// # Errors
///
/// If it cannot be made.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// Dropping it leaves no directory.
pub async fn temporary_directory() -> io::Result<TemporaryDirectory> {
    let directory = call(tempfile::tempdir).await?;
    Ok(TemporaryDirectory {
        directory: Some(directory),
    })
}

impl TemporaryDirectory {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match &self.directory {
            Some(directory) => directory.path(),
            None => unreachable!("only `close` and the drop take it"),
        }
    }

    /// Removes it, with everything in it.
    ///
    /// # Errors
    ///
    /// If something cannot be removed.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It is removed all the same.
    pub async fn close(mut self) -> io::Result<()> {
        // While it is not taken, a drop removes it in the pool.
        proceed_free().await;
        match self.directory.take() {
            Some(directory) => call(move || directory.close()).await,
            None => Ok(()),
        }
    }
}

impl Drop for TemporaryDirectory {
    /// Removes it in the pool, if this is a runtime's thread, else here.
    fn drop(&mut self) {
        if let Some(directory) = self.directory.take() {
            crate::blocking::run_aside(move || drop(directory));
        }
    }
}

/// Makes the bytes the whole of a file, at once: whoever opens it finds the old content or the new, and
/// so does who looks after a crash. They are written to a file beside it, brought to the disk, and
/// that is given the name; then the directory is brought to the disk.
///
/// A file that was there keeps its permissions; a new one gets 0o666, less those of the umask. Where
/// the path is a symbolic link, what it leads to is replaced.
///
/// # Errors
///
/// Whichever of the steps fails; the old file then is as it was, unless it is the last one. The error
/// names the path.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// It happens as a whole or not at all.
pub async fn replace(
    path: impl AsRef<Path>,
    bytes: impl AsRef<[u8]> + Send + 'static,
) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    let replace = move || {
        // A symbolic link stays, and what it leads to is replaced.
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let permissions = match std::fs::metadata(&path) {
            Ok(metadata) => Some(metadata.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(about("replacing", &path, &error)),
        };
        let steps = || {
            // Never more than the old file allows: what is written is there to be read at once.
            let at_first = permissions.clone();
            let mut beside = tempfile::Builder::new()
                .prefix(".replacing-")
                .permissions(at_first.unwrap_or_else(|| PermissionsExt::from_mode(0o666)))
                .tempfile_in(directory)?;
            beside.write_all(bytes.as_ref())?;
            if let Some(permissions) = permissions {
                beside.as_file().set_permissions(permissions)?;
            }
            beside.as_file().sync_all()?;
            beside.persist(&path).map_err(|failed| failed.error)?;
            // So that the new name is there after a crash.
            std::fs::File::open(directory)?.sync_all()
        };
        steps().map_err(|error| about("replacing", &path, &error))
    };
    call(replace).await
}
