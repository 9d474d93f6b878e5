//! Connections that come and go: connect, one request, the whole answer, close; `slots` of them at
//! any time. One operation is one connection's whole life.
//!
//! A life is one chain of linked operations, pushed in one piece: socket, bind, connect, send,
//! receive. Only the receive, or whichever operation failed, has a completion. The socket takes a
//! fixed place in the ring's file table, and with it closes the connection that was there before,
//! whose answer is complete.
//!
//! So the generator closes first, with a FIN as ordinary clients do, and TIME_WAIT stays on its
//! side. A reset (SO_LINGER 0) would leave no TIME_WAIT, but would change the server's way of
//! noticing the end. Instead each connection binds a port and an address of its own: all of
//! 127.0.0.0/8 is local, so there are a hundred thousand million of them, and none is used twice.
//! Beyond `net.ipv4.tcp_max_tw_buckets` of them the kernel forgets TIME_WAITs early and says so in
//! its log, which does no harm here.

use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{DestinationSlot, Fixed};
use io_uring::{Probe, Submitter, cqueue, opcode};

use super::engine::{Engine, GROUP, Mode};
use super::script::Script;
use super::window::Phase;
use crate::during::During;
use crate::ring::{Queues, SILENT};

/// A message that fits one segment of the loopback interface: its end never waits for an
/// acknowledgement, and the server never for the generator to read.
pub const MAX_MESSAGE: usize = 32 * 1024;

/// As many as wait in a listener's queue: with more, SYNs are dropped and tried again after a
/// second.
pub const MAX_SLOTS: usize = 4096;

/// The first address that connections come from, and how many follow it.
const FIRST_ADDRESS: u32 = Ipv4Addr::new(127, 128, 0, 0).to_bits();
const ADDRESSES: u32 = 1 << 22;

/// Below the kernel's own range for ephemeral ports (by default), where hardly anything listens: a port
/// that is bound, be it at another address and in TIME_WAIT, is none that `connect` chooses by itself.
const PORTS: (u16, u16) = (20_000, 31_999);

/// So many failures without an answer in between, and the server counts as broken.
const MAX_FAILURES: usize = 1_000;

/// `user_data`: the operation in the top byte, the slot below.
const SLOT: u64 = (1 << 56) - 1;
const SOCKET: u64 = 1 << 56;
const BIND: u64 = 2 << 56;
const CONNECT: u64 = 3 << 56;
const SEND: u64 = 4 << 56;
const RECEIVE: u64 = 5 << 56;
const CLOSE: u64 = 6 << 56;

const ADDRESS_LENGTH: u32 = mem::size_of::<libc::sockaddr_in>() as u32;

/// Where connections come from: ports in turn, then the next address.
struct Sources {
    address: u32,
    port: u16,
}

impl Sources {
    /// Begins at an address that depends on the time, as another run's may still be in TIME_WAIT.
    fn new() -> Self {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.subsec_nanos() ^ time.as_secs() as u32);
        Self {
            address: seconds % ADDRESSES,
            port: PORTS.0,
        }
    }

    fn take(&mut self) -> libc::sockaddr_in {
        let address = socket_address(Ipv4Addr::from_bits(FIRST_ADDRESS + self.address), self.port);
        if self.port < PORTS.1 {
            self.port += 1;
        } else {
            self.port = PORTS.0;
            self.address = (self.address + 1) % ADDRESSES;
        }
        address
    }
}

/// A connection's place.
struct Slot {
    /// Where its present connection comes from; stays put until the chain is submitted.
    source: libc::sockaddr_in,
    /// When that began, in nanoseconds since the start.
    began: u64,
    received: usize,
}

pub struct Churn<'run> {
    script: &'run Script,
    answer: usize,
    server: libc::sockaddr_in,
    slots: Vec<Slot>,
    sources: Sources,
    running: usize,
    /// Without an answer in between.
    failures: usize,
}

/// Whether this kernel can do it.
///
/// # Errors
/// When it is older than 6.11.
pub fn check(submitter: &Submitter<'_>) -> io::Result<()> {
    let mut probe = Probe::new();
    submitter
        .register_probe(&mut probe)
        .during("asking for the ring's operations")?;
    if !probe.is_supported(opcode::Bind::CODE) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "Linux 6.11 or newer, whose rings bind sockets",
        ));
    }
    Ok(())
}

impl<'run> Churn<'run> {
    /// Makes room for `slots` connections to a port, whose answers have a known length.
    ///
    /// # Errors
    /// When the kernel refuses the table.
    pub fn new(
        queues: &Queues<'_>,
        port: u16,
        slots: usize,
        answer: usize,
        script: &'run Script,
    ) -> io::Result<Self> {
        queues
            .submitter()
            .register_files_sparse(slots as u32)
            .during("registering the connections' places")?;
        let server = socket_address(Ipv4Addr::LOCALHOST, port);
        let slots = (0..slots).map(|_| Slot {
            source: server,
            began: 0,
            received: 0,
        });
        Ok(Self {
            script,
            answer,
            server,
            slots: slots.collect(),
            sources: Sources::new(),
            running: 0,
            failures: 0,
        })
    }

