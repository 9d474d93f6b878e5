//! Chance that can be had again: seeded, and the seed is told.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub struct Random(u64);

impl Random {
    /// The generator of this run: seeded from `RINGMILL_SEED`, else by the clock; prints its seed,
    /// which the log of a failure then shows.
    pub fn seeded() -> Self {
        let seed = match std::env::var("RINGMILL_SEED") {
            Ok(seed) => seed.parse().expect("RINGMILL_SEED is a number"),
            Err(_) => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos() as u64),
        };
        println!("RINGMILL_SEED={seed}");
        Random(seed)
    }

    /// A generator with a given seed.
    pub fn with_seed(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in `of` times.
    pub fn once_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// Byte `index` of a stream that both ends can reckon; no period that a lost or doubled buffer of
/// a round size would hide behind.
pub fn pattern(index: u64) -> u8 {
    (index.wrapping_mul(0x9E37_79B9) >> 13) as u8 ^ (index / 251) as u8
}

/// Bytes `from..from + len` of that stream.
pub fn patterned(from: u64, len: usize) -> Vec<u8> {
    (from..from + len as u64).map(pattern).collect()
}

/// Checks that `bytes` are those of the stream from `from` on.
///
/// # Panics
///
/// If they are not, naming the first that differs.
#[track_caller]
pub fn check(bytes: &[u8], from: u64) {
    for (offset, &byte) in bytes.iter().enumerate() {
        let index = from + offset as u64;
        assert_eq!(byte, pattern(index), "byte {index} of the stream");
    }
}
