//! Files: read at random and in order, from the page cache and past it, written, and many small ones.
//!
//! Ringmill and Tokio are one loop, or one current-thread runtime, on the first processor; the threads
//! of their pools may use both. Every read is checked but fio's, which checks nothing: a block that
//! does not hold its number is an error, and so is one that was not written.
//!
//! - `blocks`: the file that is read, the one that is written, the small ones; what is in them

mod blocks;
mod fio;
mod ring;
mod ring_small;
mod ringmill;
mod std_pread;
mod tokio;

use super::{Case, Suite, contender};
use crate::results::Figure;
pub use blocks::prepare;

/// Reads, or small files, under way at a time.
const DEPTH: u64 = 64;

/// All that `versus file` measures.
pub static SUITE: Suite = Suite {
    name: "file",
    first: 256,
    cases: &[
        Case {
            name: "random-cached",
            about: "4 KiB from anywhere in 256 MiB that are in the page cache, 64 at a time",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::random_cached),
                contender("ringmill-epoll", ringmill::random_cached_epoll),
                contender("tokio", tokio::random_cached),
                contender("std", std_pread::random_cached),
                contender("ring", ring::random_cached),
                contender("fio", fio::random_cached).needing(fio::installed),
            ],
        },
        Case {
            name: "random-direct",
            about: "the same past the page cache (O_DIRECT)",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::random_direct).needing(blocks::direct),
                contender("ringmill-epoll", ringmill::random_direct_epoll).needing(blocks::direct),
                contender("tokio", tokio::random_direct).needing(blocks::direct),
                contender("std-1-thread-depth-1", std_pread::random_direct).needing(blocks::direct),
                contender("ring", ring::random_direct).needing(blocks::direct),
                contender("fio", fio::random_direct).needing(fio::installed_and_direct),
            ],
        },
        Case {
            name: "sequential-read",
            about: "1 MiB after another from the page cache",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::sequential_read),
                contender("ringmill-epoll", ringmill::sequential_read_epoll),
                contender("tokio", tokio::sequential_read),
                contender("std", std_pread::sequential_read),
                contender("ring", ring::sequential_read),
                contender("fio", fio::sequential_read).needing(fio::installed),
            ],
        },
        Case {
            name: "sequential-write",
            about: "1 MiB after another to the page cache, over what was there",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::sequential_write),
                contender("ringmill-epoll", ringmill::sequential_write_epoll),
                contender("tokio", tokio::sequential_write),
                contender("std", std_pread::sequential_write),
                contender("ring", ring::sequential_write),
                contender("fio", fio::sequential_write).needing(fio::installed),
            ],
        },
        Case {
            name: "small-files",
            about: "files made, written (100 bytes), synced, read, removed; 64 at a time but for std",
            headline: Figure::Elapsed,
            contenders: &[
                contender("ringmill", ringmill::small_files),
                contender("ringmill-epoll", ringmill::small_files_epoll),
                contender("tokio", tokio::small_files),
                contender("std", std_pread::small_files),
                contender("ring", ring_small::small_files),
            ],
        },
    ],
};

/// How many of the operations the worker of this number does, of [`DEPTH`].
fn share(operations: u64, worker: u64) -> u64 {
    operations / DEPTH + u64::from(worker < operations % DEPTH)
}

#[cfg(test)]
mod tests {
    use super::{DEPTH, share};

    #[test]
    fn the_shares_are_the_whole() {
        for operations in [1, 63, 64, 65, 1_000] {
            let shares = (0..DEPTH).map(|worker| share(operations, worker));
            assert_eq!(shares.sum::<u64>(), operations);
        }
    }
}
