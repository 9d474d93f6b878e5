//! What the examples' command lines have in common.

use std::error::Error;
use std::process::ExitCode;

/// How many loops there are to be, and where.
#[derive(clap::Args)]
pub struct LoopArgs {
    /// How many event loops run; default: one for each processor
    #[arg(long, value_name = "N")]
    loops: Option<usize>,
    /// Leave it to the kernel which processor a loop runs on
    #[arg(long)]
    no_pin: bool,
}

impl LoopArgs {
    /// A runtime's settings with these arguments.
    pub fn builder(&self) -> ringmill::Builder {
        let mut builder = ringmill::Builder::new();
        if let Some(loops) = self.loops {
            builder = builder.loops(loops);
        }
        if self.no_pin {
            builder = builder.pin(false);
        }
        builder
    }
}

/// Ends a program: an error is told on standard error, and the exit code is 1.
pub fn exit(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
