//! A complete small echo server on glommio: what its program weighs is compared with the same on
//! other runtimes.

use std::io;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::LocalExecutor;
use glommio::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    LocalExecutor::default().run(async {
        let listener = TcpListener::bind("127.0.0.1:7000")?;
        loop {
            let stream = listener.accept().await?;
            let connection = async move {
                if let Err(error) = echo(stream).await {
                    eprintln!("a connection broke off: {error}");
                }
            };
            glommio::spawn_local(connection).detach();
        }
    })
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..read]).await?;
    }
}
