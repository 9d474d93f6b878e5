//! Drop-fuzz: every operation of the library, ended at every place where it can be, loses nothing and
//! leaves nothing.
//!
//! - Each operation has a scene (`table`), which is run with its future dropped before its first poll,
//!   after the first, where it was woken for the second, and so on, until it comes to its end
//!   untouched; then the same again with a cancel scope around the future that is cancelled there, and
//!   with one whose deadline passes there.
//! - Crowds: many scenes at once on two loops, ended by chance, by the clock too.
//! - A storm: traffic on streams, listeners, files, timers and tasks, and most futures dropped.
//! - Races: bytes and connections that come without pause, against receives and accepts that are
//!   cancelled without pause.
//!
//! After each of them bytes, messages and connections that went in have come out, files are as before or
//! complete, and no descriptor, task, timer, operation, receive buffer, job, child process or temporary
//! file is left. The guard allocator ends the process if memory is freed that the kernel still has. At
//! the end a table says what was covered; operations that are in the sources and not in it fail
//! `completeness`.
//!
//! Sizes and seeds come from the environment; a debug build has smaller defaults:
//!
//! | variable | what it sets |
//! |---|---|
//! | `RINGMILL_SEED` | the seed, which each run prints: repeats its choices |
//! | `RINGMILL_FUZZ_ONLY` | scenes and crowds have the operations whose names contain this |
//! | `RINGMILL_FUZZ_ROUNDS` | crowds |
//! | `RINGMILL_FUZZ_OPERATIONS` | scenes of a crowd, on each loop |
//! | `RINGMILL_FUZZ_DROPS` | futures that the storm drops |
//! | `RINGMILL_FUZZ_RACES` | receives, and accepts, that a cancellation overtakes |
//!
//! ```text
//! RINGMILL_SEED=7 cargo test --release --features guard --test drop_fuzz -- --nocapture
//! ```

mod chance;
mod completeness;
mod cut;
#[path = "../kit/mod.rs"]
mod kit;
mod races;
mod scenes;
#[allow(dead_code, reason = "tidy uses the rest")]
#[path = "../source/mod.rs"]
mod source;
mod storm;
mod sweep;
mod table;

use kit::driver::{apply, on_each_driver};
use kit::random::Random;
use kit::scratch::Scratch;
use kit::wait::eventually;
use kit::{build, builder, child, process};
use ringmill::blocking::Pool;
use ringmill::{GuardAllocator, Runtime};
use std::time::Duration;
use sweep::Ledger;

#[global_allocator]
static GUARD: GuardAllocator = GuardAllocator;

/// A size from the environment, else one by the build.
fn size(name: &str, debug: u64, release: u64) -> u64 {
    let by_build = if cfg!(debug_assertions) {
        debug
    } else {
        release
    };
    match std::env::var(name) {
        Ok(size) => size
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => by_build,
    }
}

/// A runtime of two loops, whose pool's threads go when they have nothing to do, so that they can be
/// counted.
fn runtime() -> Runtime {
    let pool = Pool::builder("fuzz").threads(4);
    build(builder(2).blocking_pool(pool.keep_alive(Duration::from_millis(100))))
}

/// Runs `body` beside nothing else, and checks that nothing is left, no thread either.
fn alone(name: &str, body: impl FnOnce(&Runtime, &mut Random, &Ledger)) {
    child::alone(name, || {
        let mut random = Random::seeded();
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path().join(scenes::PLACE)).unwrap();
        // SAFETY: this process has no other thread that looks at its environment now.
        unsafe { std::env::set_var("TMPDIR", scratch.path()) };
        let runtime = runtime();
        let ledger = runtime.block_on(Ledger::open());
        // Threads that look up names go by themselves, later.
        let threads = || process::threads_but(&["ringmill-names"]);
        let before = threads();
        body(&runtime, &mut random, &ledger);
        runtime.block_on(ledger.settled("the whole"));
        eventually("the end of the pool's threads", || threads() == before);
    });
}

#[apply(on_each_driver)]
fn operations_ended_at_every_place_lose_nothing_and_leave_nothing() {
    let name = "operations_ended_at_every_place_lose_nothing_and_leave_nothing";
    alone(name, |runtime, _, ledger| {
        sweep::report(&runtime.block_on(sweep::at_every_place(ledger)));
    });
}

#[apply(on_each_driver)]
fn crowds_of_operations_ended_by_chance_lose_nothing_and_leave_nothing() {
    let name = "crowds_of_operations_ended_by_chance_lose_nothing_and_leave_nothing";
    alone(name, |runtime, random, ledger| {
        let rounds = size("RINGMILL_FUZZ_ROUNDS", 6, 100);
        let operations = size("RINGMILL_FUZZ_OPERATIONS", 100, 200);
        let mut coverage = sweep::Coverage::new();
        runtime.block_on(async {
            for _ in 0..rounds {
                for (name, tally) in sweep::crowd(ledger, random, operations).await {
                    coverage.entry(name).or_default().add(tally);
                }
            }
        });
        sweep::report(&coverage);
    });
}

#[apply(on_each_driver)]
fn dropped_futures_lose_nothing_and_leave_nothing() {
    let name = "dropped_futures_lose_nothing_and_leave_nothing";
    alone(name, |runtime, random, _| {
        storm::rage(
            runtime,
            random,
            size("RINGMILL_FUZZ_DROPS", 40_000, 1_000_000),
        );
    });
}

#[apply(on_each_driver)]
fn receives_raced_by_their_cancellation_lose_no_byte() {
    alone(
        "receives_raced_by_their_cancellation_lose_no_byte",
        |runtime, random, _| {
            races::receives(
                runtime,
                random,
                size("RINGMILL_FUZZ_RACES", 10_000, 1_000_000),
            );
        },
    );
}

#[apply(on_each_driver)]
fn accepts_raced_by_their_cancellation_lose_no_connection() {
    alone(
        "accepts_raced_by_their_cancellation_lose_no_connection",
        |runtime, random, _| {
            races::accepts(
                runtime,
                random,
                size("RINGMILL_FUZZ_RACES", 10_000, 1_000_000),
            );
        },
    );
}
