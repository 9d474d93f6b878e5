//! How long to spin before blocking: learned from recent gaps, bounded.
//!
//! Blocking and being woken costs tens of microseconds where the processor must come out of its
//! sleep; a spin reacts in about one. Spinning for as long as a wake-up costs is at worst twice as
//! expensive as the best choice (Karlin et al., "Empirical studies of competitive spinning for a
//! shared-memory multiprocessor", SOSP 1991), so that is the bound; a loop whose gaps are longer
//! learns to do without, and one that blocked for a short time only learns to try again.
//!
//! Measured on two processors: a task sent to another loop and joined takes 53 to 78 µs when both
//! loops block and 0.3 to 3.3 µs when they spin, for less processor time (30 to 46 µs against 0.6
//! to 2.3). With clients on the same two processors, at 64 connections, two spinning loops serve
//! 15 to 30 % fewer requests than two blocking ones, for 30 % more processor time: hence no
//! spinning by default where there are as many loops as processors.

use std::cell::Cell;
use std::time::Duration;

/// What a wake-up of a sleeping processor costs (measured: 49 to 57 µs).
const WAKE_UP: Duration = Duration::from_micros(50);
/// Beyond the gaps of most conversations on one machine or within one rack; a loop that goes idle
/// burns twice that before it sleeps.
const LATENCY: Duration = Duration::from_millis(1);

/// How a loop with nothing to do waits: it may look for work for a while before it blocks; see
/// [`Builder::spin`](crate::Builder::spin).
///
/// A spinning loop reacts in about a microsecond, a blocked one in some fifty, and spinning costs the
/// processor that it spins on; `docs/spinning.md` has the figures. Each loop learns from its recent
/// gaps for how long it is worth it, up to the bound of its policy: one that is idle for long does
/// not spin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpinPolicy {
    /// Up to 1 ms, also where there are as many loops as processors: for programs that have the
    /// machine to themselves, and to which a late answer costs more than processor time.
    Latency,
    /// Up to 50 µs, which is what a wake-up costs, where there are fewer loops than processors; else
    /// not at all, as a spinning loop would take the processor from whom it waits for. The default.
    #[default]
    Balanced,
    /// Not at all: for shared machines.
    Efficient,
    /// Up to so long, however many processors there are.
    UpTo(Duration),
}

impl SpinPolicy {
    /// The longest spin of one of so many loops.
    pub(crate) fn bound(self, loops: usize, processors: usize) -> Duration {
        match self {
            SpinPolicy::UpTo(longest) => longest,
            SpinPolicy::Latency if loops <= processors => LATENCY,
            SpinPolicy::Balanced if loops < processors => WAKE_UP,
            // More loops than processors: they would spin in each other's place.
            SpinPolicy::Latency | SpinPolicy::Balanced | SpinPolicy::Efficient => Duration::ZERO,
        }
    }
}

/// Below this a spin is not worth its first look at the clock, in nanoseconds.
const LEAST: u64 = 1_000;

pub(super) struct Spin {
    /// The bound; 0 switches spinning off.
    bound: u64,
    /// How long the next spin may be.
    limit: Cell<u64>,
}

impl Spin {
    pub(super) fn new(bound: u64) -> Self {
        Spin {
            bound,
            limit: Cell::new(bound),
        }
    }

    /// Whether the loop never spins.
    pub(super) fn is_off(&self) -> bool {
        self.bound == 0
    }

    /// How long to spin now, in nanoseconds; 0 for not at all.
    pub(super) fn limit(&self) -> u64 {
        self.limit.get()
    }

    /// A spin was rewarded.
    pub(super) fn hit(&self) {
        self.limit.set(self.bound);
    }

    /// A spin was in vain.
    pub(super) fn miss(&self) {
        let half = self.limit.get() / 2;
        self.limit.set(if half < LEAST { 0 } else { half });
    }

    /// The loop blocked for `gap` nanoseconds.
    pub(super) fn blocked(&self, gap: u64) {
        // A gap that a spin plus the wake-up itself would have covered: try again, carefully.
        if gap <= 2 * self.bound && self.limit.get() < self.bound {
            let more = self.limit.get() + (self.bound / 8).max(LEAST);
            self.limit.set(more.min(self.bound));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Spin;

    #[test]
    fn long_gaps_end_spinning_and_short_ones_bring_it_back() {
        let spin = Spin::new(50_000);
        for _ in 0..10 {
            spin.miss();
            spin.blocked(10_000_000);
        }
        assert_eq!(spin.limit(), 0);
        for _ in 0..8 {
            spin.blocked(60_000);
        }
        assert_eq!(spin.limit(), 50_000);
    }

    #[test]
    fn a_bound_of_zero_never_spins() {
        let spin = Spin::new(0);
        spin.blocked(0);
        spin.hit();
        assert_eq!(spin.limit(), 0);
    }
}
