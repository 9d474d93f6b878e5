//! [`Dispatch`]: a queue of work and the threads that take from it, of which some sleep.
//!
//! A push takes no lock and makes no system call while somebody *searches*: a thread that was woken
//! or started for an earlier push and has not looked into the queue yet. When it has, and there is
//! more than it takes, it calls the next itself. So a thousand pushes in a row cost one wake-up
//! there and then, threads come one after the other for as long as there is something to do, and
//! none is needed if the first is fast.
//!
//! # The protocol
//!
//! 1. Who pushes, pushes first and looks for a searcher after, with a fence in between. The searcher
//!    says first that it searches no more and looks into the queue after, with a fence in between.
//!    Of the two fences one comes first: either the searcher finds what was pushed, or who pushed
//!    finds that nobody searches, and calls somebody.
//! 2. Who lies down enters the roster of the idle first, and looks into the queue after, with a fence
//!    in between. Who calls does so after its push, and looks into the roster under the same lock: so
//!    it finds the sleeper, or the sleeper finds the push.
//! 3. Only who takes a sleeper off the roster may call it, and does so once: it is then a searcher.
//! 4. Who finds nobody to call, as all threads are busy and there are as many as may be, takes
//!    "somebody searches" back. Each of the busy ones looks into the queue before it lies down.

use crate::sys::atomics::{AtomicBool, Mutex, Ordering, fence, lock};
use crate::sys::parker::Parker;
use concurrent_queue::{ConcurrentQueue, PopError};
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Dispatch<T> {
    queue: ConcurrentQueue<T>,
    searching: CachePadded<AtomicBool>,
    roster: Mutex<Roster>,
    /// Threads that may exist.
    most: usize,
}

struct Roster {
    threads: usize,
    /// The last that lay down is the first to be called, as its stack and caches are warm.
    idle: Vec<Arc<Sleeper>>,
}

/// A thread that may lie down.
pub(super) struct Sleeper {
    called: AtomicBool,
    parker: Parker,
}

/// Who is to be called; whoever is given one does it.
#[must_use]
pub(super) enum Call {
    /// To be woken by [`Sleeper::call`].
    Wake(Arc<Sleeper>),
    /// A new thread is to be started, which is counted already and begins as a searcher.
    Start,
}

/// What a thread found in the queue.
pub(super) enum Taken<T> {
    Work(T, Option<Call>),
    Nothing,
    /// Nothing, and there will be nothing.
    Closed,
}

impl<T> Dispatch<T> {
    pub(super) fn new(most: usize) -> Self {
        Dispatch {
            queue: ConcurrentQueue::unbounded(),
            searching: CachePadded::new(AtomicBool::new(false)),
            roster: Mutex::new(Roster {
                threads: 0,
                idle: Vec::new(),
            }),
            most,
        }
    }

    /// How many threads there are, and how many of them sleep.
    pub(super) fn threads(&self) -> (usize, usize) {
        let roster = lock(&self.roster);
        (roster.threads, roster.idle.len())
    }

    /// Queues work, and says whom to call for it.
    ///
    /// # Errors
    ///
    /// Gives it back if the queue is closed.
    pub(super) fn push(&self, work: T) -> Result<Option<Call>, T> {
        self.queue.push(work).map_err(|error| error.into_inner())?;
        fence(Ordering::SeqCst);
        // Rule 1.
        Ok(if self.searching.load(Ordering::Relaxed) {
            None
        } else {
            self.call()
        })
    }

    /// Makes somebody a searcher, if nobody is.
    fn call(&self) -> Option<Call> {
        self.choose(|roster| {
            if let Some(sleeper) = roster.idle.pop() {
                return Some(Call::Wake(sleeper));
            }
            if roster.threads < self.most {
                roster.threads += 1;
                return Some(Call::Start);
            }
            None
        })
    }

    /// Makes whom `from` gives a searcher, if nobody is one.
    #[inline]
    fn choose<C>(&self, from: impl FnOnce(&mut Roster) -> Option<C>) -> Option<C> {
        if self.searching.swap(true, Ordering::AcqRel) {
            return None;
        }
        let mut roster = lock(&self.roster);
        // Rule 3.
        let chosen = from(&mut roster);
        if chosen.is_none() {
            // Rule 4, under the lock: who lies down from now on looks into the queue after it.
            self.searching.store(false, Ordering::Release);
        }
        chosen
    }

