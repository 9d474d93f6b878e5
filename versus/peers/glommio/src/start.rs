//! One of its executors, made and ended. Each leaves descriptors open (glommio 0.9), so a run that is
//! long enough comes to their limit and fails.

use std::io;

use versus::micro::{Lap, Measure, Work, start};

use crate::task::executor;

/// What `start` measures of it.
pub const MEASURES: &[(&str, &str, Measure)] = &[("start", "start-one", one)];

fn one(work: &Work) -> io::Result<Lap> {
    start::one(
        work,
        |number| Ok(executor(work)?.run(async move { number })),
    )
}
