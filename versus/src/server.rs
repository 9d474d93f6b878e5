//! The server's process: prepared here, then handed to the peer for good.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::cli::ServeArguments;
use crate::confine;
use crate::during::During;

/// As many connections as the kernel queues by default (`net.core.somaxconn`): the generator opens
/// all of them at once.
const BACKLOG: i32 = 4096;

/// Serves until the parent kills the process.
///
/// # Errors
/// When the peer cannot start, or its server returns.
pub fn run(arguments: &ServeArguments) -> io::Result<()> {
    confine::child(arguments.parent, arguments.cpu)?;
    let (peer, workload) = (arguments.peer, arguments.workload);
    let serve = peer
        .serving(workload)
        .ok_or_else(|| io::Error::other(format!("{peer} does not serve {}", workload.name())))?;
    serve().during(format_args!("{peer} serving {}", workload.name()))?;
    Err(io::Error::other(format!("the server of {peer} returned")))
}

/// A blocking listener on a free loopback port. TCP_NODELAY is set on it, and Linux lets accepted
/// sockets inherit that.
pub fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .during("binding a loopback port")?;
    socket.listen(BACKLOG).during("listening")?;
    Ok(socket.into())
}

/// Tells the parent that connections may come.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", address.port())
        .and_then(|()| out.flush())
        .during("announcing the port")
}
