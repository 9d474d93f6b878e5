//! What all modes share while they run: the ring, the clock, the phases.
//!
//! One iteration is one enter: it sends for all connections that were answered last time and
//! brings what has been received since.

use std::io;
use std::time::{Duration, Instant};

use io_uring::cqueue;

use super::outcome::Outcome;
use super::tally::{Belongs, Tally};
use super::window::{Phase, Window};
use crate::cpu_clock::CpuClock;
use crate::ring::Queues;
use crate::ring::buffers::BufferRing;

/// Buffers are read and given back within one batch of completions.
const BUFFERS: (u32, u32) = (64, 256);

/// A buffer takes what one connection has outstanding, within these bounds: small buffers lie close
/// together and stay in the cache.
const BUFFER_SIZES: (usize, usize) = (256, 64 * 1024);

/// What the larger buffers share.
const BUFFER_BYTES: u32 = 2 * 1024 * 1024;

/// The group that receives take buffers from.
pub const GROUP: u16 = 0;

/// How long one enter waits at most, so that phases end in time.
const TICK: Duration = Duration::from_millis(20);

/// Nearer to the next send than this, the generator spins: a wake-up takes tens of microseconds.
const SPIN: Duration = Duration::from_micros(50);

/// Without any answer for this long the server counts as hung.
const SILENCE: Duration = Duration::from_secs(3);

/// Draining takes no longer than the window did, or this: an overloaded server in an open loop has
/// a queue that it may never get rid of.
const DRAIN: Duration = Duration::from_secs(2);

/// One way to put load on a server.
pub trait Mode {
    /// Gets everything going.
    fn start(&mut self, engine: &mut Engine<'_>) -> io::Result<()>;

    fn complete(&mut self, engine: &mut Engine<'_>, completion: &cqueue::Entry) -> io::Result<()>;

    /// After each batch, when its buffers are given back.
    fn settle(&mut self, engine: &mut Engine<'_>) -> io::Result<()>;

    /// When something is to be done that no completion will bring about.
    fn due(&self, _tally: &Tally) -> Option<u64> {
        None
    }

    /// Requests without an answer.
    fn outstanding(&self) -> usize;

    /// Whether there is anything left that could drive the server.
    fn alive(&self) -> bool {
        true
    }

    /// Draining has taken too long: what is outstanding is lost.
    fn give_up(&mut self, tally: &mut Tally) {
        (0..self.outstanding()).for_each(|_| tally.error());
    }
}

pub struct Engine<'run> {
    pub queues: Queues<'run>,
    pub buffers: BufferRing,
    pub tally: Tally,
    start: Instant,
}

impl<'run> Engine<'run> {
    /// For connections that may each have `outstanding` bytes to receive.
    ///
    /// # Errors
    /// When the kernel refuses the buffers.
    pub fn new(queues: Queues<'run>, outstanding: usize, belongs: Belongs) -> io::Result<Self> {
        let size = outstanding
            .next_power_of_two()
            .clamp(BUFFER_SIZES.0, BUFFER_SIZES.1) as u32;
        let count = (BUFFER_BYTES / size).clamp(BUFFERS.0, BUFFERS.1) as u16;
        Ok(Self {
            buffers: BufferRing::register(queues.submitter(), GROUP, count, size)?,
            queues,
            tally: Tally::new(belongs)?,
            start: Instant::now(),
        })
    }

    /// Nanoseconds since the start.
    pub fn clock(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Drives the server through all phases.
    ///
    /// # Errors
    /// When the server ends, hangs, or loses every connection.
    pub fn run(
        mut self,
        mode: &mut impl Mode,
        server: CpuClock,
        phases: (Duration, Duration),
        opening: u64,
    ) -> io::Result<Outcome> {
        mode.start(&mut self)?;
        let mut now = Instant::now();
        let mut window = Window::new(server, phases, now);
        let mut heard = now;
        let mut give_up_at = None;
        while self.tally.phase != Phase::Draining || mode.outstanding() > 0 {
            self.enter(mode.due(&self.tally))?;
            now = Instant::now();
            self.tally.now = (now - self.start).as_nanos() as u64;
            if self.take_completions(mode)? {
                heard = now;
            } else if now - heard > SILENCE {
                if mode.outstanding() > 0 {
                    return Err(io::Error::other(format!(
                        "the server has not answered for {} seconds",
                        SILENCE.as_secs()
                    )));
                }
                heard = now;
            }
            if !mode.alive() {
                return Err(io::Error::other("the server has closed every connection"));
            }
            if window.advance(now)? {
                self.tally.now = self.clock();
                self.tally.enter(window.phase());
                if window.phase() == Phase::Draining {
                    give_up_at = Some(now + phases.1.max(DRAIN));
                }
            }
            mode.settle(&mut self)?;
            if give_up_at.is_some_and(|moment| now > moment) {
                mode.give_up(&mut self.tally);
                break;
            }
        }
        let measured = window
            .measured()
            .ok_or_else(|| io::Error::other("the run ended before its window"))?;
        Ok(self.tally.outcome(&measured, opening))
    }

    /// Waits for a completion, but not past `due`.
    fn enter(&mut self, due: Option<u64>) -> io::Result<()> {
        let Some(due) = due else {
            return self.queues.submit_and_wait(Some(TICK));
        };
        let ahead = Duration::from_nanos(due.saturating_sub(self.clock()));
        if ahead <= SPIN {
            self.queues.submit_and_look()
        } else {
            self.queues.submit_and_wait(Some(TICK.min(ahead - SPIN)))
        }
    }

    /// Whether there were any.
    fn take_completions(&mut self, mode: &mut impl Mode) -> io::Result<bool> {
        let mut any = false;
        while let Some(completion) = self.queues.completions.next() {
            any = true;
            mode.complete(self, &completion)?;
        }
        if any {
            self.buffers.publish();
        }
        Ok(any)
    }
}
