//! [`Census`]: how many tasks there are, on loops that count one after the other.

/// The tasks of all loops.
#[derive(Clone, Copy)]
pub(super) struct Census {
    pub(super) live: usize,
    /// How many there have ever been.
    pub(super) ever: u64,
    /// Loops that have counted.
    pub(super) loops: u64,
}

impl Census {
    /// Whether there was no task between the two censuses, `before` being the last one before this.
    ///
    /// Take the moment when the second begins. A task that was alive then was waiting for a loop,
    /// and counted by the second; or on its way to one, which it reaches before that counts again
    /// and after it has counted first; or had reached one, before that counted first, and is in the
    /// first count, or after, and is among those there have been in the second and not in the
    /// first.
    pub(super) fn is_quiet_since(&self, before: Census) -> bool {
        // Those that count are the only new ones.
        let unchanged = self.loops == before.loops && self.ever == before.ever + self.loops;
        before.live == 0 && self.live == 0 && unchanged
    }
}
