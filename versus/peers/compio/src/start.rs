//! One of its runtimes, made and ended.

use std::io;

use versus::micro::{Lap, Measure, Work, start};

/// What `start` measures of it.
pub const MEASURES: &[(&str, &str, Measure)] = &[("start", "start-one", one)];

fn one(work: &Work) -> io::Result<Lap> {
    start::one(work, |number| {
        let runtime = crate::runtime()?;
        Ok(runtime.block_on(async move { number }))
    })
}
