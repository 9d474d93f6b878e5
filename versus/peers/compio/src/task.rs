//! Tasks on one of its runtimes.

use std::future::Future;
use std::io;

use versus::micro::{Lap, Measure, Runtime, Work, task};

/// All that `task` measures but what is in [`YIELDS`].
pub const MEASURES: &[(&str, &str, Measure)] = &task::measures::<Compio>();

/// The rest. It has no `yield_now`, so that is the kit's.
pub const YIELDS: &[(&str, &str, Measure)] = &task::yields::<Compio>();

/// As its server has it.
pub struct Compio;

impl Runtime for Compio {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        work.pin()?;
        let runtime = crate::runtime()?;
        runtime.block_on(async { Self::spawn(measured).await? })
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        let task = compio::runtime::spawn(future);
        async { Ok(task.await?) }
    }
}
