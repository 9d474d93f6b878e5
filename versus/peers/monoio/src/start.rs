//! One of its executors, made and ended.

use std::io;

use monoio::{IoUringDriver, RuntimeBuilder};
use versus::micro::{Lap, Measure, Work, start};

/// What `start` measures of it.
pub const MEASURES: &[(&str, &str, Measure)] = &[("start", "start-one", one)];

fn one(work: &Work) -> io::Result<Lap> {
    start::one(work, |number| {
        let mut runtime = RuntimeBuilder::<IoUringDriver>::new()
            .enable_timer()
            .build()?;
        Ok(runtime.block_on(async move { number }))
    })
}
