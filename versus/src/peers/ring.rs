//! A hand-written io_uring echo: no tasks, no futures, nothing but the ring. What it spends is
//! almost only the kernel's TCP, so it shows what a runtime on io_uring can hope for.
//!
//! Multishot accept into the fixed-file table, multishot receive into a provided-buffer ring, the
//! answer sent from the very buffer that was received, one enter a loop iteration.
//!
//! Rules, cited below:
//! 1. One send in flight a connection; what arrives meanwhile waits in line, in order.
//! 2. A buffer is offered again when the send from it has completed, not before.
//! 3. A connection is closed after its receive has ended and its line is empty; only then may the
//!    kernel reuse its index.

use std::io;
use std::os::fd::AsRawFd;

use super::{Server, Servers};
use crate::confine;
use crate::during::During;
use crate::ring::buffers::BufferRing;
use crate::ring::{self, Queues, SILENT};
use crate::server::{self, Orders};
use io_uring::{cqueue, opcode, types};

pub const SERVERS: Servers = Servers {
    echo: Some(Server::Here(echo)),
    http: None,
    work: None,
};

/// The kernel caps the table at RLIMIT_NOFILE.
const MAX_CONNECTIONS: u64 = 16_384;

/// Buffers in flight are bounded by one batch of completions, not by connections.
const BUFFERS: u16 = 256;

/// Large, as each costs a completion and a send: with 2 KiB, eight messages of 4 KiB cost over six
/// times as much, while messages of 128 bytes gained nothing.
const BUFFER_SIZE: u32 = 16 * 1024;

const GROUP: u16 = 0;

/// No buffer: the end of a line.
const NONE: u16 = u16::MAX;

/// `user_data`: the kind in the top byte, the connection in the low half.
const KIND: u64 = 0xff << 56;
const ACCEPT: u64 = 1 << 56;
const RECEIVE: u64 = 2 << 56;
const SEND: u64 = 3 << 56;
const CLOSE: u64 = 4 << 56;

/// A connection's line of received buffers, the first of which is being sent.
#[derive(Clone, Copy)]
struct Connection {
    first: u16,
    last: u16,
    /// Bytes of the first buffer that are sent already.
    sent: u32,
    receiving: bool,
    /// Nothing more will be received.
    ended: bool,
}

/// What a filled buffer holds and which one follows it in its connection's line.
#[derive(Clone, Copy)]
struct Filled {
    length: u32,
    next: u16,
}

struct Echo<'ring> {
    queues: Queues<'ring>,
    buffers: BufferRing,
    filled: Vec<Filled>,
    connections: Vec<Connection>,
    /// Connections whose receive ended for want of a buffer.
    starved: Vec<u32>,
    listener: types::Fd,
}

fn echo(orders: &Orders) -> io::Result<()> {
    let listener = orders.listen()?;
    let mut ring = ring::open()?;
    let queues = Queues::of(&mut ring)?;
    let connections = confine::descriptor_limit()?.rlim_max.min(MAX_CONNECTIONS) as usize;
    queues
        .submitter()
        .register_files_sparse(connections as u32)
        .during("registering the file table")?;
    let buffers = BufferRing::register(queues.submitter(), GROUP, BUFFERS, BUFFER_SIZE)?;
    let closed = Connection {
        first: NONE,
        last: NONE,
        sent: 0,
        receiving: false,
        ended: true,
    };
    let mut echo = Echo {
        queues,
        buffers,
        filled: vec![
            Filled {
                length: 0,
                next: NONE
            };
            usize::from(BUFFERS)
        ],
        connections: vec![closed; connections],
        starved: Vec::new(),
        listener: types::Fd(listener.as_raw_fd()),
    };
    server::announce(listener.local_addr()?, None)?;
    echo.accept()?;
    loop {
        echo.queues.submit_and_wait(None)?;
        while let Some(completion) = echo.queues.completions.next() {
            echo.complete(&completion)?;
        }
        echo.buffers.publish();
        echo.feed_starved()?;
    }
}

