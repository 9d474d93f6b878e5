//! Ringmill and Tokio as [`Runtime`]s. Those of other crates are in packages of their own.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use ringmill::DriverKind;
use tokio::runtime::{self, LocalOptions};
use tokio::task::LocalSet;

use super::{Lap, Runtime, Work, one};

/// With the driver that it takes by itself.
pub struct Ringmill;

/// On epoll.
pub struct RingmillEpoll;

/// Its current-thread runtime, and `tokio::spawn`.
pub struct Tokio;

/// A `LocalSet` on its current-thread runtime, and `spawn_local`.
pub struct TokioLocal;

/// Its `LocalRuntime`, and `spawn_local`.
pub struct TokioLocalRuntime;

/// Its multi-thread runtime with one worker, and `tokio::spawn`.
pub struct TokioMulti;

impl Runtime for Ringmill {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        one::ringmill(work, DriverKind::Auto, async || {
            Self::spawn(measured).await?
        })
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        let task = ringmill::spawn(future);
        async { task.await.map_err(io::Error::other) }
    }

    fn yield_now() -> impl Future<Output = ()> {
        ringmill::yield_now()
    }
}

impl Runtime for RingmillEpoll {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        one::ringmill(work, DriverKind::Epoll, async || {
            Self::spawn(measured).await?
        })
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        Ringmill::spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> {
        ringmill::yield_now()
    }
}

impl Runtime for Tokio {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        one::tokio(work, async || Self::spawn(measured).await?)
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        let task = tokio::spawn(OneThread(future));
        async { Ok(task.await?.0) }
    }

    fn yield_now() -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }
}

impl Runtime for TokioLocal {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        one::tokio(work, async || {
            let tasks = LocalSet::new();
            tasks
                .run_until(async { Self::spawn(measured).await? })
                .await
        })
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        let task = tokio::task::spawn_local(future);
        async { Ok(task.await?) }
    }

    fn yield_now() -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }
}

impl Runtime for TokioLocalRuntime {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        work.pin()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        runtime.block_on(async { Self::spawn(measured).await? })
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        TokioLocal::spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }
}

impl Runtime for TokioMulti {
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap> {
        // Its worker inherits this.
        work.pin()?;
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        runtime.block_on(async { Self::spawn(measured).await? })
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        Tokio::spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }
}

/// What `tokio::spawn` takes for `Send`, at no cost, in a runtime that has one thread for tasks: a
/// future, and then its output.
struct OneThread<T>(T);

// SAFETY: only the two runtimes above spawn it. One has no second thread. The other has a single
// worker: what `measured` makes, all of which is made while it runs, stays on the worker. `measured`
// itself holds nothing before its first poll but numbers, and its lap is plain data.
unsafe impl<T> Send for OneThread<T> {}

impl<F: Future> Future for OneThread<F> {
    type Output = OneThread<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the field is pinned as the whole is: nothing moves it, and there is no `Drop`.
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.0) };
        future.poll(cx).map(OneThread)
    }
}
