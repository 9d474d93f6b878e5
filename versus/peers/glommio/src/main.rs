//! glommio: an executor for each processor, a task a connection, as its users write it, with its
//! defaults (it does not spin before it parks).
//!
//! hyper runs on adapters of our own (`http`), as glommio has none.

mod channel;
mod http;
mod task;
mod timer;

use std::future::Future;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd};
use std::process::ExitCode;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement};
use versus::peer::{self, Orders, Servers};

/// The buffer of each connection.
const BUFFER: usize = 8 * 1024;

fn main() -> ExitCode {
    let servers = Servers {
        echo: Some(echo),
        http: Some(http::serve),
    };
    let usual = [task::MEASURES, task::YIELDS, timer::MEASURES, timer::RESETS];
    let mut measured = peer::measured("glommio", &usual);
    measured.extend(channel::MEASURED);
    peer::main("glommio", &servers, &measured)
}

fn echo(orders: &Orders) -> io::Result<()> {
    accept_each(orders, |mut stream| async move {
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
fn accept_each<C>(
    orders: &Orders,
    connection: impl Fn(TcpStream) -> C + Clone + Send + 'static,
) -> io::Result<()>
where
    C: Future<Output = ()> + 'static,
{
    orders.each_processor(move |share| {
        let executor = LocalExecutorBuilder::new(Placement::Fixed(share.cpu)).make()?;
        executor.run(async {
            share.ready()?;
            // SAFETY: the descriptor is a listening socket, and its only owner has just let it go.
            let listener = unsafe { TcpListener::from_raw_fd(share.listener.into_raw_fd()) };
            loop {
                let stream = listener.accept().await?;
                glommio::spawn_local(connection(stream)).detach();
            }
        })
    })
}
