//! A TCP echo server on every core: what a client sends comes back.
//!
//!     cargo run --release --example echo -- 127.0.0.1:7000
//!     printf hello | nc -N 127.0.0.1 7000
//!
//! Ctrl-c ends it; connections then have ten seconds to finish.

mod args;

use clap::Parser;
use ringmill::Drain;
use ringmill::net::TcpStream;
use std::error::Error;
use std::process::ExitCode;

/// A TCP echo server
#[derive(Parser)]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:7000")]
    address: String,
    #[command(flatten)]
    loops: args::LoopArgs,
}

fn main() -> ExitCode {
    args::exit(run(Args::parse()))
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    // One loop for each processor, each with its own ring. `block_on` runs the first of them here.
    let runtime = args.loops.builder().build()?;
    runtime.block_on(async {
        // Listens on every loop; each connection stays on the loop that accepted it.
        ringmill::serve(args.address, echo)
            .on_ready(|address| println!("listening on {address}"))
            .await
    })?;
    Ok(())
}

/// One connection. It needs no lock and need not be `Send`: it never leaves its loop. The `Drain`
/// would tell it when the server is ending.
async fn echo(mut stream: TcpStream, _drain: Drain) {
    let mut room = [0; 4096];
    while let Ok(read) = stream.read(&mut room).await {
        // Zero bytes: the client has ended its side.
        if read == 0 || stream.write_all(&room[..read]).await.is_err() {
            break;
        }
    }
    // The drop closes the connection once everything written has been sent.
}
