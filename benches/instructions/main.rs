//! How many instructions the hot paths take, compared with a committed baseline.
//!
//! ```text
//! cargo bench --bench instructions                   # compares; fails where a path has grown by more than 5 %
//! cargo bench --bench instructions -- --bless        # writes benches/instructions.json
//! cargo bench --bench instructions -- echo           # the paths whose names contain this
//! cargo bench --bench instructions -- --keep FOLDER  # leaves the profiles there, for callgrind_annotate
//! ```
//!
//! Times move with the machine's mood; instructions do not, so that a few per cent more are seen on
//! a busy machine too. Each path runs under `valgrind --tool=callgrind` twice in a process of its
//! own, for some rounds and for twice as many: the difference is what the rounds take, without
//! start and end, and without symbols that inlining could remove.
//!
//! Counted are the instructions of user space. What the kernel does is not in them, nor that of the
//! vDSO, which valgrind replaces by system calls; nor how long an instruction takes, so that a cache
//! miss costs nothing here. That is what times are for.
//!
//! Everything is on one loop of one thread, which does not spin and has a fixed seed; the peer of an
//! echo is another task of it, so that both sides are counted and each waits for the other.
//!
//! Without `--bench`, which `cargo bench` passes, each path runs for a few rounds and is not counted:
//! that it works is all that a build without optimisation can tell.

mod callgrind;
mod comparison;
mod paths;

use clap::Parser;
use comparison::{Baseline, Comparison, Origin};
use paths::{PATHS, Path};
use std::path::PathBuf;
use std::process::ExitCode;

/// The committed counts.
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.json");

/// Rounds of a path that is run without being counted.
const TRIAL: u64 = 3;

#[derive(Parser)]
struct Arguments {
    /// The paths whose names contain this; all by default.
    only: Option<String>,
    /// Writes what was counted as the new baseline.
    #[arg(long)]
    bless: bool,
    /// Leaves the profiles of the longer runs in this folder.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Runs the one path of this name, as the program under callgrind does.
    #[arg(long, value_name = "PATH", hide = true, requires = "rounds")]
    run: Option<String>,
    #[arg(long, hide = true)]
    rounds: Option<u64>,
    /// What `cargo bench` passes.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match act(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether nothing has grown.
fn act(arguments: &Arguments) -> Result<bool, String> {
    if let (Some(name), Some(rounds)) = (&arguments.run, arguments.rounds) {
        let path = PATHS.iter().find(|path| path.name == name);
        let path = path.ok_or_else(|| format!("there is no path {name:?}"))?;
        path.run(rounds)?;
        return Ok(true);
    }
    let only = arguments.only.as_deref().unwrap_or_default();
    let chosen: Vec<&Path> = PATHS
        .iter()
        .filter(|path| path.name.contains(only))
        .collect();
    if chosen.is_empty() {
        return Err(format!("no path has {only:?} in its name"));
    }
    if arguments.bench {
        count(&chosen, arguments)
    } else {
        for path in chosen.iter().filter(|path| path.is_possible().is_ok()) {
            path.run(TRIAL)?;
        }
        Ok(true)
    }
}

fn count(chosen: &[&Path], arguments: &Arguments) -> Result<bool, String> {
    let origin = Origin {
        rustc: callgrind::version("rustc", "-V")?,
        valgrind: callgrind::version("valgrind", "--version")?,
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    };
    let baseline = match std::fs::read_to_string(BASELINE) {
        Ok(text) => Baseline::parse(&text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Baseline::default(),
        Err(error) => return Err(format!("{BASELINE}: {error}")),
    };
    let mut comparison = Comparison::default();
    println!("{}", comparison::HEADER);
    for path in chosen {
        if let Err(reason) = path.is_possible() {
            println!("{:<28} not counted: {reason}", path.name);
            continue;
        }
        let now = callgrind::count(path, arguments.keep.as_deref())?;
        println!("{}", comparison.add(path.name, baseline.of(path.name), now));
    }
    if arguments.bless {
        let text = baseline.with(origin, &comparison.counts()).to_text();
        std::fs::write(BASELINE, text).map_err(|error| format!("{BASELINE}: {error}"))?;
        println!("\nwritten to {BASELINE}");
        return Ok(true);
    }
    print!("{}", comparison.verdict(&baseline, &origin));
    Ok(!comparison.has_failed())
}
