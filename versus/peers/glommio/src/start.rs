//! One of its executors, made and ended.

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
