//! 64 tasks on two loops, or on two current-thread runtimes.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use ringmill::sync::{MVar, Mutex, RwLock};
use ringmill::{DriverKind, SpinPolicy};

use super::TASKS;
use crate::micro::Work;
use crate::micro::channel::{two_loops, two_runtimes};
use crate::micro::lap::{Lap, Stopwatch};

/// What one task does: so many times, and then it says how many that were.
macro_rules! repeated {
    ($value:ident: $type:ty, $once:expr) => {
        |$value: Arc<$type>, each: u64| async move {
            for _ in 0..each {
                $once;
            }
            each
        }
    };
}

/// The number is incremented under a lock, at once or over a turn of the loop.
macro_rules! incremented {
    ($type:ty) => {
        repeated!(mutex: $type, *mutex.lock().await += 1)
    };
    ($type:ty, $turn:expr) => {
        repeated!(mutex: $type, {
            let mut value = mutex.lock().await;
            $turn;
            *value += 1;
        })
    };
}

pub fn mutex(work: &Work) -> io::Result<Lap> {
    let task = incremented!(Mutex<u64>);
    on_ringmill(work, Mutex::new(0), task, |mutex| Some(*mutex.get_mut()))
}

pub fn mutex_tokio_types(work: &Work) -> io::Result<Lap> {
    let task = incremented!(tokio::sync::Mutex<u64>);
    let mutex = tokio::sync::Mutex::new(0);
    on_ringmill(work, mutex, task, |mutex| Some(*mutex.get_mut()))
}

pub fn mutex_tokio(work: &Work) -> io::Result<Lap> {
    let task = incremented!(tokio::sync::Mutex<u64>);
    let mutex = tokio::sync::Mutex::new(0);
    on_tokio(work, mutex, task, |mutex| Some(*mutex.get_mut()))
}

pub fn update(work: &Work) -> io::Result<Lap> {
    let task = repeated!(place: MVar<u64>, place.update(|value| *value += 1).await);
    on_ringmill(work, MVar::new(0), task, |place| place.try_take())
}

pub fn held(work: &Work) -> io::Result<Lap> {
    let task = incremented!(Mutex<u64>, ringmill::yield_now().await);
    on_ringmill(work, Mutex::new(0), task, |mutex| Some(*mutex.get_mut()))
}

pub fn held_tokio_types(work: &Work) -> io::Result<Lap> {
    let task = incremented!(tokio::sync::Mutex<u64>, ringmill::yield_now().await);
    let mutex = tokio::sync::Mutex::new(0);
    on_ringmill(work, mutex, task, |mutex| Some(*mutex.get_mut()))
}

pub fn held_tokio(work: &Work) -> io::Result<Lap> {
    let task = incremented!(tokio::sync::Mutex<u64>, tokio::task::yield_now().await);
    let mutex = tokio::sync::Mutex::new(0);
    on_tokio(work, mutex, task, |mutex| Some(*mutex.get_mut()))
}

pub fn read(work: &Work) -> io::Result<Lap> {
    let task = repeated!(lock: RwLock<u64>, black_box(*lock.read().await));
    on_ringmill(work, RwLock::new(0), task, |_| None)
}

pub fn read_tokio_types(work: &Work) -> io::Result<Lap> {
    let task = repeated!(lock: tokio::sync::RwLock<u64>, black_box(*lock.read().await));
    on_ringmill(work, tokio::sync::RwLock::new(0), task, |_| None)
}

pub fn read_tokio(work: &Work) -> io::Result<Lap> {
    let task = repeated!(lock: tokio::sync::RwLock<u64>, black_box(*lock.read().await));
    on_tokio(work, tokio::sync::RwLock::new(0), task, |_| None)
}

/// Runs `task` 64 times, and `total` on the value at the end, if it can tell.
fn on_ringmill<V, F>(
    work: &Work,
    value: V,
    task: impl Fn(Arc<V>, u64) -> F + Copy + Send + 'static,
    total: impl FnOnce(&mut V) -> Option<u64>,
) -> io::Result<Lap>
where
    V: Send + Sync + 'static,
    F: Future<Output = u64> + 'static,
{
    let each = work.operations.div_ceil(TASKS);
    two_loops(SpinPolicy::Balanced, DriverKind::Auto, async |handle| {
        let value = Arc::new(value);
        let watch = Stopwatch::start()?;
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let value = value.clone();
                handle.spawn_on((number % 2) as usize, move || task(value, each))
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            done += task.await.map_err(io::Error::other)?;
        }
        watch.stop(checked(value, each, done, total)?)
    })
}

/// The same on Tokio's runtimes.
fn on_tokio<V, F>(
    work: &Work,
    value: V,
    task: impl Fn(Arc<V>, u64) -> F + Copy + Send + 'static,
    total: impl FnOnce(&mut V) -> Option<u64>,
) -> io::Result<Lap>
where
    V: Send + Sync + 'static,
    F: Future<Output = u64> + Send + 'static,
{
    let each = work.operations.div_ceil(TASKS);
    two_runtimes(work, async |other| {
        let value = Arc::new(value);
        let watch = Stopwatch::start()?;
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let task = task(value.clone(), each);
                if number % 2 == 0 {
                    tokio::spawn(task)
                } else {
                    other.spawn(task)
                }
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            done += task.await?;
        }
        watch.stop(checked(value, each, done, total)?)
    })
}

/// Whether everything was done, by the tasks' word and by the value's.
fn checked<V>(
    mut value: Arc<V>,
    each: u64,
    done: u64,
    total: impl FnOnce(&mut V) -> Option<u64>,
) -> io::Result<u64> {
    let value = Arc::get_mut(&mut value).ok_or_else(|| io::Error::other("a task is left"))?;
    let counted = total(value).unwrap_or(done);
    if (done, counted) != (TASKS * each, TASKS * each) {
        let why = format!("{counted} of {} were done", TASKS * each);
        return Err(io::Error::other(why));
    }
    Ok(done)
}
