//! The server's process: prepared here, then handed to the peer for good.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ringmill::{DriverInfo, DriverKind};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, Socket, Type};

use crate::cli::ServeArguments;
use crate::confine;
use crate::during::During;
use crate::peers::{Serve, Server};

/// As many connections as the kernel queues by default (`net.core.somaxconn`): the generator opens
/// all of them at once.
const BACKLOG: i32 = 4096;

/// How long a port may be in use yet.
const PORT: Duration = Duration::from_secs(2);

/// Serves until the parent kills the process.
///
/// # Errors
/// When the peer cannot start, or its server returns.
pub fn run(arguments: &ServeArguments) -> io::Result<()> {
    let (peer, workload) = (arguments.peer, arguments.workload);
    match peer.serving(workload) {
        Some(Server::Here(serve)) => run_one(arguments, serve),
        Some(Server::Foreign) => Err(io::Error::other(format!(
            "the server of {peer} is in a program of its own"
        ))),
        None => Err(unserved(arguments)),
    }
}

/// As [`run`], with a server that is in no table of this program's.
///
/// # Errors
/// When the peer cannot start, or its server returns.
pub fn run_one(arguments: &ServeArguments, serve: Serve) -> io::Result<()> {
    confine::child(arguments.parent, &arguments.cpus)?;
    await_port(arguments.port)?;
    let (peer, workload) = (arguments.peer, arguments.workload.name());
    let orders = Orders {
        driver: arguments.driver,
        port: arguments.port,
        cpus: arguments.cpus.clone(),
    };
    serve(&orders).during(format_args!("{peer} serving {workload}"))?;
    Err(io::Error::other(format!("the server of {peer} returned")))
}

/// What is said of a peer that has no such server.
pub fn unserved(arguments: &ServeArguments) -> io::Error {
    let (peer, workload) = (arguments.peer, arguments.workload.name());
    io::Error::other(format!("{peer} does not serve {workload}"))
}

/// What a server is told.
#[derive(Clone, Debug)]
pub struct Orders {
    /// Which driver to take; only Ringmill has a choice.
    pub driver: DriverKind,
    /// On loopback; 0 for a free one.
    pub port: u16,
    /// The processors that the process is confined to, at least one.
    pub cpus: Vec<usize>,
}

impl Orders {
    /// A blocking listener. TCP_NODELAY is set on it, and Linux lets accepted sockets inherit that.
    ///
    /// # Errors
    /// When the port is not to be had.
    pub fn listen(&self) -> io::Result<TcpListener> {
        listen(self.port, Sharing::Alone)
    }

    /// Such a listener for each processor, all on one port, by SO_REUSEPORT: the kernel spreads the
    /// connections.
    ///
    /// # Errors
    /// When the port is not to be had.
    pub fn listen_each(&self) -> io::Result<Vec<TcpListener>> {
        if self.cpus.len() == 1 {
            return Ok(vec![self.listen()?]);
        }
        let first = listen(self.port, Sharing::First)?;
        let port = first.local_addr()?.port();
        let mut listeners = vec![first];
        for _ in 1..self.cpus.len() {
            listeners.push(listen(port, Sharing::Further)?);
        }
        Ok(listeners)
    }

    /// Runs `serve` for each processor, in a thread that is pinned to it and with a listener of its
    /// own; for the only processor, in this thread. Ends with the first that ends.
    ///
    /// # Errors
    /// When there is no port or no thread to be had, and those of the first `serve` that ends.
    pub fn each_processor(
        &self,
        serve: impl Fn(Share) -> io::Result<()> + Clone + Send + 'static,
    ) -> io::Result<()> {
        let ready = Ready(Arc::new(AtomicUsize::new(self.cpus.len())));
        let mut shares = Vec::with_capacity(self.cpus.len());
        for (&cpu, listener) in self.cpus.iter().zip(self.listen_each()?) {
            let ready = ready.clone();
            shares.push(Share {
                cpu,
                listener,
                ready,
            });
        }
        if shares.len() == 1 {
            // The process is confined to that processor already.
            return shares.into_iter().try_for_each(serve);
        }
        let (ended, ends) = mpsc::channel();
        for share in shares {
            let (serve, ended) = (serve.clone(), ended.clone());
            thread::Builder::new()
                .name(format!("processor-{}", share.cpu))
                .spawn(move || {
                    let end = confine::pin(&[share.cpu]).and_then(|()| serve(share));
                    // This process is about to end where nobody wants to know.
                    let _ = ended.send(end);
                })
                .during("starting a thread")?;
        }
        drop(ended);
        ends.recv()
            .unwrap_or_else(|_| Err(io::Error::other("the server's threads have panicked")))
    }
}

/// One processor's part of a server.
pub struct Share {
    /// Where this thread is pinned.
    pub cpu: usize,
    /// Blocking; for this thread alone.
    pub listener: TcpListener,
    ready: Ready,
}

impl Share {
    /// Tells that this part is about to accept; the last one to say so announces the server.
    ///
    /// # Errors
    /// When nobody listens to the announcement.
    pub fn ready(&self) -> io::Result<()> {
        // Nothing is published by it but the number itself.
        match self.ready.0.fetch_sub(1, Ordering::Relaxed) {
            1 => announce(self.listener.local_addr()?, None),
            _ => Ok(()),
        }
    }
}

/// How many parts of the server are still to come.
#[derive(Clone)]
struct Ready(Arc<AtomicUsize>);

/// Waits until nobody listens on the port, for a while. The kernel takes rings apart in its own time:
/// the listener of a server that was just killed lives on in the accept that its ring had under way.
///
/// # Errors
/// When somebody still listens there.
fn await_port(port: u16) -> io::Result<()> {
    if port == 0 {
        return Ok(());
    }
    let deadline = Instant::now() + PORT;
    loop {
        match listen(port, Sharing::Alone) {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            listener => return listener.map(drop),
        }
    }
}

/// Who else listens on a port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Alone,
    /// The port must be free; others of this process come after.
    First,
    Further,
}

fn listen(port: u16, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::Further)?;
    socket.set_tcp_nodelay(true)?;
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())
        .during("binding a loopback port")?;
    // Only now: asked for port 0 with it, the kernel may choose one that another server shares.
    socket.set_reuse_port(sharing != Sharing::Alone)?;
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
///
/// # Errors
/// When nobody listens to it.
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

#[cfg(test)]
mod tests {
    use super::{Orders, Share};
    use ringmill::DriverKind;
    use std::io;
    use std::net::TcpStream;

    fn orders(processors: usize) -> Orders {
        Orders {
            driver: DriverKind::Auto,
            port: 0,
            cpus: vec![0; processors],
        }
    }

    #[test]
    fn listeners_of_one_server_share_a_port_and_others_cannot_have_it() {
        let listeners = orders(2).listen_each().unwrap();
        let ports = listeners.iter().map(|one| one.local_addr().unwrap().port());
        let ports: Vec<_> = ports.collect();
        assert_eq!(ports[0], ports[1]);
        let port = ports[0];
        assert!(Orders { port, ..orders(1) }.listen().is_err());
        assert!(Orders { port, ..orders(2) }.listen_each().is_err());
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }

    #[test]
    fn a_server_ends_with_the_first_of_its_threads() {
        let serve = |_: Share| Err(io::Error::other("enough"));
        for processors in [1, 2] {
            let error = orders(processors).each_processor(serve).unwrap_err();
            assert_eq!(error.to_string(), "enough");
        }
    }
}
