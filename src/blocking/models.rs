//! Loom models of [`Dispatch`]: pushes against threads that lie down, are called, and go.
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib models`

use super::dispatch::{Call, Dispatch, Sleeper, Taken};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex, Notify};
use loom::thread::{self, JoinHandle};

/// A pool of at most so many threads, whose work is to count.
struct Pool {
    dispatch: Dispatch<Work>,
    ran: AtomicUsize,
    /// Told by [`Work::Tells`], to [`Work::Waits`].
    told: Notify,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Counts,
    Waits,
    Tells,
}

fn pool(most: usize) -> Arc<Pool> {
    Arc::new(Pool {
        dispatch: Dispatch::new(most),
        ran: AtomicUsize::new(0),
        told: Notify::new(),
        threads: Mutex::new(Vec::new()),
    })
}

fn push(pool: &Arc<Pool>) {
    push_work(pool, Work::Counts);
}

fn push_work(pool: &Arc<Pool>, work: Work) {
    if let Ok(call) = pool.dispatch.push(work) {
        answer(pool, call);
    }
}

fn answer(pool: &Arc<Pool>, call: Option<Call>) {
    match call {
        Some(Call::Wake(sleeper)) => sleeper.call(),
        Some(Call::Start) => start(pool, true),
        None => {}
    }
}

/// Starts a thread; one that does not stay goes as soon as it has nothing to do.
fn start(pool: &Arc<Pool>, stays: bool) {
    let thread = thread::spawn({
        let pool = pool.clone();
        move || work(&pool, stays)
    });
    pool.threads.lock().unwrap().push(thread);
}

/// As the pool's threads do.
fn work(pool: &Arc<Pool>, stays: bool) {
    let me = Sleeper::here();
    let mut searching = true;
    loop {
        match pool.dispatch.take(&mut searching) {
            Taken::Work(work, call) => {
                answer(pool, call);
                match work {
                    Work::Counts => {}
                    Work::Waits => pool.told.wait(),
                    Work::Tells => pool.told.notify(),
                }
                pool.ran.fetch_add(1, Ordering::Relaxed);
            }
            Taken::Nothing if pool.dispatch.lie_down(&me) => {
                if !stays && pool.dispatch.retire(&me) {
                    return;
                }
                while !me.take_call() {
                    me.sleep(None);
                }
                searching = true;
            }
            Taken::Nothing => {}
            Taken::Closed => {
                pool.dispatch.gone();
                return;
            }
        }
    }
}

/// Closes the pool, waits for all threads, and looks whether everything was run. Loom reports a
/// deadlock if one of them sleeps on.
fn end(pool: &Arc<Pool>, pushed: usize) {
    pool.dispatch.close();
    loop {
        let thread = pool.threads.lock().unwrap().pop();
        let Some(thread) = thread else { break };
        thread.join().unwrap();
    }
    assert_eq!(pool.ran.load(Ordering::Relaxed), pushed);
}

fn bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// One after the other: what comes second finds the thread busy, about to lie down, or asleep.
#[test]
fn loom_the_only_thread_runs_what_comes_one_after_the_other() {
    bounded(3, || {
        let pool = pool(1);
        push(&pool);
        push(&pool);
        end(&pool, 2);
    });
}

/// Two push at once; there may be two threads, or one is enough.
#[test]
fn loom_what_two_push_is_run() {
    bounded(2, || {
        let pool = pool(2);
        let other = thread::spawn({
            let pool = pool.clone();
            move || push(&pool)
        });
        push(&pool);
        other.join().unwrap();
        end(&pool, 2);
    });
}

/// A thread goes as it is called: either it is called and stays, or it is gone and another comes.
#[test]
fn loom_a_thread_that_goes_is_not_relied_on() {
    bounded(3, || {
        let pool = pool(1);
        let Ok(Some(Call::Start)) = pool.dispatch.push(Work::Counts) else {
            unreachable!("the first push starts a thread")
        };
        start(&pool, false);
        push(&pool);
        end(&pool, 2);
    });
}

/// A thread is on its way for something that a busy one takes; what comes meanwhile needs two threads.
#[test]
fn loom_work_that_waits_for_other_work_does_not_keep_it_from_a_thread() {
    bounded(2, || {
        let pool = pool(2);
        let Ok(Some(Call::Start)) = pool.dispatch.push(Work::Counts) else {
            unreachable!("the first push starts a thread")
        };
        // A busy thread takes it.
        assert!(matches!(
            pool.dispatch.take(&mut false),
            Taken::Work(Work::Counts, None)
        ));
        start(&pool, true);
        push_work(&pool, Work::Waits);
        push_work(&pool, Work::Tells);
        end(&pool, 2);
    });
}
