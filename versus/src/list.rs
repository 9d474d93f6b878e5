//! `versus list`: what there is to measure, and whom.

use std::io::{self, Write};

use crate::catalogue;

/// Prints every workload with its cases and their contenders.
///
/// # Errors
/// When standard output takes no more.
pub fn run() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for workload in catalogue::all() {
        writeln!(out, "{}: {}", workload.name, workload.about)?;
        for case in workload.cases {
            writeln!(out, "    {}: {}", case.name, case.contenders.join(", "))?;
        }
    }
    Ok(())
}
