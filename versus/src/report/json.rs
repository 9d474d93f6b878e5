//! The JSON file: everything, every sample.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::results::Results;

/// Writes the whole run.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, results: &Results) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut out, results)?;
    writeln!(out)?;
    out.flush()
}
