//! How long one tick has taken, as far as it can answer for it.
//!
//! A loop that has not ticked may be without fault: its thread may be ready to run and have no
//! processor, or the whole process may have been stopped, or the virtual machine. So what counts
//! between two looks is
//!
//! - the processor time that the thread has used, and,
//! - if it is blocked, the time that has passed, less what it has waited for a processor. Not more
//!   than was meant to lie between two looks: if the watchdog comes late, it was kept from running
//!   itself.
//!
//! The tick may have begun any time before the first look that finds it, and is charged only from
//! then on. Whatever cannot be known is in the loop's favour.

use crate::event_loop::Doing;

/// What a look finds.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) tick: u64,
    pub(super) doing: Doing,
    /// Now, in nanoseconds.
    pub(super) wall: u64,
    /// Processor time of the loop's thread, in nanoseconds; `None` if it is gone.
    pub(super) cpu: Option<u64>,
}

/// What is looked at only in the second look at a tick and after.
#[derive(Clone, Copy, Default)]
pub(super) struct Blocked {
    pub(super) sleeps: bool,
    /// Time that the thread was ready and had no processor, in nanoseconds.
    pub(super) kept_waiting: u64,
}

/// What to think of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Verdict {
    /// It has not ticked since the last look, as it had nothing to do.
    Rests,
    /// It ticks, or not long enough ago.
    Works,
    /// It has been in this tick for longer than the limit, so many nanoseconds; it is told of now.
    Stalls(u64),
    /// So long by now; it was told of.
    StallsStill(u64),
}

/// One loop's.
#[derive(Default)]
pub(super) struct Judge {
    tick: u64,
    /// At the last look, if it found the present tick.
    last: Option<(u64, u64)>,
    kept_waiting: Option<u64>,
    charged: u64,
    told: bool,
}

impl Judge {
    /// Judges by a look, `period` nanoseconds after the one before if all goes well.
    pub(super) fn judge(
        &mut self,
        look: Look,
        blocked: impl FnOnce() -> Blocked,
        limit: u64,
        period: u64,
    ) -> Verdict {
        let ticked = look.tick != self.tick;
        let (true, Some(cpu)) = (look.doing != Doing::Nothing, look.cpu) else {
            *self = Judge {
                tick: look.tick,
                ..Judge::default()
            };
            return if ticked {
                Verdict::Works
            } else {
                Verdict::Rests
            };
        };
        let now = Some((look.wall, cpu));
        let (false, Some((wall_before, cpu_before))) = (ticked, self.last) else {
            *self = Judge {
                tick: look.tick,
                last: now,
                ..Judge::default()
            };
            return Verdict::Works;
        };
        let worked = cpu.saturating_sub(cpu_before);
        let passed = look.wall.saturating_sub(wall_before).min(period);
        let blocked = blocked();
        let slept = match self.kept_waiting {
            Some(before) if blocked.sleeps => {
                passed.saturating_sub(blocked.kept_waiting.saturating_sub(before))
            }
            // How much of the time it has waited for a processor, only two looks tell.
            _ => 0,
        };
        self.last = now;
        self.kept_waiting = Some(blocked.kept_waiting);
        self.charged += worked.max(slept);
        if self.charged < limit {
            return Verdict::Works;
        }
        if self.told {
            return Verdict::StallsStill(self.charged);
        }
        self.told = true;
        Verdict::Stalls(self.charged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 100;
    const PERIOD: u64 = 25;

    /// A loop in one tick: its clocks, and a judge who looks at it.
    #[derive(Default)]
    struct Scene {
        judge: Judge,
        tick: u64,
        wall: u64,
        cpu: u64,
        blocked: Blocked,
    }

    impl Scene {
        /// In tick 1, seen once.
        fn begun() -> Self {
            let mut scene = Scene {
                tick: 1,
                ..Scene::default()
            };
            assert_eq!(scene.look(), Verdict::Works);
            scene
        }

        fn look(&mut self) -> Verdict {
            self.look_at(Doing::Turning)
        }

        fn look_at(&mut self, doing: Doing) -> Verdict {
            let look = Look {
                tick: self.tick,
                doing,
                wall: self.wall,
                cpu: Some(self.cpu),
            };
            let blocked = self.blocked;
            self.judge.judge(look, || blocked, LIMIT, PERIOD)
        }

        /// What the first looks find, until one finds a stall; at most `looks` of them.
        fn stall_within(&mut self, looks: usize, mut step: impl FnMut(&mut Self)) -> Option<u64> {
            (0..looks).find_map(|_| {
                step(self);
                match self.look() {
                    Verdict::Works => None,
                    Verdict::Stalls(nanos) => Some(nanos),
                    other => panic!("{other:?}"),
                }
            })
        }
    }

    #[test]
    fn who_computes_is_told_of_once_and_again_in_another_tick() {
        let mut scene = Scene::begun();
        for tick in 1..4 {
            let stall = scene.stall_within(4, |scene| {
                scene.wall += 25;
                scene.cpu += 25;
            });
            assert_eq!(stall, Some(100));
            scene.cpu += 10;
            assert_eq!(scene.look(), Verdict::StallsStill(110));
            scene.tick = tick + 1;
            assert_eq!(scene.look(), Verdict::Works);
        }
    }

    #[test]
    fn who_sleeps_is_told_of() {
        let mut scene = Scene::begun();
        scene.blocked.sleeps = true;
        // The first look learns how long it had waited before.
        let stall = scene.stall_within(5, |scene| scene.wall += 25);
        assert_eq!(stall, Some(100));
    }

    #[test]
    fn who_has_no_processor_is_not() {
        let mut scene = Scene::begun();
        assert_eq!(scene.stall_within(1_000, |scene| scene.wall += 25), None);
        // Nor who is found asleep after it.
        let mut scene = Scene::begun();
        scene.blocked.sleeps = true;
        let none = scene.stall_within(1_000, |scene| {
            scene.wall += 25;
            scene.blocked.kept_waiting += 25;
        });
        assert_eq!(none, None);
    }

    #[test]
    fn a_process_that_was_stopped_is_not_blamed_for_it() {
        let mut scene = Scene::begun();
        scene.blocked.sleeps = true;
        let none = scene.stall_within(4, |scene| scene.wall += 1_000_000);
        assert_eq!(none, None);
    }

    #[test]
    fn who_ticks_or_rests_is_not_blamed() {
        let mut scene = Scene::begun();
        let none = scene.stall_within(1_000, |scene| {
            scene.tick += 1;
            scene.wall += 25;
            scene.cpu += 25;
        });
        assert_eq!(none, None);
        assert_eq!(scene.look_at(Doing::Nothing), Verdict::Rests);
        scene.tick += 1;
        assert_eq!(scene.look_at(Doing::Nothing), Verdict::Works);
        scene.cpu += 1_000;
        assert_eq!(scene.look_at(Doing::Nothing), Verdict::Rests);
        assert_eq!(scene.look(), Verdict::Works);
    }
}
