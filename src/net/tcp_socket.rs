//! [`TcpSocket`]: a socket that is not connected yet, to be given options.

use super::tcp_stream::TcpStream;
use crate::event_loop::{context, proceed, uncancelled};
use crate::op;
use crate::sys::socket;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// A TCP socket before it connects.
#[derive(Debug)]
pub struct TcpSocket {
    fd: OwnedFd,
}

impl TcpSocket {
    /// A socket of the kind that `address` needs, with TCP_NODELAY set.
    ///
    /// # Errors
    ///
    /// If the system makes none: out of descriptors, or no such address family.
    pub fn for_address(address: SocketAddr) -> io::Result<Self> {
        let fd = socket::stream_for(address)?;
        socket::options(&fd.as_fd()).set_tcp_nodelay(true)?;
        Ok(TcpSocket { fd })
    }

    /// Binds it to a local address. Port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// If the address is taken or not local.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        socket::bind(&self.fd, address).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot bind to {address}: {error}"))
        })
    }

    /// Sets TCP_NODELAY. Default yes.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        socket::options(&self.as_fd()).set_tcp_nodelay(nodelay)
    }

    /// Sets SO_REUSEADDR, for a socket that is to be bound. Default no.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_reuse_address(&self, reuse: bool) -> io::Result<()> {
        socket::options(&self.as_fd()).set_reuse_address(reuse)
    }

    /// Probes the connection after it was idle for `idle`; `None`, the default, for no probes.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        socket::set_keepalive(self.as_fd(), idle)
    }

    /// SO_SNDBUF, in bytes. Default: the kernel's own tuning.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_send_buffer(&self, bytes: usize) -> io::Result<()> {
        socket::options(&self.as_fd()).set_send_buffer_size(bytes)
    }

    /// SO_RCVBUF, in bytes. Default: the kernel's own tuning.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_recv_buffer(&self, bytes: usize) -> io::Result<()> {
        socket::options(&self.as_fd()).set_recv_buffer_size(bytes)
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// The refusal, naming the address.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the attempt up and closes the socket.
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        proceed().await;
        let connecting = op::connect(context::driver(), self.fd, address);
        match uncancelled(connecting).await {
            Ok(descriptor) => Ok(TcpStream::from_descriptor(descriptor)),
            Err(error) => Err(io::Error::new(
                error.kind(),
                format!("cannot connect to {address}: {error}"),
            )),
        }
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
