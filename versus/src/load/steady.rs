//! Connections that stay: the closed and the open loop.
//!
//! Closed: each answered request is followed by the next at once, `depth` of them outstanding on
//! every connection. Requests that were answered together are sent together.
//!
//! Open: requests leave by a [`Schedule`], whatever becomes of those before. Up to `depth` of them
//! are outstanding on a connection; later ones queue behind them and keep their intended times,
//! from which their latencies count: a server that stalls is charged for all who had to wait.
//!
//! Sends: what fits a socket's buffer goes out at once and reports only its failure. Larger
//! requests have one send under way on each connection, and the next when it is complete.
//! Receives never wait for sends, so a server that blocks on writing is always read from.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsRawFd;

use io_uring::{cqueue, opcode, types};

use super::connect::Connected;
use super::engine::{Engine, GROUP, Mode};
use super::schedule::Schedule;
use super::script::Script;
use super::tally::Tally;
use super::window::Phase;
use crate::during::During;
use crate::ring::{Queues, SILENT};

/// `user_data`: a send has this bit, a receive does not; the rest is the connection.
const SEND: u64 = 1 << 63;

/// A connection in the loop.
struct Connection {
    answer: usize,
    /// Bytes received of the answer that is coming in.
    partial: usize,
    /// Requests that wait for their answers, not yet sent ones included.
    outstanding: usize,
    /// Which of its send times is the oldest.
    oldest: usize,
    /// Outstanding requests that wait for the send under way.
    unsent: usize,
    /// Bytes of the send under way, and how many of them are not sent.
    piece: usize,
    sending: usize,
    /// Requests of the schedule: those begun, and those that `depth` holds back.
    begun: u64,
    held: usize,
    alive: bool,
}

pub struct Steady<'run> {
    script: &'run Script,
    connections: Vec<Connection>,
    /// `depth` send times for each connection, a ring each, in nanoseconds since the start; in the
    /// open loop the intended ones.
    sent_at: Vec<u64>,
    schedule: Option<Schedule>,
    at_once: bool,
    alive: usize,
    /// Connections to receive on again, the longest waiting first.
    unarmed: VecDeque<usize>,
}

impl<'run> Steady<'run> {
    /// Registers the connections; at a rate an open loop, without one a closed one.
    ///
    /// # Errors
    /// When the kernel refuses the registration.
    pub fn new(
        queues: &Queues<'_>,
        connected: &[Connected],
        script: &'run Script,
        rate: Option<f64>,
    ) -> io::Result<Self> {
        let files: Vec<_> = connected.iter().map(|one| one.stream.as_raw_fd()).collect();
        queues
            .submitter()
            .register_files(&files)
            .during("registering the connections")?;
        let connections = connected.iter().map(|one| Connection {
            answer: one.answer,
            partial: 0,
            outstanding: 0,
            oldest: 0,
            unsent: 0,
            piece: 0,
            sending: 0,
            begun: 0,
            held: 0,
            alive: true,
        });
        Ok(Self {
            script,
            connections: connections.collect(),
            sent_at: vec![0; connected.len() * script.depth],
            schedule: rate.map(|rate| Schedule::new(rate, connected.len())),
            at_once: script.sends_at_once(),
            alive: connected.len(),
            unarmed: VecDeque::new(),
        })
    }

    fn received(
        &mut self,
        engine: &mut Engine<'_>,
        index: usize,
        buffer: u16,
        length: usize,
    ) -> io::Result<()> {
        let connection = &mut self.connections[index];
        engine.tally.check(
            self.script,
            index,
            connection.answer,
            connection.partial,
            engine.buffers.bytes(buffer, length),
        );
        let total = connection.partial + length;
        let answered = total / connection.answer;
        connection.partial = total % connection.answer;
        if answered > connection.outstanding {
            self.lose(engine, index);
            return Ok(());
        }
        connection.outstanding -= answered;
        let depth = self.script.depth;
        for _ in 0..answered {
            let sent = self.sent_at[index * depth + connection.oldest];
            connection.oldest = (connection.oldest + 1) % depth;
            engine.tally.answered(sent);
        }
        if self.schedule.is_some() {
            self.begin_held(engine, index)
        } else if engine.tally.phase == Phase::Draining {
            Ok(())
        } else {
            let now = engine.tally.now;
            self.begin(engine, index, answered, |_| now)
        }
    }

    /// Begins `count` requests, the first of them at `since(0)`.
    fn begin(
        &mut self,
        engine: &mut Engine<'_>,
        index: usize,
        count: usize,
        since: impl Fn(u64) -> u64,
    ) -> io::Result<()> {
        let depth = self.script.depth;
        let connection = &mut self.connections[index];
        if count == 0 || !connection.alive {
            return Ok(());
        }
        for later in 0..count {
            let free = (connection.oldest + connection.outstanding + later) % depth;
            self.sent_at[index * depth + free] = since(later as u64);
        }
        connection.outstanding += count;
        if self.at_once {
            let bytes = self.script.requests(index, count);
            return send(engine, index, bytes, true);
        }
        connection.unsent += count;
        self.send_next(engine, index)
    }

    /// Takes up what waits for the send under way, if that is complete.
    fn send_next(&mut self, engine: &mut Engine<'_>, index: usize) -> io::Result<()> {
        let connection = &mut self.connections[index];
        if connection.sending > 0 || connection.unsent == 0 {
            return Ok(());
        }
        let count = connection.unsent.min(self.script.per_send);
        connection.unsent -= count;
        let bytes = self.script.requests(index, count);
        connection.piece = bytes.len();
        connection.sending = bytes.len();
        send(engine, index, bytes, false)
    }

