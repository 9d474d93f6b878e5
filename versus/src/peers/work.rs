//! What a request costs in the workload `work`: the same computation for every peer, so that only
//! where it runs and what waits behind it differ.

use std::hint::black_box;

/// Chosen for about 50 µs on a processor of the 2020s; a fixed number, not a time, so that a slow
/// moment costs every peer alike and CPU time stays comparable.
const ROUNDS: usize = 48 * 1024;

/// The prime of FNV-1a (Fowler, Noll, Vo) with 64 bits, and its offset basis.
const PRIME: u64 = 0x0000_0100_0000_01b3;
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// Mixes the message's bytes into a checksum, over and over until the rounds are used up, whatever
/// its length. Each round needs the one before, so no compiler and no processor shortens it. A
/// server calls it once for what it has received in one piece, before it echoes that.
pub fn compute(message: &[u8]) -> u64 {
    let mixed = message
        .iter()
        .cycle()
        .take(ROUNDS)
        .fold(BASIS, |sum, &byte| {
            (sum ^ u64::from(byte)).wrapping_mul(PRIME)
        });
    black_box(mixed)
}

#[cfg(test)]
mod tests {
    use super::compute;

    #[test]
    fn the_checksum_depends_on_every_byte_and_on_nothing_else() {
        assert_eq!(compute(b"abc"), compute(b"abc"));
        assert_ne!(compute(b"abc"), compute(b"abd"));
        compute(b"");
    }
}
