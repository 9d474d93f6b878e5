//! A hand-written epoll echo: level-triggered, one buffer for all connections, two system calls a
//! message and one `epoll_wait` a batch.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::{Server, Servers};
use crate::during::{During, checked};
use crate::server::{self, Orders};

pub const SERVERS: Servers = Servers {
    echo: Some(Server::Here(echo)),
    http: None,
    work: None,
};

/// Events taken in one wait.
const BATCH: usize = 512;

/// One for all connections: its size costs nothing.
const BUFFER: usize = 64 * 1024;

const READABLE: u32 = libc::EPOLLIN as u32;
const WRITABLE: u32 = libc::EPOLLOUT as u32;

/// A connection, and what its socket had no room for.
struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
}

/// What becomes of a connection after one event.
#[must_use]
enum Next {
    Keep,
    Close,
}

struct Echo {
    epoll: OwnedFd,
    listener: TcpListener,
    /// By descriptor: as dense as the kernel's own table.
    connections: Vec<Option<Connection>>,
}

fn echo(orders: &Orders) -> io::Result<()> {
    let listener = orders.listen()?;
    listener.set_nonblocking(true)?;
    // SAFETY: epoll_create1 takes flags only.
    let epoll = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).during("epoll")?;
    // SAFETY: the descriptor was just made and nobody else holds it.
    let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
    let mut echo = Echo {
        epoll,
        listener,
        connections: Vec::new(),
    };
    echo.control(libc::EPOLL_CTL_ADD, echo.listener.as_raw_fd(), READABLE)?;
    server::announce(echo.listener.local_addr()?, None)?;
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; BATCH];
    let mut buffer = vec![0; BUFFER];
    loop {
        for event in wait(&echo.epoll, &mut events)? {
            let descriptor = event.u64 as RawFd;
            if descriptor == echo.listener.as_raw_fd() {
                echo.accept()?;
            } else {
                echo.serve(descriptor, event.events, &mut buffer)?;
            }
        }
    }
}

fn wait<'events>(
    epoll: &OwnedFd,
    events: &'events mut [libc::epoll_event],
) -> io::Result<&'events [libc::epoll_event]> {
    let room = events.len() as libc::c_int;
    // SAFETY: the kernel writes at most `room` events, which is the slice's length.
    let ready = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), room, -1) };
    match checked(ready) {
        Ok(ready) => Ok(&events[..ready as usize]),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(&[]),
        Err(error) => Err(error).during("waiting on epoll"),
    }
}

impl Echo {
    fn control(&self, action: libc::c_int, descriptor: RawFd, interest: u32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest,
            u64: descriptor as u64,
        };
        // SAFETY: the kernel reads the event during the call; both descriptors are open.
        let done =
            unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), action, descriptor, &mut event) };
        checked(done).map(drop).during("changing an epoll interest")
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).during("accepting"),
            };
            stream.set_nonblocking(true)?;
            let descriptor = stream.as_raw_fd();
            self.control(libc::EPOLL_CTL_ADD, descriptor, READABLE)?;
            let index = descriptor as usize;
            if self.connections.len() <= index {
                self.connections.resize_with(index + 1, || None);
            }
            self.connections[index] = Some(Connection {
                stream,
                unsent: Vec::new(),
            });
        }
    }

    fn serve(&mut self, descriptor: RawFd, events: u32, buffer: &mut [u8]) -> io::Result<()> {
        let Some(slot) = self.connections.get_mut(descriptor as usize) else {
            return Ok(());
        };
        let Some(connection) = slot else {
            return Ok(());
        };
        let was_full = !connection.unsent.is_empty();
        let next = if was_full && events & WRITABLE != 0 {
            connection.flush()
        } else {
            connection.echo(buffer)
        };
        let is_full = !connection.unsent.is_empty();
        match next {
            // Closing the descriptor also takes it out of the epoll set.
            Next::Close => *slot = None,
            // A full socket is not read from until it has taken what it was given.
            Next::Keep if was_full != is_full => {
                let interest = if is_full { WRITABLE } else { READABLE };
                self.control(libc::EPOLL_CTL_MOD, descriptor, interest)?;
            }
            Next::Keep => {}
        }
        Ok(())
    }
}

impl Connection {
    fn echo(&mut self, buffer: &mut [u8]) -> Next {
        let read = match self.stream.read(buffer) {
            Ok(0) => return Next::Close,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::Keep,
            Err(_) => return Next::Close,
        };
        match self.stream.write(&buffer[..read]) {
            Ok(written) => self.unsent.extend_from_slice(&buffer[written..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.unsent.extend_from_slice(&buffer[..read]);
            }
            Err(_) => return Next::Close,
        }
        Next::Keep
    }

    fn flush(&mut self) -> Next {
        match self.stream.write(&self.unsent) {
            Ok(written) => {
                self.unsent.drain(..written);
                Next::Keep
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Next::Keep,
            Err(_) => Next::Close,
        }
    }
}