impl Echo<'_> {
    fn complete(&mut self, completion: &cqueue::Entry) -> io::Result<()> {
        let data = completion.user_data();
        let (index, result) = (data as u32, completion.result());
        match data & KIND {
            RECEIVE => self.received(index, result, completion.flags()),
            SEND => self.sent(index, result),
            ACCEPT => self.accepted(result, completion.flags()),
            // A close reports only its failure.
            CLOSE => Err(io::Error::from_raw_os_error(-result)).during("closing a connection"),
            _ => Err(io::Error::other("a completion of no known kind")),
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let entry = opcode::AcceptMulti::new(self.listener)
            .allocate_file_index(true)
            .build()
            .user_data(ACCEPT);
        // SAFETY: an accept without an address points to nothing.
        unsafe { self.queues.push(&entry) }
    }

    fn accepted(&mut self, result: i32, flags: u32) -> io::Result<()> {
        if result < 0 {
            return Err(io::Error::from_raw_os_error(-result)).during("accepting");
        }
        self.connections[result as usize].ended = false;
        self.receive(result as u32)?;
        if cqueue::more(flags) {
            Ok(())
        } else {
            self.accept()
        }
    }

    fn receive(&mut self, index: u32) -> io::Result<()> {
        self.connections[index as usize].receiving = true;
        let entry = opcode::RecvMulti::new(types::Fixed(index), GROUP)
            .build()
            .user_data(RECEIVE | u64::from(index));
        // SAFETY: the buffers of the group are never unmapped.
        unsafe { self.queues.push(&entry) }
    }

    fn received(&mut self, index: u32, result: i32, flags: u32) -> io::Result<()> {
        let connection = &mut self.connections[index as usize];
        connection.receiving = cqueue::more(flags);
        if let Some(buffer) = cqueue::buffer_select(flags) {
            if result > 0 {
                self.line_up(index, buffer, result as u32)?;
            } else {
                self.buffers.offer(buffer);
            }
        }
        let connection = &mut self.connections[index as usize];
        if connection.receiving {
            return Ok(());
        }
        if result > 0 {
            return self.receive(index);
        }
        if result == -libc::ENOBUFS {
            self.starved.push(index);
            return Ok(());
        }
        connection.ended = true;
        self.close_if_done(index)
    }

    /// Rule 1.
    fn line_up(&mut self, index: u32, buffer: u16, length: u32) -> io::Result<()> {
        self.filled[usize::from(buffer)] = Filled { length, next: NONE };
        let connection = &mut self.connections[index as usize];
        if connection.first == NONE {
            connection.first = buffer;
            connection.last = buffer;
            return self.send(index, buffer, 0);
        }
        self.filled[usize::from(connection.last)].next = buffer;
        connection.last = buffer;
        Ok(())
    }

    fn send(&mut self, index: u32, buffer: u16, from: u32) -> io::Result<()> {
        let length = self.filled[usize::from(buffer)].length - from;
        // `from` is within the buffer, so the address stays inside it.
        let address = self.buffers.address(buffer).wrapping_add(from as usize);
        let entry = opcode::Send::new(types::Fixed(index), address, length)
            .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
            .build()
            .user_data(SEND | u64::from(index));
        // SAFETY: rule 2 keeps the buffer's bytes until the send has completed.
        unsafe { self.queues.push(&entry) }
    }

    fn sent(&mut self, index: u32, result: i32) -> io::Result<()> {
        let connection = &mut self.connections[index as usize];
        let buffer = connection.first;
        let Filled { length, next } = self.filled[usize::from(buffer)];
        if result > 0 && connection.sent + (result as u32) < length {
            connection.sent += result as u32;
            let from = connection.sent;
            return self.send(index, buffer, from);
        }
        connection.sent = 0;
        connection.first = next;
        self.buffers.offer(buffer);
        if result <= 0 {
            // The peer is gone: its receive ends by itself, what waits in line has no reader.
            self.drop_line(index);
        } else if next != NONE {
            return self.send(index, next, 0);
        }
        self.close_if_done(index)
    }

    fn drop_line(&mut self, index: u32) {
        let connection = &mut self.connections[index as usize];
        while connection.first != NONE {
            let buffer = connection.first;
            connection.first = self.filled[usize::from(buffer)].next;
            self.buffers.offer(buffer);
        }
    }

    /// Rule 3.
    fn close_if_done(&mut self, index: u32) -> io::Result<()> {
        let connection = &self.connections[index as usize];
        if !connection.ended || connection.receiving || connection.first != NONE {
            return Ok(());
        }
        let entry = opcode::Close::new(types::Fixed(index))
            .build()
            .flags(SILENT)
            .user_data(CLOSE | u64::from(index));
        // SAFETY: a close points to nothing.
        unsafe { self.queues.push(&entry) }
    }

    /// Buffers were just given back; if there are still none, the receives fail again and return.
    fn feed_starved(&mut self) -> io::Result<()> {
        while let Some(index) = self.starved.pop() {
            self.receive(index)?;
        }
        Ok(())
    }
}
