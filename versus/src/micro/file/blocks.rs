//! The test files, and what is in them: every block of 4 KiB begins and ends with its number.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::during::During;
use crate::micro::Work;

/// Bytes of a random read, and what a number stands for.
pub const BLOCK: usize = 4096;

/// Bytes of a sequential read or write.
pub const PIECE: usize = 1 << 20;

/// Bytes of the file that is read.
pub const LENGTH: u64 = 256 << 20;

/// Bytes of the file that is written, again and again: few, so that the disk has to take them rarely.
pub const WRITTEN: u64 = 64 << 20;

/// Bytes of a small file.
pub const SMALL: usize = 100;

/// A block that the disk may read into.
#[repr(align(4096))]
pub struct Block(pub [u8; BLOCK]);

/// Makes the file that is read, leaves it in the page cache, and has it written to the disk.
///
/// # Errors
/// When it cannot be written.
pub fn prepare(directory: &Path) -> io::Result<()> {
    let write = || {
        let mut file = File::create(source(directory))?;
        let mut piece = vec![0; PIECE];
        for offset in (0..LENGTH).step_by(PIECE) {
            number(&mut piece, offset);
            file.write_all(&piece)?;
        }
        file.sync_all()
    };
    write().during("making the file to read")
}

/// The file that is read.
pub fn source(directory: &Path) -> PathBuf {
    directory.join("source")
}

/// The file that is read, open.
///
/// # Errors
/// When it cannot be.
pub fn open(directory: &Path, direct: bool) -> io::Result<File> {
    let flags = if direct { libc::O_DIRECT } else { 0 };
    OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(source(directory))
        .during("opening the file to read")
}

/// Whether this file system reads past the page cache.
pub fn direct(directory: &Path) -> Result<(), String> {
    let read = |file: File| file.read_exact_at(&mut Block([0; BLOCK]).0, 0);
    open(directory, true)
        .and_then(read)
        .map_err(|error| format!("needs O_DIRECT, which is not here ({error})"))
}

/// Writes the numbers of the blocks that are at `offset` of a file.
pub fn number(bytes: &mut [u8], offset: u64) {
    let first = offset / BLOCK as u64;
    for (block, number) in bytes.chunks_exact_mut(BLOCK).zip(first..) {
        block[..8].copy_from_slice(&number.to_le_bytes());
        block[BLOCK - 8..].copy_from_slice(&number.to_le_bytes());
    }
}

/// Whether these are whole blocks, and those that are at `offset` of a file.
///
/// # Errors
/// When they are not.
pub fn check(bytes: &[u8], offset: u64) -> io::Result<()> {
    let first = offset / BLOCK as u64;
    let whole = !bytes.is_empty() && bytes.len().is_multiple_of(BLOCK);
    let right = |(block, number): (&[u8], u64)| {
        let number = number.to_le_bytes();
        block[..8] == number && block[BLOCK - 8..] == number
    };
    if whole && bytes.chunks_exact(BLOCK).zip(first..).all(right) {
        return Ok(());
    }
    let len = bytes.len();
    Err(io::Error::other(format!(
        "the {len} bytes read at {offset} are wrong"
    )))
}

/// Offsets of blocks that look random (xorshift).
pub struct Places(u64);

impl Places {
    /// Another sequence for each worker.
    pub fn new(worker: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(worker + 1))
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) % (LENGTH / BLOCK as u64) * BLOCK as u64
    }
}

/// Where the piece of this number is in a file of a length, from the beginning again at its end.
pub fn piece_at(number: u64, length: u64) -> u64 {
    number * PIECE as u64 % length
}

/// A file to write, with zeros in it; removed in the end.
pub struct Target(PathBuf);

impl Target {
    /// # Errors
    /// When it cannot be made.
    pub fn new(work: &Work) -> io::Result<Self> {
        let path = work.directory.join("target");
        fs::write(&path, vec![0; WRITTEN as usize]).during("making the file to write")?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether so many pieces were written.
    ///
    /// # Errors
    /// When something else is there.
    pub fn check(&self, pieces: u64) -> io::Result<()> {
        let file = File::open(&self.0)?;
        let mut piece = vec![0; PIECE];
        for number in 0..pieces.min(WRITTEN / PIECE as u64) {
            let offset = piece_at(number, WRITTEN);
            file.read_exact_at(&mut piece, offset)?;
            check(&piece, offset)?;
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // The directory is removed in the end, whatever is in it.
        let _ = fs::remove_file(&self.0);
    }
}

/// The small file of this number.
pub fn small(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("small-{number}"))
}

/// What is in it.
pub fn small_bytes(number: u64) -> [u8; SMALL] {
    let mut bytes = [0; SMALL];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Whether a small file was read.
///
/// # Errors
/// When it was not.
pub fn check_small(bytes: &[u8], number: u64) -> io::Result<()> {
    if *bytes == small_bytes(number) {
        return Ok(());
    }
    Err(io::Error::other(format!("small file {number} is wrong")))
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, LENGTH, Places, check, number};

    #[test]
    fn another_block_or_a_part_of_one_is_noticed() {
        let mut two = vec![0; 2 * BLOCK];
        assert!(check(&two, 4096).is_err());
        number(&mut two, 4096);
        check(&two, 4096).unwrap();
        assert!(check(&two, 0).is_err());
        assert!(check(&two[..BLOCK + 1], 4096).is_err());
        assert!(check(&[], 0).is_err());
    }

    #[test]
    fn places_are_blocks_of_the_file() {
        let mut places = Places::new(0);
        let all: Vec<u64> = (0..1_000).map(|_| places.next()).collect();
        assert!(all.iter().all(|at| at % 4096 == 0 && *at < LENGTH));
        assert!(all.iter().any(|at| *at > LENGTH / 2));
    }
}
