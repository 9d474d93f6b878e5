//! One task, on one loop or current-thread runtime.

use std::hint::black_box;
use std::io;

use ringmill::DriverKind;
use ringmill::sync::{self, local};
use tokio::runtime;

use crate::confine;
use crate::micro::Work;
use crate::micro::lap::{Lap, Stopwatch};
use crate::server::Driver;

/// What is done so many times, and gives how many times that was.
macro_rules! repeated {
    ($value:ident = $make:expr, $once:expr, $total:expr) => {
        async |each: u64| {
            #[allow(unused_mut, reason = "not all count by themselves")]
            let mut $value = $make;
            for _ in 0..each {
                $once;
            }
            let _ = &mut $value;
            $total.unwrap_or(each)
        }
    };
}

pub fn mutex(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        mutex = sync::Mutex::new(0),
        *mutex.lock().await += 1,
        Some(*mutex.get_mut())
    );
    on_ringmill(work, run)
}

pub fn mutex_local(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        mutex = local::Mutex::new(0),
        *mutex.lock().await += 1,
        Some(*mutex.get_mut())
    );
    on_ringmill(work, run)
}

pub fn mutex_tokio(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        mutex = tokio::sync::Mutex::new(0),
        *mutex.lock().await += 1,
        Some(*mutex.get_mut())
    );
    on_tokio(work, run)
}

pub fn semaphore(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        semaphore = sync::Semaphore::new(8),
        black_box(semaphore.acquire().await.is_ok()),
        None
    );
    on_ringmill(work, run)
}

pub fn semaphore_local(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        semaphore = local::Semaphore::new(8),
        black_box(semaphore.acquire().await.is_ok()),
        None
    );
    on_ringmill(work, run)
}

pub fn semaphore_tokio(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        semaphore = tokio::sync::Semaphore::new(8),
        black_box(semaphore.acquire().await.is_ok()),
        None
    );
    on_tokio(work, run)
}

pub fn read(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        lock = sync::RwLock::new(0_u64),
        black_box(*lock.read().await),
        None
    );
    on_ringmill(work, run)
}

pub fn read_local(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        lock = local::RwLock::new(0_u64),
        black_box(*lock.read().await),
        None
    );
    on_ringmill(work, run)
}

pub fn read_tokio(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        lock = tokio::sync::RwLock::new(0_u64),
        black_box(*lock.read().await),
        None
    );
    on_tokio(work, run)
}

pub fn update(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        place = sync::MVar::new(0),
        place.update(|value| *value += 1).await,
        place.try_take()
    );
    on_ringmill(work, run)
}

pub fn update_local(work: &Work) -> io::Result<Lap> {
    let run = repeated!(
        place = local::MVar::new(0),
        place.update(|value| *value += 1).await,
        place.try_take()
    );
    on_ringmill(work, run)
}

pub fn on_ringmill(work: &Work, run: impl AsyncFnOnce(u64) -> u64) -> io::Result<Lap> {
    let runtime = ringmill::Builder::new()
        .loops(1)
        .driver(DriverKind::Auto)
        .build()?;
    confine::pin(&work.cpus[..1])?;
    let driver = runtime.handle().driver();
    Ok(runtime
        .block_on(timed(work.operations, run))?
        .on(Driver::from(driver)))
}

pub fn on_tokio(work: &Work, run: impl AsyncFnOnce(u64) -> u64) -> io::Result<Lap> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    confine::pin(&work.cpus[..1])?;
    runtime.block_on(timed(work.operations, run))
}

async fn timed(operations: u64, run: impl AsyncFnOnce(u64) -> u64) -> io::Result<Lap> {
    let watch = Stopwatch::start()?;
    let done = run(operations).await;
    if done != operations {
        let why = format!("{done} of {operations} were done");
        return Err(io::Error::other(why));
    }
    watch.stop(operations)
}
