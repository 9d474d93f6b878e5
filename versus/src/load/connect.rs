//! Opens the connections and makes one checked exchange on each, which also teaches the length of
//! an answer.
//!
//! In batches: a batch is connected, its requests leave, then its answers are awaited together, so
//! that ten thousand connections do not wait for ten thousand wake-ups of the server.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::script::Script;
use crate::confine;
use crate::during::{During, checked};

/// A first answer takes microseconds; a server this slow is broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// Until a source port that is taken is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// No answer of these workloads is longer, but for an echo, whose length is known.
const MAX_ANSWER: usize = 1024 * 1024;

/// What one read takes.
const READ: usize = 64 * 1024;

/// Connections in a batch: few enough for any listener's queue; fewer of those with large messages.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// What a process needs besides its connections: the ring, the standard streams and the like.
const OTHER_DESCRIPTORS: usize = 64;

/// A blocking socket and the length of one answer on it.
pub struct Connected {
    pub stream: TcpStream,
    pub answer: usize,
}

/// Which server, and where to come from.
pub struct Target<'run> {
    pub port: u16,
    /// The source port of each connection; of one without, the kernel's choice.
    pub source_ports: &'run [u16],
}

/// Refuses more connections than the process may have.
///
/// # Errors
/// When the limit is too low; says what to do.
pub fn check_limit(connections: usize) -> io::Result<()> {
    let needed = connections + OTHER_DESCRIPTORS;
    let limit = confine::descriptor_limit().during("reading the limit of descriptors")?;
    if needed as u64 > limit.rlim_max {
        return Err(io::Error::other(format!(
            "{connections} connections need {needed} descriptors, of which RLIMIT_NOFILE allows {}: \
             raise the hard limit (ulimit -Hn, LimitNOFILE= of a systemd unit, docker run --ulimit \
             nofile=…) or ask for fewer",
            limit.rlim_max
        )));
    }
    Ok(())
}

/// Opens the connections of these numbers.
///
/// # Errors
/// When one of them fails, or its first answer is wrong or does not come.
pub fn open(
    target: &Target<'_>,
    numbers: std::ops::Range<usize>,
    script: &Script,
) -> io::Result<Vec<Connected>> {
    let numbers: Vec<usize> = numbers.collect();
    let batch = (BATCH_BYTES / script.request().max(1)).clamp(1, BATCH);
    let mut all = Vec::with_capacity(numbers.len());
    for batch in numbers.chunks(batch) {
        let mut opening = Vec::with_capacity(batch.len());
        for &index in batch {
            opening.push(Opening::new(target, index).during(format_args!("connection {index}"))?);
        }
        exchange(&mut opening, script)?;
        for one in opening {
            one.stream.set_nonblocking(false)?;
            all.push(Connected {
                answer: one.answer.len(),
                stream: one.stream,
            });
        }
    }
    Ok(all)
}

/// A connection whose first exchange is under way.
struct Opening {
    stream: TcpStream,
    index: usize,
    sent: usize,
    answer: Vec<u8>,
    done: bool,
}

impl Opening {
    fn new(target: &Target<'_>, index: usize) -> io::Result<Self> {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, target.port));
        let stream = match target.source_ports.get(index) {
            None => TcpStream::connect(server).during("connecting")?,
            Some(&port) => connect_patiently(port, server)
                .during(format_args!("connecting from port {port}"))?,
        };
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            index,
            sent: 0,
            answer: Vec::new(),
            done: false,
        })
    }

    /// Goes as far as the socket lets it; whether there was anything to do.
    fn advance(&mut self, script: &Script, room: &mut [u8]) -> io::Result<bool> {
        let request = script.requests(self.index, 1);
        let mut moved = false;
        while self.sent < request.len() {
            match self.stream.write(&request[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).during("sending the first request"),
            }
            moved = true;
        }
        while !self.done {
            match self.stream.read(room) {
                Ok(0) => return Err(io::Error::other("the server closed the connection")),
                Ok(read) => self.answer.extend_from_slice(&room[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).during("awaiting the first answer"),
            }
            moved = true;
            self.done = self.answered(script)?;
        }
        Ok(moved)
    }

    /// Whether the answer is complete; if it is, it is as expected.
    fn answered(&self, script: &Script) -> io::Result<bool> {
        let filled = self.answer.len();
        let Some(length) = script.answer_length(&self.answer)? else {
            return Ok(false);
        };
        if filled > length || length > MAX_ANSWER {
            return Err(io::Error::other(format!("an answer of {filled} bytes")));
        }
        if filled < length {
            return Ok(false);
        }
        if !script.agrees_fully(self.index, length, &self.answer) {
            return Err(io::Error::other("the answer's content is wrong"));
        }
        Ok(true)
    }
}

/// From a port of one's own. The connection ends with a reset, when the process does: it leaves no
/// TIME_WAIT, and the next server can be reached from the same port at once.
pub fn connect_from(port: u16, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.connect(&server.into())?;
    Ok(socket.into())
}

/// The run before may have left connections from these ports to this server, which the kernel
/// closes a while after their ring's process has ended.
fn connect_patiently(port: u16, server: SocketAddr) -> io::Result<TcpStream> {
    let begun = Instant::now();
    loop {
        match connect_from(port, server) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable
                ) && begun.elapsed() < PATIENCE =>
            {
                thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}

fn exchange(batch: &mut [Opening], script: &Script) -> io::Result<()> {
    let mut room = vec![0; READ];
    loop {
        let mut moved = false;
        for one in batch.iter_mut().filter(|one| !one.done) {
            let index = one.index;
            moved |= one
                .advance(script, &mut room)
                .during(format_args!("connection {index}"))?;
        }
        if batch.iter().all(|one| one.done) {
            return Ok(());
        }
        if !moved {
            wait(batch, script)?;
        }
    }
}

/// Until one of them can go on.
fn wait(batch: &[Opening], script: &Script) -> io::Result<()> {
    let pending = || batch.iter().filter(|one| !one.done);
    let mut polled: Vec<libc::pollfd> = pending()
        .map(|one| libc::pollfd {
            fd: one.stream.as_raw_fd(),
            events: if one.sent < script.request() {
                libc::POLLIN | libc::POLLOUT
            } else {
                libc::POLLIN
            },
            revents: 0,
        })
        .collect();
    let count = polled.len() as libc::nfds_t;
    let patience = PATIENCE.as_millis() as libc::c_int;
    // SAFETY: the kernel writes to the `count` elements of the vector, during the call.
    match checked(unsafe { libc::poll(polled.as_mut_ptr(), count, patience) }) {
        Ok(0) => {
            let index = pending().next().map_or(0, |one| one.index);
            Err(io::Error::other(format!(
                "connection {index}: no first answer within {} seconds",
                PATIENCE.as_secs()
            )))
        }
        Err(error) if error.kind() != ErrorKind::Interrupted => {
            Err(error).during("awaiting the first answers")
        }
        _ => Ok(()),
    }
}
