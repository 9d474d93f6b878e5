//! A TCP proxy: passes every connection on to another address, both ways, without copying.
//!
//!     cargo run --release --example proxy -- 127.0.0.1:7001 127.0.0.1:7000
//!     printf hello | nc -N 127.0.0.1 7001
//!
//! (with the echo example listening on port 7000)

mod args;

use clap::Parser;
use ringmill::Drain;
use ringmill::net::{ReadHalf, TcpStream, WriteHalf};
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// A TCP proxy
#[derive(Parser)]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:7001")]
    address: String,
    /// Where to pass connections on to
    #[arg(default_value = "127.0.0.1:7000")]
    target: String,
    #[command(flatten)]
    loops: args::LoopArgs,
}

fn main() -> ExitCode {
    args::exit(run(Args::parse()))
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let target: Arc<str> = args.target.into();
    let runtime = args.loops.builder().build()?;
    runtime.block_on(async {
        // Each loop gets a clone of this closure and calls it for each of its connections.
        let handler = move |client, _: Drain| {
            let target = target.clone();
            async move {
                if let Err(error) = proxy(client, &target).await {
                    eprintln!("connection ended: {error}");
                }
            }
        };
        ringmill::serve(args.address, handler)
            .on_ready(|address| println!("listening on {address}"))
            .await
    })?;
    Ok(())
}

/// One connection: two directions that end separately.
async fn proxy(client: TcpStream, target: &str) -> io::Result<()> {
    let server = TcpStream::connect_timeout(target, Duration::from_secs(5)).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // One direction is a task of its own on this loop, the other one runs here. If this one fails,
    // the drop of the handle cancels the other, and with it both connections close.
    let answers = ringmill::spawn(pass(from_server, to_client)).abort_on_drop();
    pass(from_client, to_server).await?;
    answers.await?
}

/// Passes one direction on until it ends.
async fn pass(mut from: ReadHalf, mut to: WriteHalf) -> io::Result<()> {
    // `recv` lends the very buffer that the kernel wrote to, `send` gives that one back to it.
    while let Some(bytes) = from.recv().await? {
        to.send(bytes).await.0?;
    }
    // The sender has finished: tell the receiver, while the other direction may go on.
    to.shutdown().await
}
