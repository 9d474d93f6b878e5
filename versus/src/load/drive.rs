//! The closed loop: each answered request is followed by the next at once, `depth` of them
//! outstanding on every connection.
//!
//! One iteration is one enter: it sends for all connections that were answered last time and
//! brings what has been received since. Requests that were answered together are sent together.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use io_uring::{cqueue, opcode, types};

use super::connect::Connected;
use super::outcome::{Outcome, micros};
use super::script::Script;
use super::window::{Phase, Window};
use crate::cpu_clock::CpuClock;
use crate::during::During;
use crate::ring::buffers::BufferRing;
use crate::ring::{self, Queues, SILENT};

/// Buffers are read and given back within one batch of completions.
const BUFFERS: u16 = 256;

/// A buffer takes what one connection has outstanding, within these bounds: small buffers lie close
/// together and stay in the cache.
const BUFFER_SIZES: (usize, usize) = (256, 8192);
const GROUP: u16 = 0;

/// Content is compared at one in this many receives: enough to notice, too few to cost.
const CHECK_EVERY: u64 = 8;

/// How long one enter waits at most, so that phases end in time.
const TICK: Duration = Duration::from_millis(20);

/// Without any answer for this long the server counts as hung.
const SILENCE: Duration = Duration::from_secs(3);

/// Latencies from 1 ns to 60 s with three digits.
const LATENCY_RANGE: (u64, u64, u8) = (1, 60_000_000_000, 3);

/// `user_data`: a send has this bit, a receive does not; the rest is the connection.
const SEND: u64 = 1 << 63;

/// A connection in the loop.
struct Connection {
    answer: usize,
    /// Bytes received of the answer that is coming in.
    partial: usize,
    outstanding: usize,
    /// Which of its send times is the oldest.
    oldest: usize,
    alive: bool,
}

struct Drive<'run> {
    queues: Queues<'run>,
    buffers: BufferRing,
    script: &'run Script,
    connections: Vec<Connection>,
    /// `depth` send times for each connection, a ring each, in nanoseconds since the start.
    sent_at: Vec<u64>,
    latencies: Histogram<u64>,
    /// Nanoseconds since the start, read once a batch.
    now: u64,
    phase: Phase,
    receives: u64,
    requests: u64,
    errors: u64,
    alive: usize,
    /// Connections to receive on again.
    unarmed: Vec<usize>,
}

/// Drives the connections through all phases.
///
/// # Errors
/// When the server ends, hangs, or loses every connection.
pub fn run(
    connected: &[Connected],
    script: &Script,
    server: CpuClock,
    phases: (Duration, Duration),
) -> io::Result<Outcome> {
    let mut ring = ring::open()?;
    let queues = Queues::of(&mut ring)?;
    let files: Vec<_> = connected.iter().map(|one| one.stream.as_raw_fd()).collect();
    queues
        .submitter()
        .register_files(&files)
        .during("registering the connections")?;
    let longest = connected.iter().map(|one| one.answer).max().unwrap_or(0);
    let size = (longest * script.depth)
        .next_power_of_two()
        .clamp(BUFFER_SIZES.0, BUFFER_SIZES.1) as u32;
    let buffers = BufferRing::register(queues.submitter(), GROUP, BUFFERS, size)?;
    let (lowest, highest, digits) = LATENCY_RANGE;
    let drive = Drive {
        queues,
        buffers,
        script,
        connections: connected
            .iter()
            .map(|one| Connection {
                answer: one.answer,
                partial: 0,
                outstanding: 0,
                oldest: 0,
                alive: true,
            })
            .collect(),
        sent_at: vec![0; connected.len() * script.depth],
        latencies: Histogram::new_with_bounds(lowest, highest, digits).map_err(io::Error::other)?,
        now: 0,
        phase: Phase::WarmingUp,
        receives: 0,
        requests: 0,
        errors: 0,
        alive: connected.len(),
        unarmed: Vec::new(),
    };
    drive.run(server, phases)
}

