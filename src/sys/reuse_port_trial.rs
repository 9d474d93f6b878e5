//! One trial: do two listeners on one address (`SO_REUSEPORT`) each get connections?
//!
//! The kernel chooses by a hash over addresses and ports (socket(7)). Some sandboxes take the option
//! and hand all connections to one listener, which is then one loop.

use super::socket::{self, ListenOptions, ReusePort};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How many connections: all go to one of two by chance once in 2^31 times.
pub(crate) const CONNECTIONS: usize = 32;

/// How long all of it may take; a loopback connection takes some 20 µs.
const LIMIT: Duration = Duration::from_millis(250);

/// How many connections each of two listeners got.
pub(crate) fn try_reuse_port() -> io::Result<[usize; 2]> {
    let deadline = Instant::now() + LIMIT;
    let first = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = socket::local_address(first.as_fd())?;
    let listeners = [first, listen(address)?];
    let mut counts = [0; 2];
    for _ in 0..CONNECTIONS {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        // One at a time, so that a handful of descriptors is enough.
        let client = TcpStream::connect_timeout(&address, left)?;
        // A reset leaves no port behind in TIME_WAIT. If it is refused, one is.
        let _ = socket::options(&client.as_fd()).set_linger(Some(Duration::ZERO));
        if let Some(which) = taken_by(&listeners, deadline)? {
            counts[which] += 1;
        }
    }
    Ok(counts)
}

/// Takes the connection that was just made, by whichever listener has it.
fn taken_by(listeners: &[OwnedFd; 2], deadline: Instant) -> io::Result<Option<usize>> {
    loop {
        for (which, listener) in listeners.iter().enumerate() {
            match socket::accept_now(listener.as_fd()) {
                Ok(_) => return Ok(Some(which)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        // The handshake's last packet may still be on its way through the kernel.
        std::thread::yield_now();
    }
}

fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    let listener = socket::listen(
        address,
        &ListenOptions {
            backlog: CONNECTIONS as i32,
            reuse_port: ReusePort::Yes,
            reuse_address: false,
            only_v6: None,
            nodelay: false,
            send_buffer: None,
            recv_buffer: None,
        },
    )?;
    socket::set_nonblocking(listener.as_fd(), true)?;
    Ok(listener)
}
