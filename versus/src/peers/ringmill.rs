//! Ringmill: one loop, a task a connection, as its users write it.

use std::future::Future;
use std::io;

use ringmill::net::{TcpListener, TcpStream};

use super::Servers;
use crate::server;

pub const SERVERS: Servers = Servers {
    echo: Some(echo),
    http: None,
    usual: true,
};

/// The buffer of each connection, as for Tokio.
const BUFFER: usize = 8 * 1024;

fn echo() -> io::Result<()> {
    accept_each(|mut stream| async move {
        let mut buffer = vec![0; BUFFER];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    if stream.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
}

/// Accepts for ever and spawns a task for each connection.
fn accept_each<C>(connection: impl Fn(TcpStream) -> C) -> io::Result<()>
where
    C: Future<Output = ()> + 'static,
{
    let runtime = ringmill::Builder::new().loops(1).build()?;
    runtime.block_on(async {
        let mut listener = TcpListener::from_std(server::listen()?)?;
        server::announce(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            ringmill::spawn(connection(stream));
        }
    })
}
