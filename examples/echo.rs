//! A TCP echo server on every core: what a client sends comes back.
//!
//!     cargo run --release --example echo -- 127.0.0.1:7000
//!     printf hello | nc -N 127.0.0.1 7000

use ringmill::Drain;
use ringmill::net::TcpStream;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let runtime = ringmill::Builder::new().loops(1).build()?;
    runtime.block_on(async {
        ringmill::serve(addr, echo)
            .on_ready(|address| println!("listening on {address}"))
            .await
    })?;
    Ok(())
}

async fn echo(mut stream: TcpStream, _drain: Drain) {
    let mut room = [0; 4096];
    while let Ok(read) = stream.read(&mut room).await {
        if read == 0 || stream.write_all(&room[..read]).await.is_err() {
            break;
        }
    }
}
