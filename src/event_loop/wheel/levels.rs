//! The wheel's arithmetic: which slot a tick belongs to, and which slot comes next.
//!
//! A level has two turns of 64 slots, the one that time is in and the one after; a slot of level
//! `l` is 64^l ticks long, so that one turn of a level is one slot of the level above. Since the
//! next turn has room of its own, the slot above it can move down bit by bit while time is still
//! in the turn before.

use std::cell::Cell;

/// A tick is 2^14 ns = 16.4 µs: finer than a thread's wake-up, coarse enough that timers of
/// neighbouring requests share one.
const TICK_BITS: u32 = 14;

/// A turn has 2^6 slots: one bit each in a `u64`.
const BITS: u32 = 6;
const TURN: u64 = 1 << BITS;

/// Slots of a level: two turns, even and odd.
pub(super) const SLOTS: usize = 2 * TURN as usize;

/// 11 levels of 6 bits cover every `u64`, which an exact wheel needs; with the usual ticks the
/// last two stay empty.
pub(super) const LEVELS: usize = 11;

/// Which slots are in use, seen from the current tick. All of them lie ahead of it.
pub(super) struct Levels {
    tick: Cell<u64>,
    tick_bits: u32,
    /// One bit for each level with a slot in use.
    used: Cell<u16>,
    /// One bit for each slot in use, a word for each turn.
    occupied: [Cell<u64>; 2 * LEVELS],
}

/// The ticks from `number` * 64^`level` on, 64^`level` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) level: u32,
    pub(super) number: u64,
}

impl Slot {
    pub(super) fn of(tick: u64, level: u32) -> Slot {
        Slot {
            level,
            number: tick >> (BITS * level),
        }
    }

    pub(super) fn contains(self, tick: u64) -> bool {
        Slot::of(tick, self.level) == self
    }

    pub(super) fn start(self) -> u64 {
        self.number << (BITS * self.level)
    }

    /// Its place among all slots of all levels.
    pub(super) fn index(self) -> usize {
        self.level as usize * SLOTS + self.number as usize % SLOTS
    }

    /// The slots that start at `tick`, lowest level first: older timers are in lower levels.
    pub(super) fn starting_at(tick: u64) -> impl Iterator<Item = Slot> {
        let levels = (tick.trailing_zeros() / BITS).min(LEVELS as u32 - 1);
        (0..=levels).map(move |level| Slot::of(tick, level))
    }

    fn turn(self) -> u64 {
        self.number / TURN
    }
}

impl Levels {
    pub(super) fn new(now_ns: u64) -> Levels {
        Levels::with(now_ns, TICK_BITS)
    }

    pub(super) fn exact(now_ns: u64) -> Levels {
        Levels::with(now_ns, 0)
    }

    fn with(now_ns: u64, tick_bits: u32) -> Levels {
        Levels {
            tick: Cell::new(now_ns >> tick_bits),
            tick_bits,
            used: Cell::new(0),
            occupied: Default::default(),
        }
    }

    /// The tick that the time `ns` is in.
    pub(super) fn tick_at(&self, ns: u64) -> u64 {
        ns >> self.tick_bits
    }

    /// When `tick` comes, in ns.
    pub(super) fn time_of(&self, tick: u64) -> u64 {
        tick << self.tick_bits
    }

    /// The first tick at or after `deadline`, if the clock ever gets there. `u64::MAX` is what a
    /// deadline beyond all times saturates to, so its tick never comes.
    pub(super) fn tick_of(&self, deadline: u64) -> Option<u64> {
        let end = deadline.checked_add(1 << self.tick_bits)?;
        Some((end - 1) >> self.tick_bits)
    }

    pub(super) fn tick(&self) -> u64 {
        self.tick.get()
    }

    /// Moves on to `tick`. The caller has emptied every slot that starts by then.
    pub(super) fn set_tick(&self, tick: u64) {
        self.tick.set(tick);
    }

    /// Where to add a timer for `tick`, which is ahead.
    pub(super) fn slot_for(&self, tick: u64) -> Slot {
        let now = self.tick.get();
        // Less than one turn away: in this turn or the next.
        let mut at = Slot::of(tick, (tick - now).ilog2() / BITS);
        let mut found = at;
        // In the next turn: older timers of this tick may not have moved down yet. Join them, so
        // that they stay in order.
        while at.turn() != Slot::of(now, at.level).turn() {
            at = Slot::of(tick, at.level + 1);
            if self.is_occupied(at) {
                found = at;
            }
        }
        found
    }

    /// The slot for `tick`, which `slot` contains, one level below it; further down if time is in
    /// that one already; none if `tick` has come.
    pub(super) fn below(&self, slot: Slot, tick: u64) -> Option<Slot> {
        let differ = (tick ^ self.tick.get()).checked_ilog2()?;
        Some(Slot::of(
            tick,
            (differ / BITS).min(slot.level.checked_sub(1)?),
        ))
    }

    /// The next tick at which a slot in use starts.
    pub(super) fn next(&self) -> Option<u64> {
        self.firsts().map(Slot::start).min()
    }

    /// The first slot in use of each level, lowest level first, as far up as the next timer due may
    /// be: all that is in a level's current turn comes before all that is in higher levels.
    pub(super) fn firsts(&self) -> impl Iterator<Item = Slot> {
        let mut levels = self.used.get();
        std::iter::from_fn(move || {
            let level = levels.trailing_zeros();
            if level as usize >= LEVELS {
                return None;
            }
            let turn = Slot::of(self.tick.get(), level).turn();
            let first = |turn: u64| {
                let number = turn * TURN;
                let word = self.occupied[Slot { level, number }.index() / TURN as usize].get();
                (word != 0).then(|| number + u64::from(word.trailing_zeros()))
            };
            let (number, last) = match first(turn) {
                Some(number) => (number, true),
                None => (first(turn + 1)?, false),
            };
            levels = if last { 0 } else { levels & (levels - 1) };
            Some(Slot { level, number })
        })
    }

    /// The slots in use that may move down to the next turn of the level below, lowest first.
    pub(super) fn movable(&self) -> impl Iterator<Item = Slot> {
        let above_lowest = u32::from(self.used.get()) >> 1;
        let top = u32::BITS - above_lowest.leading_zeros();
        (1..top + 1).filter_map(|level| {
            let current = Slot::of(self.tick.get(), level);
            let next = Slot {
                level,
                number: current.number + 1,
            };
            self.is_occupied(next).then_some(next)
        })
    }

    pub(super) fn is_occupied(&self, slot: Slot) -> bool {
        let (word, bit) = (slot.index() / TURN as usize, slot.number % TURN);
        self.occupied[word].get() >> bit & 1 == 1
    }

    /// Notes that the slot at `index` is in use; other indexes are none of the levels' business.
    pub(super) fn set_occupied(&self, index: usize) {
        if let Some(word) = self.occupied.get(index / TURN as usize) {
            word.set(word.get() | 1 << (index as u64 % TURN));
            self.used.set(self.used.get() | 1 << (index / SLOTS));
        }
    }

    /// Notes that the slot at `index` is empty.
    pub(super) fn set_vacant(&self, index: usize) {
        let word = index / TURN as usize;
        if let Some(this) = self.occupied.get(word) {
            this.set(this.get() & !(1 << (index as u64 % TURN)));
            if this.get() | self.occupied[word ^ 1].get() == 0 {
                self.used.set(self.used.get() & !(1 << (index / SLOTS)));
            }
        }
    }
}
