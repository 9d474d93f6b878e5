//! Tasks on one of its executors.

use std::future::Future;
use std::io;

use glommio::{GlommioError, LocalExecutor, LocalExecutorBuilder, Placement};
use versus::micro::{Lap, Measure, Runtime, Work, task};

/// All that `task` measures but what is in [`YIELDS`].
pub const MEASURES: &[(&str, &str, Measure)] = &task::measures::<Glommio>();

/// The rest.
pub const YIELDS: &[(&str, &str, Measure)] = &task::yields::<Glommio>();

/// A pinned executor.
pub struct Glommio;

impl Runtime for Glommio {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        executor(work)?.run(async { Self::spawn(measured).await? })
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        let task = glommio::spawn_local(future);
        async { Ok(task.await) }
    }

    async fn yield_now() {
        glommio::executor().yield_now().await;
    }
}

/// An executor on the first processor.
pub fn executor(work: &Work) -> io::Result<LocalExecutor> {
    LocalExecutorBuilder::new(Placement::Fixed(work.cpus[0]))
        .make()
        .map_err(|error: GlommioError<()>| io::Error::other(error.to_string()))
}
