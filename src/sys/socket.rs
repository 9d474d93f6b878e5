//! Sockets: making, binding and asking them. What moves bytes is in the operations.

use super::errno::counted;
use super::file::MOST_PIECES;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// `MSG_NOSIGNAL`: a vanished peer is an error here, not a signal to the process.
/// `MSG_WAITALL`: the kernel goes on after a short send by itself (5.19).
pub(crate) const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
/// The flag of accept(2) for descriptors that are not inherited by a child program.
pub(crate) const ACCEPT_FLAGS: i32 = libc::SOCK_CLOEXEC;
/// The poll event that an eventfd raises.
pub(crate) const POLL_IN: u32 = libc::POLLIN as u32;

/// A socket address as the kernel reads it.
pub(crate) struct RawAddress(SockAddr);

impl RawAddress {
    pub(crate) fn new(address: SocketAddr) -> Self {
        RawAddress(address.into())
    }

    pub(crate) fn as_ptr(&self) -> *const libc::sockaddr {
        self.0.as_ptr().cast()
    }

    pub(crate) fn len(&self) -> u32 {
        self.0.len()
    }
}

/// What a listening socket is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenOptions {
    pub(crate) backlog: i32,
    pub(crate) reuse_port: ReusePort,
    pub(crate) reuse_address: bool,
    pub(crate) only_v6: Option<bool>,
    pub(crate) nodelay: bool,
    pub(crate) send_buffer: Option<usize>,
    pub(crate) recv_buffer: Option<usize>,
}

/// SO_REUSEPORT of a listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReusePort {
    /// The address is this socket's alone.
    No,
    /// The address must be free; later sockets may share it. Set from the beginning the option
    /// would join the listeners of any other process of the same user, without a word.
    Later,
    /// The address is shared with whoever sets the option, too.
    Yes,
}

/// A bound, listening TCP socket.
///
/// It is left blocking: the ring waits for a blocking descriptor by polling it, and gives EAGAIN
/// for a non-blocking one.
pub(crate) fn listen(address: SocketAddr, options: &ListenOptions) -> io::Result<OwnedFd> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(options.reuse_address)?;
    socket.set_reuse_port(options.reuse_port == ReusePort::Yes)?;
    if let (SocketAddr::V6(_), Some(only)) = (address, options.only_v6) {
        socket.set_only_v6(only)?;
    }
    // Accepted sockets inherit these, which saves system calls a connection.
    socket.set_tcp_nodelay(options.nodelay)?;
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.recv_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&address.into())?;
    // Before it listens: only then does the kernel make it a member of the group.
    socket.set_reuse_port(options.reuse_port != ReusePort::No)?;
    socket.listen(options.backlog)?;
    Ok(socket.into())
}

/// A fresh TCP socket for an address of this kind.
pub(crate) fn stream_for(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    Ok(socket.into())
}

/// Binds a fresh socket to a local address.
pub(crate) fn bind(fd: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    SockRef::from(fd).bind(&address.into())
}

/// Takes a connection that is there already; `WouldBlock` if none is. The listener must have been
/// made non-blocking.
pub(crate) fn accept_now(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let (socket, _) = SockRef::from(&listener).accept()?;
    Ok(socket.into())
}

/// Connects a non-blocking socket, or tells whether it is connected by now.
pub(crate) fn connect_now(fd: BorrowedFd<'_>, address: &RawAddress) -> io::Result<bool> {
    match SockRef::from(&fd).connect(&address.0) {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::EISCONN) => Ok(true),
            Some(libc::EINPROGRESS | libc::EALREADY) => Ok(false),
            _ => Err(error),
        },
    }
}

pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    SockRef::from(&fd).set_nonblocking(on)
}

fn inet(address: SockAddr) -> io::Result<SocketAddr> {
    address
        .as_socket()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an internet socket"))
}

pub(crate) fn local_address(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    inet(SockRef::from(&fd).local_addr()?)
}

pub(crate) fn peer_address(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    inet(SockRef::from(&fd).peer_addr()?)
}

/// shutdown(2): a quick, non-blocking call (the ring would hand it to a kernel thread).
pub(crate) fn shutdown(fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    SockRef::from(&fd).shutdown(how)
}

/// One send that does not wait: how much the socket took at once.
pub(crate) fn send_now(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the slice is readable for the length of the call.
    let sent = unsafe {
        libc::send(
            fd.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
        )
    };
    counted(sent)
}

/// As [`send_now`], of the first [`MOST_PIECES`].
pub(crate) fn send_vectored_now(fd: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let pieces = &pieces[..pieces.len().min(MOST_PIECES)];
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    SockRef::from(&fd).send_vectored_with_flags(pieces, flags)
}

/// One receive that does not wait: how much was there; 0 at the end of the stream.
pub(crate) fn recv_now(fd: BorrowedFd<'_>, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    SockRef::from(&fd).recv_with_flags(room, libc::MSG_DONTWAIT)
}

/// How long bytes may stay unacknowledged or unsent before the kernel gives the connection up
/// (`TCP_USER_TIMEOUT`); `None` for the system's default.
pub(crate) fn set_user_timeout(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<()> {
    SockRef::from(&fd).set_tcp_user_timeout(timeout)
}

/// Probes an idle connection after `idle`; `None` switches probing off.
pub(crate) fn set_keepalive(fd: BorrowedFd<'_>, idle: Option<Duration>) -> io::Result<()> {
    let socket = SockRef::from(&fd);
    match idle {
        Some(idle) => socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(idle)),
        None => socket.set_keepalive(false),
    }
}

/// The hop limit of sent packets, by the socket's own family.
pub(crate) fn hop_limit(fd: BorrowedFd<'_>) -> io::Result<u32> {
    match local_address(fd)? {
        SocketAddr::V4(_) => SockRef::from(&fd).ttl_v4(),
        SocketAddr::V6(_) => SockRef::from(&fd).unicast_hops_v6(),
    }
}

pub(crate) fn set_hop_limit(fd: BorrowedFd<'_>, hops: u32) -> io::Result<()> {
    match local_address(fd)? {
        SocketAddr::V4(_) => SockRef::from(&fd).set_ttl_v4(hops),
        SocketAddr::V6(_) => SockRef::from(&fd).set_unicast_hops_v6(hops),
    }
}

/// A socket's options, by socket2.
pub(crate) fn options<'a>(fd: &'a BorrowedFd<'_>) -> SockRef<'a> {
    SockRef::from(fd)
}