    fn sent(&mut self, engine: &mut Engine<'_>, index: usize, result: i32) -> io::Result<()> {
        let connection = &mut self.connections[index];
        // Where sends report only failure, one that was cut short is one too.
        if result <= 0 || self.at_once {
            self.lose(engine, index);
            return Ok(());
        }
        connection.sending -= result as usize;
        if connection.sending == 0 {
            return self.send_next(engine, index);
        }
        let whole = self
            .script
            .requests(index, connection.piece / self.script.request());
        let rest = &whole[connection.piece - connection.sending..];
        send(engine, index, rest, false)
    }

    /// Begins requests of the schedule as far as `depth` lets them.
    fn begin_held(&mut self, engine: &mut Engine<'_>, index: usize) -> io::Result<()> {
        let connection = &mut self.connections[index];
        let count = connection
            .held
            .min(self.script.depth - connection.outstanding);
        connection.held -= count;
        let first = connection.begun;
        connection.begun += count as u64;
        let Some(schedule) = self.schedule else {
            return Ok(());
        };
        self.begin(engine, index, count, |later| {
            schedule.of(index, first + later)
        })
    }

    /// Sees to every request that is due.
    fn release(&mut self, engine: &mut Engine<'_>) -> io::Result<()> {
        // Again, as this batch took its time.
        engine.tally.now = engine.clock();
        let until = engine.tally.now.min(engine.tally.end());
        while let Some(schedule) = &mut self.schedule
            && schedule.next() < until
        {
            let intended = schedule.next();
            let index = schedule.take();
            engine.tally.released(intended);
            self.connections[index].held += 1;
            self.begin_held(engine, index)?;
        }
        Ok(())
    }

    /// A connection that broke is one error and drives nothing any more.
    fn lose(&mut self, engine: &mut Engine<'_>, index: usize) {
        let connection = &mut self.connections[index];
        if connection.alive {
            connection.alive = false;
            connection.outstanding = 0;
            connection.unsent = 0;
            self.alive -= 1;
            engine.tally.error();
        }
    }
}

impl Mode for Steady<'_> {
    fn start(&mut self, engine: &mut Engine<'_>) -> io::Result<()> {
        for index in 0..self.connections.len() {
            receive(engine, index)?;
            if self.schedule.is_none() {
                let now = engine.clock();
                self.begin(engine, index, self.script.depth, |_| now)?;
            }
        }
        if let Some(schedule) = &mut self.schedule {
            schedule.begin(engine.clock());
        }
        Ok(())
    }

    fn complete(&mut self, engine: &mut Engine<'_>, completion: &cqueue::Entry) -> io::Result<()> {
        let (data, result) = (completion.user_data(), completion.result());
        let index = (data & !SEND) as usize;
        if data & SEND != 0 {
            return self.sent(engine, index, result);
        }
        let flags = completion.flags();
        if let Some(buffer) = cqueue::buffer_select(flags) {
            if result > 0 {
                self.received(engine, index, buffer, result as usize)?;
            }
            engine.buffers.offer(buffer);
        }
        if cqueue::more(flags) {
            return Ok(());
        }
        if result > 0 || result == -libc::ENOBUFS {
            self.unarmed.push_back(index);
        } else {
            self.lose(engine, index);
        }
        Ok(())
    }

    fn settle(&mut self, engine: &mut Engine<'_>) -> io::Result<()> {
        // No more than can find a buffer: the others would only fail again.
        let arming = self.unarmed.len().min(engine.buffers.count());
        for index in self.unarmed.drain(..arming) {
            receive(engine, index)?;
        }
        if self.schedule.is_some() {
            self.release(engine)?;
        }
        Ok(())
    }

    fn due(&self, tally: &Tally) -> Option<u64> {
        if !self.unarmed.is_empty() {
            return Some(tally.now);
        }
        let next = self.schedule.as_ref()?.next();
        (next < tally.end()).then_some(next)
    }

    fn outstanding(&self) -> usize {
        self.connections
            .iter()
            .filter(|one| one.alive)
            .map(|one| one.outstanding + one.held)
            .sum()
    }

    fn alive(&self) -> bool {
        self.alive > 0
    }

    fn give_up(&mut self, tally: &mut Tally) {
        let Some(schedule) = &self.schedule else {
            let alive = self.connections.iter().filter(|one| one.alive);
            let lost: usize = alive.map(|one| one.outstanding).sum();
            (0..lost).for_each(|_| tally.error());
            return;
        };
        for (index, connection) in self.connections.iter().enumerate() {
            if connection.alive {
                let answered = connection.begun - connection.outstanding as u64;
                let released = connection.begun + connection.held as u64;
                (answered..released).for_each(|nth| tally.unanswered(schedule.of(index, nth)));
            }
        }
    }
}

fn receive(engine: &mut Engine<'_>, index: usize) -> io::Result<()> {
    let entry = opcode::RecvMulti::new(types::Fixed(index as u32), GROUP)
        .build()
        .user_data(index as u64);
    // SAFETY: the buffers of the group are never unmapped.
    unsafe { engine.queues.push(&entry) }
}

/// Sends a part of the script; silently, without a completion unless it fails.
fn send(engine: &mut Engine<'_>, index: usize, bytes: &[u8], silent: bool) -> io::Result<()> {
    let mut entry = opcode::Send::new(
        types::Fixed(index as u32),
        bytes.as_ptr(),
        bytes.len() as u32,
    )
    .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
    .build()
    .user_data(SEND | index as u64);
    if silent {
        entry = entry.flags(SILENT);
    }
    // SAFETY: the bytes are the script's, which is alive until the process ends.
    unsafe { engine.queues.push(&entry) }
}
