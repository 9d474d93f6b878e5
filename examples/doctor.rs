//! What this machine gives a runtime, and what to do about what is missing.
//!
//!     cargo run --example doctor
//!     cargo run --example doctor -- --json
//!
//! The exit code is 0 where io_uring is there in full, 1 where something of it is missing, and 2
//! where the runtime has to do with epoll.

use clap::Parser;
use ringmill::doctor::{Check, Report};
use std::io::{self, Write};
use std::process::ExitCode;

/// What this machine gives a runtime
#[derive(Parser)]
struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let report = ringmill::doctor();
    let text = if args.json {
        format!("{:#}", json(&report))
    } else {
        report.to_string()
    };
    // The exit code tells even if nobody reads the text.
    let _ = writeln!(io::stdout(), "{text}");
    ExitCode::from(report.exit_code())
}

fn json(report: &Report) -> serde_json::Value {
    serde_json::json!({
        "tier": format!("{:?}", report.tier()).to_lowercase(),
        "exit_code": report.exit_code(),
        "checks": report.checks().iter().map(check).collect::<Vec<_>>(),
    })
}

fn check(check: &Check) -> serde_json::Value {
    serde_json::json!({
        "group": check.group,
        "name": check.name,
        "status": check.status.to_string(),
        "found": check.found,
        "meaning": check.meaning,
        "remedy": check.remedy,
    })
}
