//! Runs the scenes of the table, and looks after each whether everything was given back.

use crate::cut::{Cut, Tally, WAYS, Way};
use crate::kit::process;
use crate::kit::random::Random;
use crate::kit::wait::{NEVER, soon};
use crate::table::{Row, rows};
use ringmill::blocking::compute;
use ringmill::signal::{SignalKind, unix};
use ringmill::time::{Instant, sleep};
use ringmill::{Handle, yield_now};
use std::collections::BTreeMap;
use std::time::Duration;

/// More places than any scene has.
const MOST: u64 = 1_000;

/// What was seen of each row.
pub type Coverage = BTreeMap<&'static str, Tally>;

/// How things were before the first scene.
pub struct Ledger {
    handle: Handle,
    before: State,
}

/// What a scene may take, and must give back.
#[derive(Debug, PartialEq)]
struct State {
    loops: Vec<Loop>,
    descriptors: usize,
    /// Of the blocking pool: jobs that run, and jobs that wait.
    jobs: (usize, usize),
    has_children: bool,
    temporaries: usize,
}

#[derive(Debug, PartialEq)]
#[allow(dead_code, reason = "they are printed and compared")]
struct Loop {
    slots: u64,
    leased: u64,
    tasks: u64,
    timers: u64,
}

impl State {
    fn now(handle: &Handle) -> Self {
        let pool = handle.blocking_stats();
        let loops = handle.stats().into_iter().map(|stats| Loop {
            slots: stats.slots,
            leased: stats.leased,
            tasks: stats.tasks,
            timers: stats.timers,
        });
        State {
            loops: loops.collect(),
            descriptors: process::descriptors(),
            jobs: (pool.threads - pool.idle, pool.waiting),
            has_children: process::has_children(),
            temporaries: std::fs::read_dir(std::env::temp_dir()).unwrap().count(),
        }
    }
}

/// The counters are brought up to date once in a turn of the loop: at the end of one, so that the timer
/// that waits for the next is always counted.
async fn turn() {
    sleep(Duration::from_micros(10)).await;
}

impl Ledger {
    pub async fn open() -> Self {
        let handle = Handle::current();
        // What stays once it was needed: threads, and that the loops listen for wake-ups.
        compute(|| ()).await.unwrap();
        drop(unix(SignalKind::user_defined1()).unwrap());
        sleep(Duration::from_millis(1)).await;
        handle.for_each_loop(|_| yield_now()).await.unwrap();
        turn().await;
        let before = State::now(&handle);
        Ledger { handle, before }
    }

    /// Waits until everything is given back.
    ///
    /// # Panics
    ///
    /// If it never is; says what is not.
    pub async fn settled(&self, what: &str) {
        let start = Instant::now();
        loop {
            turn().await;
            let now = State::now(&self.handle);
            if now == self.before {
                return;
            }
            // A loop that waits has not told what the end of its last turn gave back.
            self.handle.for_each_loop(|_| yield_now()).await.unwrap();
            let before = &self.before;
            assert!(
                start.elapsed() < NEVER,
                "{what}: not given back\n  before: {before:?}\n  now:    {now:?}"
            );
        }
    }
}

/// Says how a scene that fails is run again.
struct Failing<'a>(&'a dyn Fn() -> String);

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("drop_fuzz failed: {}", (self.0)());
        }
    }
}

/// The rows that this run is about: `RINGMILL_FUZZ_ONLY` chooses those whose name contains it.
fn chosen() -> impl Iterator<Item = &'static Row> {
    let only = std::env::var("RINGMILL_FUZZ_ONLY").unwrap_or_default();
    rows().filter(move |row| row.name.contains(&only))
}

/// Each scene, ended at one place after the other, in each way, until it comes to its end untouched.
pub async fn at_every_place(ledger: &Ledger) -> Coverage {
    let mut coverage = Coverage::new();
    for row in chosen() {
        let tally = coverage.entry(row.name).or_default();
        for way in WAYS {
            for place in 0.. {
                let told = || {
                    let name = row.name;
                    format!(
                        "{name}, {way:?} at place {place}; RINGMILL_FUZZ_ONLY='{name}' repeats it"
                    )
                };
                let _failing = Failing(&told);
                assert!(place < MOST, "it never comes to its end");
                let cut = Cut::at_place(place, way);
                soon(row.name, (row.scene)(cut.clone())).await;
                ledger.settled(row.name).await;
                let seen = cut.tally();
                // Polled first where its scope is cancelled, an operation goes no further.
                assert!(
                    way != Way::Cancel || place > 0 || seen.cancels > 0 || row.is_shielded(),
                    "it is no checkpoint"
                );
                // What is cancelled may be polled in vain before it ends.
                let points = if cut.has_ended_one() { 0 } else { seen.points };
                tally.add(Tally { points, ..seen });
                if !cut.has_ended_one() {
                    break;
                }
            }
        }
    }
    coverage
}

/// Many scenes at once on each loop, ended by chance.
pub async fn crowd(ledger: &Ledger, random: &mut Random, operations: u64) -> Coverage {
    let seeds = [random.next(), random.next()];
    let tasks = Handle::current().spawn_on_each(move |index| async move {
        let mut random = Random::with_seed(seeds[index]);
        let rows: Vec<_> = chosen().filter(|row| !row.is_alone).collect();
        let mut scenes = Vec::new();
        for _ in 0..if rows.is_empty() { 0 } else { operations } {
            let row = rows[random.below(rows.len() as u64) as usize];
            let cut = Cut::by_chance(random.next());
            let scene = ringmill::spawn(soon(row.name, (row.scene)(cut.clone())));
            scenes.push((row.name, cut, scene));
        }
        let mut seen = Vec::new();
        for (name, cut, scene) in scenes {
            if let Err(failed) = scene.await {
                panic!("{name}, among others: {failed}");
            }
            seen.push((name, cut.tally()));
        }
        seen
    });
    let mut coverage = Coverage::new();
    for task in tasks {
        for (name, tally) in task.await.unwrap() {
            coverage.entry(name).or_default().add(tally);
        }
    }
    ledger.settled("a crowd").await;
    coverage
}

/// Prints what was covered.
pub fn report(coverage: &Coverage) {
    let widest = coverage.keys().map(|name| name.len()).max().unwrap_or(0);
    let line = |name: &str, tally: Tally| {
        println!(
            "{name:widest$} {:>7} {:>8} {:>8} {:>11}",
            tally.points, tally.drops, tally.cancels, tally.completions
        );
    };
    println!(
        "{:widest$}  awaits    drops  cancels completions",
        "operation"
    );
    let mut all = Tally::default();
    for (name, tally) in coverage {
        line(name, *tally);
        all.add(*tally);
    }
    line("all (awaits: the most)", all);
}
