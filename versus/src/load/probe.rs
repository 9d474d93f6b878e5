//! Which source ports the kernel gives to the first of two listeners on one port.
//!
//! With SO_REUSEPORT the kernel chooses the listener by a hash of the connection's addresses and
//! ports and of a secret that is drawn once a boot (`inet_ehashfn`, `reuseport_select_sock`), and
//! numbers the listeners in the order in which they began to listen. (Recent kernels only add the
//! server's port to the hash, so the same source ports often come out for any port.) So what two listeners of this
//! process receive, two of a server will receive later: connections from these ports all fall to
//! one of them, whoever made it.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::connect;
use crate::during::During;

/// Ports to come from: below the kernel's ephemeral ones, above those of services.
const SOURCES: std::ops::Range<u16> = 10_000..32_000;

/// A connection is with its listener when `connect` returns, or a moment later.
const PATIENCE: Duration = Duration::from_secs(2);

const BACKLOG: i32 = 128;

/// What was found.
#[derive(Debug)]
pub struct Probed {
    /// The server's; chosen by the kernel when asked for port 0.
    pub port: u16,
    /// Those whose connections fall to the first listener, in ascending order.
    pub source_ports: Vec<u16>,
}

/// Finds `count` source ports; everything is closed again, and nothing is left in TIME_WAIT.
///
/// # Errors
/// When the port is taken, or too few source ports are free.
pub fn probe(port: u16, count: usize) -> io::Result<Probed> {
    let first = listen(port)?;
    let server = first.local_addr()?;
    let second = listen(server.port())?;
    let mut source_ports = Vec::with_capacity(count);
    for source in SOURCES {
        if source_ports.len() == count {
            break;
        }
        if source == server.port() {
            continue;
        }
        match falls_to_first(source, server, &first, &second) {
            Ok(true) => source_ports.push(source),
            Ok(false) => {}
            // Somebody else comes from there.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable
                ) => {}
            Err(error) => {
                return Err(error).during(format_args!("probing source port {source}"));
            }
        }
    }
    if source_ports.len() < count {
        return Err(io::Error::other(format!(
            "only {} of {count} source ports in {SOURCES:?} lead to the first listener: ask for \
             fewer skewed connections",
            source_ports.len()
        )));
    }
    Ok(Probed {
        port: server.port(),
        source_ports,
    })
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())
        .during(format_args!("binding port {port}"))?;
    socket.listen(BACKLOG).during("listening")?;
    Ok(socket.into())
}

fn falls_to_first(
    source: u16,
    server: SocketAddr,
    first: &TcpListener,
    second: &TcpListener,
) -> io::Result<bool> {
    let client = connect::connect_from(source, server)?;
    let begun = Instant::now();
    loop {
        for (listener, is_first) in [(first, true), (second, false)] {
            match listener.accept() {
                // Somebody else's connection does not count.
                Ok((accepted, from)) if from == client.local_addr()? => {
                    // This end first, by a reset: the other then has nothing to wait for either.
                    drop(client);
                    drop(accepted);
                    return Ok(is_first);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).during("accepting"),
            }
        }
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::other("the connection has reached no listener"));
        }
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::{falls_to_first, listen, probe};

    #[test]
    fn another_pair_of_listeners_gets_the_same_connections() {
        let probed = probe(0, 40).expect("enough free ports");
        assert_eq!(probed.source_ports.len(), 40);
        let again = probe(probed.port, 40).expect("the port is free again");
        assert_eq!(again.source_ports, probed.source_ports);
        // Made the other way round, all still fall to one, which is the first that listened.
        let second = listen(probed.port).expect("the port is free again");
        let first = listen(probed.port).expect("a second listener");
        let server = first.local_addr().expect("an address");
        for &source in &probed.source_ports {
            let to_first = falls_to_first(source, server, &second, &first);
            assert!(to_first.expect("the ports are free again"), "{source}");
        }
    }
}