impl Drive<'_> {
    fn run(mut self, server: CpuClock, phases: (Duration, Duration)) -> io::Result<Outcome> {
        let start = Instant::now();
        let mut window = Window::new(server, phases, start);
        let mut heard = start;
        for index in 0..self.connections.len() {
            self.receive(index)?;
            self.send(index, self.script.depth)?;
        }
        while self.phase != Phase::Draining || self.outstanding() > 0 {
            self.queues.submit_and_wait(Some(TICK))?;
            let now = Instant::now();
            self.now = (now - start).as_nanos() as u64;
            if self.take_completions()? {
                heard = now;
            } else if now - heard > SILENCE {
                return Err(io::Error::other(format!(
                    "the server has not answered for {} seconds",
                    SILENCE.as_secs()
                )));
            }
            if self.alive == 0 {
                return Err(io::Error::other("the server has closed every connection"));
            }
            if window.advance(now)? {
                self.enter_phase(window.phase());
            }
        }
        let measured = window
            .measured()
            .ok_or_else(|| io::Error::other("the run ended before its window"))?;
        Ok(Outcome {
            requests: self.requests,
            errors: self.errors,
            seconds: measured.elapsed.as_secs_f64(),
            server_cpu_seconds: measured.server.as_secs_f64(),
            load_cpu_seconds: measured.own.as_secs_f64(),
            p50_micros: micros(self.latencies.value_at_quantile(0.50)),
            p99_micros: micros(self.latencies.value_at_quantile(0.99)),
        })
    }

    fn enter_phase(&mut self, phase: Phase) {
        self.phase = phase;
        if phase == Phase::Measuring {
            self.requests = 0;
            self.latencies.reset();
        }
    }

    fn outstanding(&self) -> usize {
        self.connections.iter().map(|one| one.outstanding).sum()
    }

    /// Whether there were any.
    fn take_completions(&mut self) -> io::Result<bool> {
        let mut any = false;
        while let Some(completion) = self.queues.completions.next() {
            any = true;
            self.complete(&completion)?;
        }
        self.buffers.publish();
        while let Some(index) = self.unarmed.pop() {
            self.receive(index)?;
        }
        Ok(any)
    }

    fn complete(&mut self, completion: &cqueue::Entry) -> io::Result<()> {
        let (data, result) = (completion.user_data(), completion.result());
        let index = (data & !SEND) as usize;
        if data & SEND != 0 {
            // A send reports only its failure, or that it was cut short, which is one too.
            self.lose(index);
            return Ok(());
        }
        let flags = completion.flags();
        if let Some(buffer) = cqueue::buffer_select(flags) {
            if result > 0 {
                self.received(index, buffer, result as usize)?;
            }
            self.buffers.offer(buffer);
        }
        if cqueue::more(flags) {
            return Ok(());
        }
        if result > 0 || result == -libc::ENOBUFS {
            self.unarmed.push(index);
        } else {
            self.lose(index);
        }
        Ok(())
    }

    fn received(&mut self, index: usize, buffer: u16, length: usize) -> io::Result<()> {
        self.check(index, buffer, length);
        let connection = &mut self.connections[index];
        let total = connection.partial + length;
        let answered = total / connection.answer;
        connection.partial = total % connection.answer;
        if answered > connection.outstanding {
            self.errors += 1;
            self.lose(index);
            return Ok(());
        }
        connection.outstanding -= answered;
        let depth = self.script.depth;
        for _ in 0..answered {
            let sent = self.sent_at[index * depth + connection.oldest];
            connection.oldest = (connection.oldest + 1) % depth;
            self.latencies.saturating_record(self.now - sent);
        }
        match self.phase {
            Phase::Draining => Ok(()),
            Phase::WarmingUp | Phase::Measuring => {
                self.requests += answered as u64;
                self.send(index, answered)
            }
        }
    }

    fn check(&mut self, index: usize, buffer: u16, length: usize) {
        let connection = &self.connections[index];
        let bytes = self.buffers.bytes(buffer, length);
        let whole = connection.partial == 0 && length.is_multiple_of(connection.answer);
        self.receives += 1;
        let good = if self.phase == Phase::Draining && whole {
            self.script.agrees_fully(index, connection.answer, bytes)
        } else if self.phase == Phase::Draining || self.receives.is_multiple_of(CHECK_EVERY) {
            self.script.agrees(index, connection.partial, bytes)
        } else {
            true
        };
        self.errors += u64::from(!good);
    }

    fn receive(&mut self, index: usize) -> io::Result<()> {
        let entry = opcode::RecvMulti::new(types::Fixed(index as u32), GROUP)
            .build()
            .user_data(index as u64);
        // SAFETY: the buffers of the group are never unmapped.
        unsafe { self.queues.push(&entry) }
    }

    fn send(&mut self, index: usize, count: usize) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let depth = self.script.depth;
        let connection = &mut self.connections[index];
        if !connection.alive {
            return Ok(());
        }
        for later in 0..count {
            let free = (connection.oldest + connection.outstanding + later) % depth;
            self.sent_at[index * depth + free] = self.now;
        }
        connection.outstanding += count;
        let bytes = self.script.requests(index, count);
        let entry = opcode::Send::new(
            types::Fixed(index as u32),
            bytes.as_ptr(),
            bytes.len() as u32,
        )
        .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
        .build()
        .flags(SILENT)
        .user_data(SEND | index as u64);
        // SAFETY: the script outlives the ring's use: it is borrowed for longer than this struct
        // and the process ends after the run.
        unsafe { self.queues.push(&entry) }
    }

    /// A connection that broke is one error and drives nothing any more.
    fn lose(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if connection.alive {
            connection.alive = false;
            connection.outstanding = 0;
            self.alive -= 1;
            self.errors += 1;
        }
    }
}