    /// A thread looks into the queue; `searching` if it was called for that, and has not yet.
    pub(super) fn take(&self, searching: &mut bool) -> Taken<T> {
        loop {
            let popped = self.queue.pop();
            let searched = std::mem::take(searching);
            if searched {
                // Rule 1.
                self.searching.store(false, Ordering::Release);
                fence(Ordering::SeqCst);
            }
            let more = searched && !self.queue.is_empty();
            return match popped {
                Ok(work) => Taken::Work(work, if more { self.call() } else { None }),
                Err(PopError::Empty) if more => {
                    // What is there now came while this one counted as a searcher, and nobody was
                    // called for it: it goes on as one, so that it calls the next in its turn.
                    *searching = !self.searching.swap(true, Ordering::AcqRel);
                    continue;
                }
                Err(PopError::Empty) => Taken::Nothing,
                Err(PopError::Closed) => Taken::Closed,
            };
        }
    }

    /// A thread that found nothing lies down; false if it is not to sleep, as something has come.
    pub(super) fn lie_down(&self, me: &Arc<Sleeper>) -> bool {
        lock(&self.roster).idle.push(me.clone());
        fence(Ordering::SeqCst);
        // Rule 2. If somebody has called it meanwhile, it may sleep: that call wakes it.
        let something = !self.queue.is_empty() || self.queue.is_closed();
        !(something && lock(&self.roster).get_up(me))
    }

    /// A thread that has slept for long enough goes, unless somebody has called it.
    pub(super) fn retire(&self, me: &Arc<Sleeper>) -> bool {
        // Under one lock: who calls in between would find nobody who sleeps, and take this one for
        // a busy one that looks into the queue once more (rule 4).
        let mut roster = lock(&self.roster);
        let goes = roster.get_up(me);
        if goes {
            roster.threads -= 1;
        }
        goes
    }

    /// A thread is gone, or could not be started; how many are left.
    pub(super) fn gone(&self) -> usize {
        let mut roster = lock(&self.roster);
        roster.threads -= 1;
        roster.threads
    }

    /// A thread that was to be started is not there; how many there are, and who is to be called
    /// instead, if something has come in the belief that it would search.
    pub(super) fn not_started(&self) -> (usize, Option<Arc<Sleeper>>) {
        let left = self.gone();
        self.searching.store(false, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.queue.is_empty() {
            return (left, None);
        }
        (left, self.choose(|roster| roster.idle.pop()))
    }

    /// Lets no more work in, and calls everybody.
    pub(super) fn close(&self) {
        self.queue.close();
        fence(Ordering::SeqCst);
        let idle = std::mem::take(&mut lock(&self.roster).idle);
        idle.iter().for_each(|sleeper| sleeper.call());
    }

    /// Takes out what is still queued.
    pub(super) fn drain(&self) -> impl Iterator<Item = T> {
        self.queue.try_iter()
    }
}

impl Roster {
    /// A thread gets up by itself; false if somebody has called it, and it is to wait for that.
    fn get_up(&mut self, me: &Arc<Sleeper>) -> bool {
        let place = self.idle.iter().position(|one| Arc::ptr_eq(one, me));
        place.map(|place| self.idle.remove(place)).is_some()
    }
}

impl Sleeper {
    /// The calling thread.
    pub(super) fn here() -> Arc<Self> {
        Arc::new(Sleeper {
            called: AtomicBool::new(false),
            parker: Parker::here(),
        })
    }

    /// Wakes the thread, as a searcher.
    pub(super) fn call(&self) {
        // All changes are read-modify-writes, as in `channel`'s waiters.
        self.called.swap(true, Ordering::AcqRel);
        self.parker.wake();
    }

    /// Sleeps on the thread that this is, for `limit` at most; may also return for no reason.
    pub(super) fn sleep(&self, limit: Option<Duration>) {
        self.parker.sleep(limit);
    }

    /// Whether the thread was called; it is then for the next time as if it had not been.
    pub(super) fn take_call(&self) -> bool {
        self.called.swap(false, Ordering::AcqRel)
    }
}
