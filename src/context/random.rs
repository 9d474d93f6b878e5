//! Where the module's chance comes from, in one place.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A random number: SipHash under a key that each thread gets from the system once, and that is
/// another one at each call. Not for secrets.
pub(super) fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}
