//! Everything with a path: std's functions, in the pool.

use super::pooled::call_for;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// Makes the async form of a function of std's that takes one path.
macro_rules! one_path {
    ($($(#[$doc:meta])* $name:ident => $call:expr, $doing:literal, $output:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// As the function of that name in std; the error names the path.
        ///
        /// # Panics
        ///
        /// Outside of a runtime.
        ///
        /// # Cancel safety
        ///
        /// It may happen or not.
        pub async fn $name(path: impl AsRef<Path>) -> io::Result<$output> {
            call_for($doing, path, $call).await
        }
    )*};
}

one_path! {
    /// The whole of a file.
    read => |path| fs::read(path), "reading", Vec<u8>;
    /// The whole of a file, which is UTF-8.
    read_to_string => |path| fs::read_to_string(path), "reading", String;
    /// What is known of what a path leads to.
    metadata => |path| fs::metadata(path), "looking at", Metadata;
    /// What is known of a path itself, also if it is a symbolic link.
    symlink_metadata => |path| fs::symlink_metadata(path), "looking at", Metadata;
    /// Whether a path leads to something.
    exists => |path| path.try_exists(), "looking for", bool;
    /// The absolute path, without symbolic links.
    canonicalize => |path| fs::canonicalize(path), "resolving", PathBuf;
    /// What a symbolic link says.
    read_link => |path| fs::read_link(path), "reading the link", PathBuf;
    /// Makes a directory.
    create_dir => |path| fs::create_dir(path), "making the directory", ();
    /// Makes a directory, and those above it that are not there.
    create_dir_all => |path| fs::create_dir_all(path), "making the directory", ();
    /// Removes a file.
    remove_file => |path| fs::remove_file(path), "removing", ();
    /// Removes an empty directory.
    remove_dir => |path| fs::remove_dir(path), "removing the directory", ();
    /// Removes a directory and everything in it. Symbolic links are removed and not followed.
    remove_dir_all => |path| fs::remove_dir_all(path), "removing the directory", ();
}

/// Makes the async form of a function of std's that takes two paths.
macro_rules! two_paths {
    ($($(#[$doc:meta])* $name:ident => $call:expr, $doing:literal, $output:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// As the function of that name in std; the error names both paths.
        ///
        /// # Panics
        ///
        /// Outside of a runtime.
        ///
        /// # Cancel safety
        ///
        /// It may happen or not.
        pub async fn $name(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<$output> {
            let to = to.as_ref().to_owned();
            call_for($doing, from, move |from| {
                $call(from, &to)
                    .map_err(|error: io::Error| {
                        io::Error::new(error.kind(), format!("to {}: {error}", to.display()))
                    })
            })
            .await
        }
    )*};
}

two_paths! {
    /// Copies a file with its permissions, over what is there; how many bytes. The kernel copies, or
    /// shares the blocks where the file system can (copy_file_range(2)).
    copy => fs::copy, "copying", u64;
    /// Gives a file another name, in place of what has it.
    rename => fs::rename, "renaming", ();
    /// Gives a file a further name.
    hard_link => fs::hard_link, "linking", ();
    /// Makes a symbolic link `to` that says `from`.
    symlink => std::os::unix::fs::symlink, "linking", ();
}

/// Makes the bytes the whole of a file, which is made if it is not there. What was in it before is
/// gone first; [`replace`](super::replace) leaves no moment in between.
///
/// # Errors
///
/// As [`std::fs::write`]; the error names the path.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// It may happen or not, or in part.
pub async fn write(
    path: impl AsRef<Path>,
    bytes: impl AsRef<[u8]> + Send + 'static,
) -> io::Result<()> {
    call_for("writing", path, move |path| fs::write(path, bytes)).await
}

/// Who may do what with the file.
///
/// # Errors
///
/// As [`std::fs::set_permissions`]; the error names the path.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// It may happen or not.
pub async fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let change = move |path: &Path| fs::set_permissions(path, permissions);
    call_for("changing the permissions of", path, change).await
}
