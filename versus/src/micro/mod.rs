//! Workloads without a wire: what a runtime does within a process, such as its channels.
//!
//! There is no generator to keep apart here. A contender is a plain function that is told how many
//! operations to do, does them, checks that all of them were done, and says how long that took:
//!
//! ```text
//!  versus channel ─── versus __measure channel one-way tokio     prints one JSON object
//! ```
//!
//! - `campaign`: which contender is measured when, in the parent
//! - `measure`: the child, from warm-up to the one measured run
//! - `lap`: the clocks at both ends of that run
//! - `report`: what comes out
//! - `channel`, `blocking`, `file`, `sync`: the contenders of the subcommands of those names
//! - `one`: the one loop or runtime of those that need no second
//! - `tally`: whether everything was done, once
//!
//! To add a suite: write its folder with a `pub static SUITE`, and give it a line in [`SUITES`] and a
//! subcommand. To add a contender to a case: write the function, and give it a line in the case's
//! table.

pub mod campaign;
pub mod measure;

mod blocking;
pub mod channel;
mod file;
mod lap;
mod one;
mod report;
mod sync;
mod tally;

use std::io;
use std::path::{Path, PathBuf};

pub use lap::{Lap, Stopwatch};
pub use tally::Tally;

use crate::foreign;

/// What `versus __measure` can be asked for.
static SUITES: [&Suite; 4] = [
    &channel::SUITE,
    &blocking::SUITE,
    &file::SUITE,
    &sync::SUITE,
];

/// Cases that belong together: a subcommand.
pub struct Suite {
    pub name: &'static str,
    /// Operations of the first try, before a pace is known.
    first: u64,
    cases: &'static [Case],
}

/// One thing that all contenders do in their way: a table.
pub struct Case {
    /// The name on the command line.
    name: &'static str,
    /// What is done, in a line.
    about: &'static str,
    contenders: &'static [Contender],
}

/// One way to do it: a table row.
struct Contender {
    /// The name on the command line.
    name: &'static str,
    /// `None` if it is in a program of its own.
    measure: Option<Measure>,
    needs: Option<Needs>,
}

impl Contender {
    /// It is left out where something is missing.
    const fn needing(mut self, needs: Needs) -> Self {
        self.needs = Some(needs);
        self
    }

    /// Why it cannot be measured here, if so.
    fn missing(&self, directory: &Path) -> Option<String> {
        if self.measure.is_none() {
            return foreign::build(self.name).err();
        }
        self.needs?(directory).err()
    }
}

/// Whether what a contender needs is there, in the directory of the test files or elsewhere; else
/// what is amiss, after its name: `"needs …"`.
type Needs = fn(&Path) -> Result<(), String>;

/// Does the work, and says what it took.
pub type Measure = fn(&Work) -> io::Result<Lap>;

/// What a contender is asked to do.
pub struct Work {
    /// How many.
    pub operations: u64,
    /// Two processors, one for each loop or runtime; the process is confined to them.
    pub cpus: [usize; 2],
    /// Of the test files, in a suite that has some.
    pub directory: PathBuf,
}

/// A row of a case's table.
const fn contender(name: &'static str, measure: Measure) -> Contender {
    Contender {
        name,
        measure: Some(measure),
        needs: None,
    }
}

/// A row of a case's table that is in a program of its own; see [`crate::foreign`].
const fn foreign(name: &'static str) -> Contender {
    Contender {
        name,
        measure: None,
        needs: None,
    }
}

impl Suite {
    /// # Errors
    /// When there is no such case; the error names those that there are.
    fn case(&self, name: &str) -> io::Result<&'static Case> {
        self.cases
            .iter()
            .find(|case| case.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = self.cases.iter().map(|case| case.name).collect();
                unknown("case", name, &names)
            })
    }
}

impl Case {
    /// # Errors
    /// When there is no such contender; the error names those that there are.
    fn contender(&self, name: &str) -> io::Result<&'static Contender> {
        self.contenders
            .iter()
            .find(|contender| contender.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = self.contenders.iter().map(|one| one.name).collect();
                unknown(&format!("peer in {}", self.name), name, &names)
            })
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> io::Error {
    let known = known.join(", ");
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("there is no {what} called {name:?}; there are {known}"),
    )
}
