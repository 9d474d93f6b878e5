//! A static file server: HTTP/1.1 on every core, with hyper.
//!
//!     cargo run --release --example files --features hyper -- DIRECTORY 127.0.0.1:8080
//!     curl http://127.0.0.1:8080/
//!     curl -r 0-99 -D - http://127.0.0.1:8080/file
//!
//! What is in the directory anyone can read who reaches the address, hidden files too; what is not
//! in it nobody can, whatever the path says and the links do. Text is said to be UTF-8.
//!
//! [`target`] is the path of a request, [`service`] the answers, [`validators`] what clients have
//! already, [`range`] the part that they want, [`body`] the bytes on their way, [`listing`] the page
//! of a directory.

#[path = "../args/mod.rs"]
mod args;
mod body;
#[cfg(test)]
#[path = "../../tests/kit/mod.rs"]
mod kit;
mod listing;
mod range;
mod service;
mod target;
#[cfg(test)]
mod tests;
mod validators;

use clap::Parser;
use hyper::service::service_fn;
use ringmill::fs::File;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// A static file server
#[derive(Parser)]
struct Args {
    /// What to serve
    directory: PathBuf,
    /// Where to listen
    #[arg(default_value = "127.0.0.1:8080")]
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
        let root = File::open(&args.directory).await?;
        if !root.metadata().await?.is_dir() {
            return Err(format!("{} is not a directory", args.directory.display()).into());
        }
        let root = Arc::new(root);
        let answer = service_fn(move |request| service::answer(root.clone(), request));
        let server = ringmill::hyper::serve(args.address, answer)
            .on_ready(|address| println!("listening on http://{address}/"));
        Ok(server.await?)
    })
}
