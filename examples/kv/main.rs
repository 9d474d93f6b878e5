//! A sharded key-value store that speaks the Redis protocol.
//!
//!     cargo run --release --example kv -- 127.0.0.1:6379
//!     redis-cli set greeting hello
//!     redis-benchmark -t get,set -P 16 -q
//!
//! Each loop has a shard, and a key lives on the loop that its hash names. A connection is served
//! by whichever loop accepted it: keys of its own shard it reads and writes directly, without a
//! lock; what concerns others goes there as one message for all that came in together.
//!
//! [`resp`] is the protocol, [`command`] what there is to say, [`shard`] the keys of one loop,
//! [`batch`] the commands that go together, [`connection`] one client, [`session`] what is known of
//! it.

#[path = "../args/mod.rs"]
mod args;
mod batch;
mod command;
mod connection;
#[cfg(test)]
#[path = "../../tests/kit/mod.rs"]
mod kit;
mod resp;
mod session;
mod shard;
#[cfg(test)]
mod tests;

use clap::Parser;
use connection::Store;
use ringmill::Handle;
use std::error::Error;
use std::process::ExitCode;

/// A key-value store for clients of Redis
#[derive(Parser)]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:6379")]
    address: String,
    #[command(flatten)]
    loops: args::LoopArgs,
}

fn main() -> ExitCode {
    args::exit(run(Args::parse()))
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let runtime = args.loops.builder().build()?;
    runtime.block_on(async {
        let store = Store::new(&Handle::current()).await?;
        // Called on each loop, for the handler of its connections.
        let handler = move || {
            let shards = store.here();
            move |stream, drain| connection::serve(stream, drain, shards.clone())
        };
        ringmill::serve_with(args.address, handler)
            .on_ready(|address| println!("listening on {address}"))
            .await?;
        Ok(())
    })
}
