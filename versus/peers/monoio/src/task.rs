//! Tasks on one of its executors, with the timer that its users enable. The driver is named, as
//! `FusionDriver` would go on with epoll unasked.

use std::future::Future;
use std::io;

use versus::micro::{Lap, Measure, Runtime, Work, task};

/// What `task` measures of it. It has no `yield_now`, and a task that wakes itself is the next to run.
pub const MEASURES: &[(&str, &str, Measure)] = &task::measures::<Monoio>();

/// As its server has it.
pub struct Monoio;

impl Runtime for Monoio {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        work.pin()?;
        let mut runtime = crate::runtime()?;
        runtime.block_on(async { Self::spawn(measured).await? })
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        let task = monoio::spawn(future);
        async { Ok(task.await) }
    }

    /// Another task, at the end of the queue, wakes this one.
    async fn yield_now() {
        monoio::spawn(async {}).await;
    }
}
