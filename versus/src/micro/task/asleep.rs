//! Tasks that sleep until the end of the measurement: what they wait for, and what they take.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Runtime, Tally, heap};

/// Tasks that sleep at the same time.
const TASKS: usize = 100_000;

/// A spawner lets the others run that often, as one that accepts connections does: else it would be
/// the run queue's length that is measured.
const BATCH: usize = 64;

/// What never comes while it is measured.
struct Notice {
    has_come: Cell<bool>,
    /// With room for all of them from the start: it is no part of what a task takes.
    wakers: RefCell<Vec<Waker>>,
}

impl Notice {
    fn new() -> Self {
        Self {
            has_come: Cell::new(false),
            wakers: RefCell::new(Vec::with_capacity(TASKS)),
        }
    }

    async fn heard(&self) {
        let mut waits = false;
        poll_fn(|cx| {
            if self.has_come.get() {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut waits, true) {
                self.wakers.borrow_mut().push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn comes(&self) {
        self.has_come.set(true);
        self.wakers.borrow_mut().drain(..).for_each(Waker::wake);
    }
}

/// Starts as many tasks as there are to be, looks at the heap, ends them; again and again.
pub async fn measured<R: Runtime>(operations: u64) -> io::Result<Lap> {
    let times = operations.div_ceil(TASKS as u64);
    let mut tally = Tally::default();
    let mut each = None;
    let watch = Stopwatch::start()?;
    for _ in 0..times {
        let notice = Rc::new(Notice::new());
        let mut tasks = room_for(sleeper::<R>, &notice);
        let before = heap::in_use()?;
        for number in 0..TASKS {
            tasks.push(sleeper::<R>(&notice, number as u64));
            if number % BATCH == BATCH - 1 {
                R::yield_now().await;
            }
        }
        while notice.wakers.borrow().len() < TASKS {
            R::yield_now().await;
        }
        // The first time: later, a runtime may have kept memory of those before.
        if each.is_none() {
            each = Some(heap::each_since(before, TASKS)?);
        }
        notice.comes();
        for task in tasks {
            tally.add(task.await?);
        }
    }
    let operations = tally.expect(times, TASKS as u64)?;
    let mut lap = watch.stop(operations)?;
    lap.memory = each;
    Ok(lap)
}

fn sleeper<R: Runtime>(
    notice: &Rc<Notice>,
    number: u64,
) -> impl Future<Output = io::Result<u64>> + use<R> {
    let notice = notice.clone();
    R::spawn(async move {
        notice.heard().await;
        number
    })
}

/// A vector for what the function makes, with room for all of them.
fn room_for<A, F>(_: fn(&A, u64) -> F, _: &A) -> Vec<F> {
    Vec::with_capacity(TASKS)
}
