//! 64 tasks, on one loop or current-thread runtime.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use ringmill::sync::{self, local};

use super::TASKS;
use super::alone::{on_ringmill, on_tokio};
use crate::micro::Work;
use crate::micro::lap::Lap;

/// Increments a number under a lock that is held over a turn of the loop, in 64 tasks.
macro_rules! queued {
    ($counted:ident, $make:expr, $spawn:path, $turn:expr) => {
        async |operations: u64| {
            let mutex = $counted::new($make);
            let each = |task: u64| operations / TASKS + u64::from(task < operations % TASKS);
            let tasks: Vec<_> = (0..TASKS)
                .map(|task| {
                    let (mutex, each) = (mutex.clone(), each(task));
                    $spawn(async move {
                        for _ in 0..each {
                            let mut value = mutex.lock().await;
                            $turn;
                            *value += 1;
                        }
                    })
                })
                .collect();
            for task in tasks {
                // One that panicked is missing in the sum.
                let _ = task.await;
            }
            let value = *mutex.lock().await;
            value
        }
    };
}

pub fn mutex(work: &Work) -> io::Result<Lap> {
    let run = queued!(
        Rc,
        sync::Mutex::new(0),
        ringmill::spawn,
        ringmill::yield_now().await
    );
    on_ringmill(work, run)
}

pub fn mutex_local(work: &Work) -> io::Result<Lap> {
    let run = queued!(
        Rc,
        local::Mutex::new(0),
        ringmill::spawn,
        ringmill::yield_now().await
    );
    on_ringmill(work, run)
}

pub fn mutex_tokio_types(work: &Work) -> io::Result<Lap> {
    let run = queued!(
        Rc,
        tokio::sync::Mutex::new(0),
        ringmill::spawn,
        ringmill::yield_now().await
    );
    on_ringmill(work, run)
}

pub fn mutex_tokio(work: &Work) -> io::Result<Lap> {
    let run = queued!(
        Arc,
        tokio::sync::Mutex::new(0),
        tokio::spawn,
        tokio::task::yield_now().await
    );
    on_tokio(work, run)
}
