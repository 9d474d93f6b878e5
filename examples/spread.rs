//! Work that comes in on one loop, done by all: counts primes, and says how busy each loop was.
//!
//!     cargo run --release --example spread
//!     cargo run --release --example spread -- --stay
//!
//! The first spawns its tasks with `spawn_anywhere`, so that idle loops take them; the second with
//! `spawn`, which keeps them on the loop that spawned them.

mod args;

use clap::Parser;
use ringmill::time::Instant;
use ringmill::{JoinError, LoopRef, LoopStats};
use std::error::Error;
use std::process::ExitCode;

/// Counts primes on all loops
#[derive(Parser)]
struct Args {
    /// Up to where to count
    #[arg(long, default_value_t = 20_000_000)]
    below: u64,
    /// How many numbers a task looks at
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    chunk: u64,
    /// Spawn with `spawn`: the tasks stay on the first loop
    #[arg(long)]
    stay: bool,
    #[command(flatten)]
    loops: args::LoopArgs,
}

fn main() -> ExitCode {
    args::exit(run(Args::parse()))
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let runtime = args.loops.builder().build()?;
    let started = Instant::now();
    let (primes, per_loop) = runtime.block_on(count(&args, runtime.handle().loops().len()))?;
    let took = started.elapsed();

    println!("{primes} primes below {} in {took:.2?}", args.below);
    for (
        LoopStats {
            name, stolen, busy, ..
        },
        tasks,
    ) in runtime.handle().stats().into_iter().zip(per_loop)
    {
        let share = 100.0 * busy.as_secs_f64() / took.as_secs_f64();
        println!("{name}: {share:.0} % busy, {tasks} tasks, {stolen} of them taken from others");
    }
    Ok(())
}

/// The primes, and how many tasks each of the loops has run.
async fn count(args: &Args, loops: usize) -> Result<(u64, Vec<u64>), JoinError> {
    let mut tasks = Vec::new();
    let mut from = 0;
    while from < args.below {
        let until = from.saturating_add(args.chunk).min(args.below);
        // What travels is the closure; the future it makes may hold what is not `Send`.
        let primes = move || async move {
            let here = LoopRef::current().map_or(0, |here| here.index());
            (primes_between(from, until), here)
        };
        tasks.push(match args.stay {
            true => ringmill::spawn(primes()),
            false => ringmill::spawn_anywhere(primes),
        });
        from = until;
    }
    let mut total = 0;
    let mut per_loop = vec![0; loops];
    for task in tasks {
        let (primes, ran_on) = task.await?;
        total += primes;
        per_loop[ran_on] += 1;
    }
    Ok((total, per_loop))
}

fn primes_between(from: u64, until: u64) -> u64 {
    let is_prime = |&n: &u64| {
        let divisors = (2..).take_while(|divisor| divisor * divisor <= n);
        n >= 2 && divisors.into_iter().all(|divisor| n % divisor != 0)
    };
    (from..until).filter(is_prime).count() as u64
}
