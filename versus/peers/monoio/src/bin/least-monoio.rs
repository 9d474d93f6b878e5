//! A complete small echo server on monoio: what its program weighs is compared with the same on
//! other runtimes.

use std::io;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};

fn main() -> io::Result<()> {
    let mut runtime = RuntimeBuilder::<IoUringDriver>::new().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:7000")?;
        loop {
            let (stream, _) = listener.accept().await?;
            monoio::spawn(async move {
                if let Err(error) = echo(stream).await {
                    eprintln!("a connection broke off: {error}");
                }
            });
        }
    })
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(8 * 1024);
    let mut done;
    loop {
        (done, buffer) = stream.read(buffer).await;
        if done? == 0 {
            return Ok(());
        }
        (done, buffer) = stream.write_all(buffer).await;
        done?;
        buffer.clear();
    }
}