    fn connect(&mut self, engine: &mut Engine<'_>, index: usize) -> io::Result<()> {
        let slot = &mut self.slots[index];
        slot.source = self.sources.take();
        slot.began = engine.tally.now;
        slot.received = 0;
        self.running += 1;
        let linked = |entry: Entry, operation: u64| {
            entry
                .flags(SILENT | Flags::IO_LINK)
                .user_data(operation | index as u64)
        };
        let file = Fixed(index as u32);
        let place = DestinationSlot::try_from_slot_target(index as u32)
            .map_err(|_| io::Error::other("no such place in the file table"))?;
        let request = self.script.requests(index, 1);
        let chain = [
            linked(
                opcode::Socket::new(libc::AF_INET, libc::SOCK_STREAM, 0)
                    .file_index(Some(place))
                    .build(),
                SOCKET,
            ),
            linked(
                opcode::Bind::new(file, (&raw const slot.source).cast(), ADDRESS_LENGTH).build(),
                BIND,
            ),
            linked(
                opcode::Connect::new(file, (&raw const self.server).cast(), ADDRESS_LENGTH).build(),
                CONNECT,
            ),
            linked(
                opcode::Send::new(file, request.as_ptr(), request.len() as u32)
                    .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
                    .build(),
                SEND,
            ),
            receive(index),
        ];
        // SAFETY: the kernel copies addresses when the chain is submitted, before a slot is used
        // again, and `self` stays where it is while the engine runs; the request is the script's,
        // which is alive until the process ends; the buffers of the group are never unmapped.
        unsafe { engine.queues.push_chain(&chain) }
    }

    fn received(&mut self, engine: &mut Engine<'_>, index: usize, length: usize, buffer: u16) {
        let slot = &mut self.slots[index];
        engine.tally.check(
            self.script,
            index,
            self.answer,
            slot.received,
            engine.buffers.bytes(buffer, length),
        );
        slot.received += length;
    }

    /// Takes the place for the next connection, or empties it.
    fn next(&mut self, engine: &mut Engine<'_>, index: usize) -> io::Result<()> {
        self.running -= 1;
        if engine.tally.phase != Phase::Draining {
            return self.connect(engine, index);
        }
        let entry = opcode::Close::new(Fixed(index as u32))
            .build()
            .flags(SILENT)
            .user_data(CLOSE | index as u64);
        // SAFETY: a close points to nothing.
        unsafe { engine.queues.push(&entry) }
    }

    fn failed(
        &mut self,
        engine: &mut Engine<'_>,
        index: usize,
        doing: &str,
        error: io::Error,
    ) -> io::Result<()> {
        // Somebody listens there, on all addresses: the next one will do.
        let taken = doing == BINDING && error.kind() == io::ErrorKind::AddrInUse;
        if !taken {
            engine.tally.error();
        }
        self.failures += 1;
        if self.failures > MAX_FAILURES {
            return Err(error).during(format_args!("{doing}, {MAX_FAILURES} times in a row"));
        }
        self.next(engine, index)
    }
}

const BINDING: &str = "binding a source address";

impl Mode for Churn<'_> {
    fn start(&mut self, engine: &mut Engine<'_>) -> io::Result<()> {
        for index in 0..self.slots.len() {
            engine.tally.now = engine.clock();
            self.connect(engine, index)?;
        }
        Ok(())
    }

    fn complete(&mut self, engine: &mut Engine<'_>, completion: &cqueue::Entry) -> io::Result<()> {
        let (data, result) = (completion.user_data(), completion.result());
        let index = (data & SLOT) as usize;
        let doing = match data & !SLOT {
            SOCKET => "opening a socket",
            BIND => BINDING,
            CONNECT => "connecting",
            SEND => "sending the request",
            RECEIVE => "receiving the answer",
            // Emptying a place whose connection had failed before it took the place.
            _ => return Ok(()),
        };
        if let Some(buffer) = cqueue::buffer_select(completion.flags()) {
            if result > 0 {
                self.received(engine, index, result as usize, buffer);
            }
            engine.buffers.offer(buffer);
        }
        if result == -libc::ENOBUFS {
            // SAFETY: the buffers of the group are never unmapped.
            return unsafe { engine.queues.push(&receive(index)) };
        }
        if result < 0 {
            let error = io::Error::from_raw_os_error(-result);
            return self.failed(engine, index, doing, error);
        }
        if data & !SLOT != RECEIVE {
            let error = io::Error::other("it was cut short");
            return self.failed(engine, index, doing, error);
        }
        if result == 0 || self.slots[index].received > self.answer {
            let error = io::Error::other("the answer has the wrong length");
            return self.failed(engine, index, doing, error);
        }
        if self.slots[index].received < self.answer {
            // SAFETY: the buffers of the group are never unmapped.
            return unsafe { engine.queues.push(&receive(index)) };
        }
        engine.tally.answered(self.slots[index].began);
        self.failures = 0;
        self.next(engine, index)
    }

    fn settle(&mut self, _engine: &mut Engine<'_>) -> io::Result<()> {
        Ok(())
    }

    fn outstanding(&self) -> usize {
        self.running
    }
}

fn receive(index: usize) -> Entry {
    opcode::Recv::new(Fixed(index as u32), std::ptr::null_mut(), 0)
        .buf_group(GROUP)
        .build()
        .flags(Flags::BUFFER_SELECT)
        .user_data(RECEIVE | index as u64)
}

fn socket_address(address: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: address.to_bits().to_be(),
        },
        sin_zero: [0; 8],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{PORTS, Sources};

    #[test]
    fn no_source_comes_twice() {
        let mut sources = Sources::new();
        let count = 3 * usize::from(PORTS.1 - PORTS.0);
        let seen: HashSet<_> = (0..count)
            .map(|_| sources.take())
            .map(|source| (source.sin_addr.s_addr, source.sin_port))
            .collect();
        assert_eq!(seen.len(), count);
    }
}
