//! [`ListenOptions`]: what a listening socket is made with.

use super::address::{self, ToSocketAddrs};
use crate::sys::socket::{self, ReusePort};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

/// Connections that may wait in the kernel, established and not yet accepted. The kernel caps it at
/// `net.core.somaxconn`, 4,096 by default.
pub(crate) const BACKLOG: i32 = 4096;

/// Options of a listening socket.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions(socket::ListenOptions);

impl ListenOptions {
    /// The defaults: a backlog of 4,096, SO_REUSEADDR, TCP_NODELAY for what is accepted.
    pub fn new() -> Self {
        ListenOptions(socket::ListenOptions {
            backlog: BACKLOG,
            reuse_port: ReusePort::No,
            reuse_address: true,
            only_v6: None,
            nodelay: true,
            send_buffer: None,
            recv_buffer: None,
        })
    }

    /// How many connections may wait to be accepted. Default 4,096; `net.core.somaxconn` caps it.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.0.backlog = i32::try_from(connections).unwrap_or(i32::MAX);
        self
    }

    /// SO_REUSEPORT: several listeners on one address, also of other processes of the same user; the
    /// kernel spreads connections. Default no. [`serve`](crate::serve) has a listener for each of
    /// its loops in any case; with no, another process cannot listen on its address.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.0.reuse_port = if reuse { ReusePort::Yes } else { ReusePort::No };
        self
    }

    /// For the first of several listeners of one server: the address must be free, unless it is to
    /// be shared.
    pub(crate) fn first_of_several(mut self) -> Self {
        if self.0.reuse_port == ReusePort::No {
            self.0.reuse_port = ReusePort::Later;
        }
        self
    }

    /// SO_REUSEADDR: an address whose old connections still linger may be bound. Default yes.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.0.reuse_address = reuse;
        self
    }

    /// IPV6_V6ONLY for an IPv6 address. Default: the system's.
    pub fn only_v6(mut self, only: bool) -> Self {
        self.0.only_v6 = Some(only);
        self
    }

    /// TCP_NODELAY for accepted connections. Default yes: writes are gathered by the runtime.
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.0.nodelay = nodelay;
        self
    }

    /// SO_SNDBUF for accepted connections, in bytes. Default: the kernel's own tuning.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.0.send_buffer = Some(bytes);
        self
    }

    /// SO_RCVBUF for accepted connections, in bytes. Default: the kernel's own tuning.
    pub fn recv_buffer(mut self, bytes: usize) -> Self {
        self.0.recv_buffer = Some(bytes);
        self
    }

    /// A bound, listening socket. The error names the address.
    pub(crate) fn bind_std(&self, address: SocketAddr) -> io::Result<OwnedFd> {
        socket::listen(address, &self.0).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        })
    }

    /// Binds the first of several addresses that can be bound.
    pub(crate) async fn bind_any(
        &self,
        address: &(impl ToSocketAddrs + ?Sized),
    ) -> io::Result<(OwnedFd, SocketAddr)> {
        let mut refused = None;
        for address in address::resolve(address).await? {
            match self.bind_std(address) {
                Ok(fd) => {
                    let bound = socket::local_address(fd.as_fd())?;
                    return Ok((fd, bound));
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions::new()
    }
}
