//! A trace id that travels with the work: to tasks, to another loop, to a pool and back.
//!
//!     cargo run --release --example trace
//!
//! Two requests are served at the same time. No function is told which of them it works for, and yet
//! each line that is printed knows.

mod args;

use clap::Parser;
use ringmill::blocking::spawn_blocking;
use ringmill::channel::mpsc;
use ringmill::context::Context;
use ringmill::{JoinError, LoopRef, TraceId, trace_id, yield_now};
use std::error::Error;
use std::process::ExitCode;

/// A trace id that travels with the work
#[derive(Parser)]
struct Args {
    /// Trace ids of the requests, as 32 hexadecimal digits; default: two random ones
    trace_ids: Vec<TraceId>,
    #[command(flatten)]
    loops: args::LoopArgs,
}

fn main() -> ExitCode {
    args::exit(run(Args::parse()))
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let runtime = args.loops.builder().build()?;
    let handle = runtime.handle().clone();
    let mut ids = args.trace_ids;
    if ids.is_empty() {
        ids = vec![TraceId::random(), TraceId::random()];
    }
    runtime.block_on(async {
        // One task for all requests: what comes over a channel belongs to who sent it.
        let (audit, mut audited) = mpsc::channel::<(Context, &str)>(8);
        let auditor = ringmill::spawn(async move {
            while let Some((context, what)) = audited.recv().await {
                context.run(|| log(&format!("audited: {what}")));
            }
            log("the auditor ends");
        });

        let store = handle.loops().last().cloned();
        let store = store.ok_or("a runtime has a loop")?;
        let requests: Vec<_> = ids
            .into_iter()
            .map(|id| ringmill::spawn(id.scope(serve(store.clone(), audit.clone()))))
            .collect();
        for request in requests {
            request.await??;
        }
        drop(audit);
        auditor.await?;
        Ok(())
    })
}

/// Serves one request.
async fn serve(store: LoopRef, audit: mpsc::Sender<(Context, &str)>) -> Result<(), JoinError> {
    log("a request begins");

    // Tasks begin with what their spawner has.
    let side = ringmill::spawn(async {
        yield_now().await;
        log("a task of it");
    });

    // So do calls to other loops.
    store
        .call(|| async { log("looked up in the store") })
        .await?;

    // And closures in a pool, and what they ask of a loop.
    let home = store.clone();
    let job = spawn_blocking(move || {
        log("a closure that blocks");
        home.call_blocking(|| async { log("called back by it") })
    });
    job.await??;

    // Over a channel it is taken along by hand.
    if audit.send((Context::current(), "a request")).await.is_err() {
        log("nobody audits");
    }

    side.await?;
    log("a request ends");
    Ok(())
}

/// Prints a line with the trace id and where it was.
fn log(what: &str) {
    let id = trace_id().map_or_else(|| "-".to_owned(), |id| id.to_string());
    let thread = std::thread::current();
    let place = match LoopRef::current() {
        Some(here) => format!("loop {}", here.index()),
        None => thread.name().unwrap_or("a thread").to_owned(),
    };
    println!("{id:32}  {place:20}  {what}");
}
