//! What the feature `test-util` puts in the place of the real clock and of the plain ready queue: a
//! clock that a test moves, the question whether all loops of a runtime wait, an order drawn by lot.

pub(super) mod clock;
pub(super) mod quiet;
pub(super) mod run_queue;
