//! Time: sleeping, ticking, and giving up.
//!
//!     cargo run --release --example timers

mod args;

use clap::Parser;
use ringmill::time::{Instant, interval, sleep, timeout};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

/// Timers on an event loop
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    loops: args::LoopArgs,
}

fn main() -> ExitCode {
    args::exit(run(Args::parse()))
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    args.loops.builder().build()?.block_on(async {
        // A sleep: the task waits, the loop does not. A thousand of them take no longer than one.
        let start = Instant::now();
        let sleepers: Vec<_> = (0..1000)
            .map(|_| ringmill::spawn(sleep(Duration::from_millis(100))))
            .collect();
        for sleeper in sleepers {
            sleeper.await?;
        }
        println!("1000 sleeps of 100 ms took {:?}", start.elapsed());

        // An interval: the ticks stay on their grid, however long the work between them takes.
        let mut every = interval(Duration::from_millis(50));
        for number in 0..4 {
            let planned = every.tick().await;
            println!("tick {number}, {:?} after its time", planned.elapsed());
        }

        // A timeout: the future that is too slow is dropped, and with it whatever it held.
        let slow = async {
            sleep(Duration::from_secs(3600)).await;
            "an hour later"
        };
        match timeout(Duration::from_millis(100), slow).await {
            Ok(text) => println!("{text}"),
            Err(elapsed) => println!("gave up: {elapsed}"),
        }
        Ok(())
    })
}
