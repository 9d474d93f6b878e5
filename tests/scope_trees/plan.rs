//! What a tree is to do: drawn from a seed as a whole, before anything runs.

use crate::kit::random::Random;
use std::sync::Arc;
use std::time::Duration;

/// Tokens that all parts of a tree may cancel and run under. The second is below the first.
pub const TOKENS: u64 = 3;

/// What one piece of code does, step by step.
#[derive(Debug, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
}

#[derive(Debug)]
pub enum Step {
    Yield(u64),
    Checkpoint,
    Sleep(Duration),
    /// For ever, where a deadline is around.
    Hang,
    Fail,
    Panic,
    Cancel(u64),
    /// Of a token, to now or to never.
    Deadline(u64, bool),
    Open(Open),
    MoveOn(Duration, Plan),
    Shield(Plan),
    Cleanup(Plan, Plan),
    Under(u64, Plan),
    /// Drops the plan when the time is over, as no scope does.
    Timeout(Duration, Plan),
}

/// A scope.
#[derive(Debug)]
pub struct Open {
    pub children: Vec<(Place, Arc<Plan>)>,
    pub body: Plan,
    /// The body cancels this child, or the whole scope.
    pub cancels: Option<usize>,
    pub cancels_all: bool,
    pub deadline: Option<Duration>,
    /// A failure of it ends here, or is a failure of the code around it.
    pub contained: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Place {
    Here,
    /// Among at most two at a time.
    Limited,
    /// Waited for until it says that it is ready.
    Started,
    /// In a task of its own, on this loop.
    Task,
    /// On the other loop, if there is one.
    There,
}

/// Draws plans.
pub struct Draw {
    pub random: Random,
    /// How many steps are left to draw in this tree.
    pub left: u64,
    /// Whether steps may drop others.
    pub drops: bool,
    pub drew_a_drop: bool,
}

impl Draw {
    /// A tree, and whether something in it may be dropped.
    pub fn tree(seed: u64) -> (Plan, bool) {
        let mut random = Random::with_seed(seed);
        let left = 4 + random.below(40);
        let drops = random.once_in(4);
        let mut draw = Draw {
            random,
            left,
            drops,
            drew_a_drop: false,
        };
        let plan = draw.plan(6, false);
        (plan, draw.drew_a_drop)
    }

    /// `bounded`: there is a deadline around it, which no shield keeps out.
    fn plan(&mut self, depth: u64, bounded: bool) -> Plan {
        let mut plan = Plan::default();
        for _ in 0..1 + self.random.below(4) {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            plan.steps.push(self.step(depth, bounded));
        }
        plan
    }

    fn step(&mut self, depth: u64, bounded: bool) -> Step {
        let leaf = depth == 0 || self.random.once_in(3);
        if leaf {
            return match self.random.below(24) {
                0..8 => Step::Yield(1 + self.random.below(4)),
                8..11 => Step::Checkpoint,
                11..15 => Step::Sleep(self.short()),
                15..18 if bounded => Step::Hang,
                15..18 => Step::Checkpoint,
                18..20 => Step::Fail,
                20 => Step::Panic,
                21..23 => Step::Cancel(self.random.below(TOKENS)),
                _ => Step::Deadline(self.random.below(TOKENS), self.random.once_in(2)),
            };
        }
        let depth = depth - 1;
        match self.random.below(14) {
            0..6 => Step::Open(self.open(depth, bounded)),
            6..8 => Step::MoveOn(self.short(), self.plan(depth, true)),
            8..10 => Step::Shield(self.plan(depth, false)),
            10..12 => Step::Cleanup(self.plan(depth, bounded), self.plan(depth, false)),
            12 if self.drops => {
                self.drew_a_drop = true;
                Step::Timeout(self.short(), self.plan(depth, true))
            }
            _ => Step::Under(self.random.below(TOKENS), self.plan(depth, bounded)),
        }
    }

    fn open(&mut self, depth: u64, bounded: bool) -> Open {
        let deadline = self.random.once_in(5).then(|| self.short());
        let bounded = bounded || deadline.is_some();
        let places = [
            Place::Here,
            Place::Here,
            Place::Here,
            Place::Limited,
            Place::Started,
            Place::Task,
            Place::There,
            Place::There,
        ];
        let children: Vec<_> = (0..self.random.below(5))
            .map(|_| {
                let place = places[self.random.below(places.len() as u64) as usize];
                (place, Arc::new(self.plan(depth, bounded)))
            })
            .collect();
        let cancels = match children.len() {
            0 => None,
            many => (self.random.once_in(4)).then(|| self.random.below(many as u64) as usize),
        };
        Open {
            cancels,
            children,
            body: self.plan(depth, bounded),
            cancels_all: self.random.once_in(8),
            deadline,
            contained: self.random.once_in(2),
        }
    }

    /// From nothing to a fraction of a millisecond.
    fn short(&mut self) -> Duration {
        Duration::from_micros(match self.random.below(3) {
            0 => 0,
            1 => self.random.below(50),
            _ => self.random.below(400),
        })
    }
}
