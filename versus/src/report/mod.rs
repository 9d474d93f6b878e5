//! What comes out: tables on stdout, a JSON file, a page.

pub mod json;
pub mod table;
pub mod units;

use std::fs;
use std::io;
use std::path::Path;

use crate::results::Results;

/// Writes the report of a run.
///
/// # Errors
/// When the directory cannot be made or written to.
pub fn write_directory(results: &Results, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    json::write(&directory.join("results.json"), results)
}
