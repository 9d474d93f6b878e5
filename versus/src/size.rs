//! The size of programs: what is loaded of a file, which is what `strip` leaves.
//!
//! The programs compared are the smallest complete ones, an echo server each, as a user writes it:
//! `least-ringmill` and `least-tokio` of this package, `least-monoio` and the like of the peers'.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use object::elf::SHF_ALLOC;
use object::{Object, ObjectSection, SectionFlags};

use crate::foreign;

/// The peers that have such a program, in the order of the peers' table.
pub const PEERS: [&str; 5] = ["ringmill", "tokio", "monoio", "glommio", "compio"];

/// Builds the smallest program of a peer; where it then is.
///
/// # Errors
/// When it does not build; the peer is to be left out.
pub fn program(peer: &str) -> Result<PathBuf, String> {
    match foreign::package(peer) {
        Some(_) => foreign::build(peer)?,
        None => foreign::build_own(&["least-ringmill", "least-tokio"])?,
    }
    let own = env::current_exe().map_err(|error| error.to_string())?;
    Ok(own.with_file_name(format!("least-{peer}")))
}

/// The bytes of a program that its file must hold for it to run: the sections that are loaded,
/// without those that are only zeroes. Symbols and debugging information are not in them, so a
/// program need not be stripped before.
///
/// # Errors
/// When the file cannot be read or is no ELF.
pub fn loaded(program: &Path) -> io::Result<u64> {
    let bytes = fs::read(program)?;
    let file = object::File::parse(&*bytes).map_err(io::Error::other)?;
    let is_loaded = |flags| match flags {
        SectionFlags::Elf { sh_flags, .. } => sh_flags & u64::from(SHF_ALLOC) != 0,
        _ => false,
    };
    let sections = file.sections().filter(|section| is_loaded(section.flags()));
    // Zeroes have no place in the file.
    let sizes = sections.filter_map(|section| section.file_range().map(|(_, size)| size));
    Ok(sizes.sum())
}

#[cfg(test)]
mod tests {
    use super::loaded;
    use std::path::Path;
    use std::{env, fs};

    /// The text of this test alone is some hundred bytes; its debugging information is most of the
    /// file.
    #[test]
    fn a_program_is_smaller_without_its_symbols() {
        let own = env::current_exe().unwrap();
        let (loaded, file) = (loaded(&own).unwrap(), fs::metadata(&own).unwrap().len());
        assert!(loaded > 100_000, "{loaded}");
        assert!(loaded < file, "{loaded} of {file}");
    }

    #[test]
    fn what_is_no_program_has_no_size() {
        assert!(
            loaded(Path::new(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/Cargo.toml"
            )))
            .is_err()
        );
    }
}
