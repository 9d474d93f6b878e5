//! What one tree leaves: which children began and ended, which errors were made and told; and the log
//! of it.

use super::plan::TOKENS;
use ringmill::LoopRef;
use ringmill::scope::{CancelToken, ErrorGroup, FailureKind};
use ringmill::time::Instant;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub struct World {
    pub tokens: Vec<CancelToken>,
    /// The other loop.
    pub there: Option<LoopRef>,
    born: AtomicUsize,
    ended: AtomicUsize,
    /// How often each error was told of.
    told: Mutex<Vec<u32>>,
    /// Errors that were dropped untold.
    lost: AtomicUsize,
    planted: Instant,
    log: Mutex<Vec<Event>>,
}

/// When something happened, what, and to which child or error, or by which step.
pub type Event = (Duration, &'static str, usize);

/// An error, or what a panic throws.
pub struct Flaw {
    number: usize,
    told: bool,
    world: Arc<World>,
}

/// A child, until it ends.
pub struct Alive(Arc<World>, usize);

impl World {
    pub fn new(there: Option<LoopRef>) -> Arc<World> {
        let mut tokens = vec![CancelToken::new()];
        tokens.push(tokens[0].child());
        tokens.push(CancelToken::new());
        assert_eq!(tokens.len() as u64, TOKENS);
        Arc::new(World {
            tokens,
            there,
            born: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            told: Mutex::default(),
            lost: AtomicUsize::new(0),
            planted: Instant::now(),
            log: Mutex::default(),
        })
    }

    pub fn note(&self, what: &'static str, which: usize) {
        let event = (self.planted.elapsed(), what, which);
        self.log.lock().unwrap().push(event);
    }

    pub fn log(&self) -> Vec<Event> {
        self.log.lock().unwrap().clone()
    }

    pub fn flaw(self: &Arc<Self>) -> Flaw {
        let mut told = self.told.lock().unwrap();
        told.push(0);
        let number = told.len() - 1;
        self.note("an error", number);
        Flaw {
            number,
            told: false,
            world: self.clone(),
        }
    }

    pub fn alive(self: &Arc<Self>) -> Alive {
        let number = self.born.fetch_add(1, Ordering::SeqCst);
        self.note("a child", number);
        Alive(self.clone(), number)
    }

    /// Takes note of all that a group tells.
    pub fn hear(&self, group: ErrorGroup<Flaw>) {
        for failure in group {
            match failure.into_kind() {
                FailureKind::Error(flaw) => flaw.tell(),
                FailureKind::Join(error) => {
                    let panic = error.try_into_panic().expect("no loop has ended");
                    match panic.downcast::<Flaw>() {
                        Ok(flaw) => flaw.tell(),
                        Err(other) => std::panic::resume_unwind(other),
                    }
                }
                _ => unreachable!("no other kind"),
            }
        }
    }

    pub fn all_have_ended(&self) -> bool {
        self.born.load(Ordering::SeqCst) == self.ended.load(Ordering::SeqCst)
    }

    /// Whether all children have ended, and all errors were told or dropped.
    pub fn is_settled(&self) -> bool {
        let told = self.told.lock().unwrap();
        let untold = told.iter().filter(|&&times| times == 0).count();
        self.all_have_ended() && untold == self.lost.load(Ordering::SeqCst)
    }

    /// Children, errors.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.told.lock().unwrap().len();
        (self.born.load(Ordering::SeqCst), errors)
    }

    /// # Panics
    ///
    /// If an error was told of twice, or never; the latter may be where something was dropped.
    #[track_caller]
    pub fn check(&self, may_lose: bool) {
        assert!(self.all_have_ended(), "a child goes on");
        let told = self.told.lock().unwrap();
        let lost = self.lost.load(Ordering::SeqCst);
        let untold = told.iter().filter(|&&times| times == 0).count();
        assert!(told.iter().all(|&times| times <= 1), "told twice: {told:?}");
        assert_eq!(untold, lost, "kept somewhere: {told:?}");
        assert!(may_lose || untold == 0, "never told: {told:?}");
    }
}

impl Flaw {
    pub fn tell(mut self) {
        self.told = true;
        self.world.note("told", self.number);
        self.world.told.lock().unwrap()[self.number] += 1;
    }
}

impl Drop for Flaw {
    fn drop(&mut self) {
        if !self.told {
            self.world.note("lost", self.number);
            self.world.lost.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.note("its end", self.1);
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}
