//! An HTTP/1.1 server on every core, with hyper.
//!
//!     cargo run --release --example serve --features hyper -- 127.0.0.1:8080
//!     curl http://127.0.0.1:8080/
//!     curl http://127.0.0.1:8080/stats.json
//!
//! A browser shows http://127.0.0.1:8080/stats as a table. Ctrl-c ends it, gracefully.

mod args;

use clap::Parser;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, http};
use ringmill::{Balance, Handle, LoopStats};
use std::error::Error;
use std::process::ExitCode;

/// An HTTP/1.1 server
#[derive(Parser)]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:8080")]
    address: String,
    /// Which loop serves a connection: kernel, round-robin or least-loaded
    #[arg(long, value_parser = balance, default_value = "least-loaded")]
    balance: Balance,
    #[command(flatten)]
    loops: args::LoopArgs,
}

fn balance(name: &str) -> Result<Balance, &'static str> {
    match name {
        "kernel" => Ok(Balance::Kernel),
        "round-robin" => Ok(Balance::RoundRobin),
        "least-loaded" => Ok(Balance::LeastLoaded),
        _ => Err("there are kernel, round-robin and least-loaded"),
    }
}

fn main() -> ExitCode {
    args::exit(run(Args::parse()))
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let server = ringmill::hyper::serve(args.address, service_fn(answer))
        .balance(args.balance)
        .on_ready(|address| println!("listening on http://{address}/"));
    let runtime = args.loops.builder().build()?;
    Ok(runtime.block_on(server.into_future())?)
}

const TEXT: &str = "text/plain; charset=utf-8";

type Answer = Result<Response<Full<Bytes>>, http::Error>;

async fn answer(request: Request<Incoming>) -> Answer {
    // hyper leaves the body of an answer to HEAD out by itself.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond(StatusCode::NOT_IMPLEMENTED, TEXT, "Only GET and HEAD.\n");
    }
    let accept = request.headers().get(ACCEPT);
    let wants_json = accept.is_some_and(|text| text.as_bytes().starts_with(b"application/json"));
    match request.uri().path() {
        "/" => respond(StatusCode::OK, TEXT, "Hello from Ringmill!\n"),
        "/stats.json" => json(&Handle::current().stats()),
        "/stats" if wants_json => json(&Handle::current().stats()),
        "/stats" => page(&Handle::current().stats()),
        _ => respond(StatusCode::NOT_FOUND, TEXT, "Try / and /stats.\n"),
    }
}

fn respond(status: StatusCode, kind: &str, body: impl Into<Bytes>) -> Answer {
    let response = Response::builder().status(status);
    let response = response.header(CONTENT_TYPE, kind);
    response.body(Full::new(body.into()))
}

/// A loop's counters by name. Reading them costs the loop nothing.
fn counters(stats: &LoopStats) -> serde_json::Value {
    serde_json::json!({
        "loop": stats.index, "name": stats.name, "tasks": stats.tasks, "timers": stats.timers,
        "utilisation": stats.utilisation(), "busy_seconds": stats.busy.as_secs_f64(),
        "idle_seconds": stats.idle.as_secs_f64(), "spun_seconds": stats.spun.as_secs_f64(),
        "ticks": stats.ticks, "polls": stats.polls, "parks": stats.parks, "enters": stats.enters,
        "sqes": stats.sqes, "cqes": stats.cqes, "overflows": stats.overflows,
        "completions_per_enter": stats.completions_per_enter(), "rearms": stats.rearms,
        "enobufs": stats.enobufs, "slots": stats.slots, "leased": stats.leased,
        "wakes_sent": stats.wakes_sent, "wakes_received": stats.wakes_received,
        "handed_over": stats.handed_over, "stolen": stats.stolen, "stalls": stats.stalls,
    })
}

fn json(stats: &[LoopStats]) -> Answer {
    let loops = serde_json::Value::from_iter(stats.iter().map(counters));
    respond(StatusCode::OK, "application/json", format!("{loops:#}\n"))
}

fn page(stats: &[LoopStats]) -> Answer {
    let mut page = String::from("<!doctype html><title>Ringmill</title><h1>Loops</h1>");
    for stats in stats {
        page += "<table style='display: inline-table; padding: 1em'>";
        for (name, value) in counters(stats).as_object().into_iter().flatten() {
            page += &format!("<tr><th align=left>{name}<td align=right>{value}");
        }
        page += "</table>\n";
    }
    respond(StatusCode::OK, "text/html; charset=utf-8", page)
}
