//! The server's process: prepared here, then handed to the peer for good.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use ringmill::DriverInfo;
use serde::{Deserialize, Serialize};
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
    confine::child(arguments.parent, &arguments.cpus)?;
    let (peer, workload) = (arguments.peer, arguments.workload);
    let serve = peer
        .serving(workload)
        .ok_or_else(|| io::Error::other(format!("{peer} does not serve {}", workload.name())))?;
    serve(arguments.driver).during(format_args!("{peer} serving {}", workload.name()))?;
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

/// The one line that a server prints.
#[derive(Serialize, Deserialize)]
pub struct Announcement {
    pub port: u16,
    pub driver: Option<Driver>,
}

/// The driver that Ringmill has taken, and what it found to work with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    pub kind: String,
    pub tier: String,
}

impl From<DriverInfo> for Driver {
    fn from(info: DriverInfo) -> Self {
        Self {
            kind: info.kind.to_string(),
            tier: info.tier.to_string(),
        }
    }
}

/// Tells the parent that connections may come, and to which driver where the peer has several.
pub fn announce(address: SocketAddr, driver: Option<DriverInfo>) -> io::Result<()> {
    let announcement = Announcement {
        port: address.port(),
        driver: driver.map(Driver::from),
    };
    let line = serde_json::to_string(&announcement)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .during("announcing the port")
}
