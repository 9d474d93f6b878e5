//! A complete small echo server on Ringmill: what its program weighs is compared with the same on
//! other runtimes.

use std::io;

use ringmill::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let runtime = ringmill::Builder::new().loops(1).build()?;
    runtime.block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:7000").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let connection = async move {
                if let Err(error) = echo(stream).await {
                    eprintln!("a connection broke off: {error}");
                }
            };
            drop(ringmill::spawn(connection));
        }
    })
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    while let Some(bytes) = stream.recv().await? {
        stream.write_all(&bytes).await?;
    }
    Ok(())
}
