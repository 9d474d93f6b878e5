//! Workloads without a wire: what a runtime does within a process, such as its channels.
//!
//! There is no generator to keep apart here. A contender is a plain function that is told how many
//! operations to do, does them, checks that all of them were done, and says how long that took:
//!
//! ```text
//!  versus channel ─── versus __measure channel one-way tokio     prints one JSON object
//! ```
//!
//! - `measure`: the child, from warm-up to the one measured run
//! - `lap`: the clocks at both ends of that run
//! - `channel`, `blocking`, `file`, `sync`, `task`, `timer`, `start`: the suites of those names
//! - `runtime`, `runtimes`: what `task` and `timer` ask of a runtime, and those that give it
//! - `one`: the one loop or runtime of those that need no second
//! - `tally`: whether everything was done, once
//! - `heap`: memory in use
//!
//! To add a suite: write its folder with a `pub static SUITE`, and give it a line in [`SUITES`]. To
//! add a contender to a case: write the function, and give it a line in the case's table. A runtime of
//! another package implements [`Runtime`] and [`timer::Timers`], and has the
//! [measures of the tasks](task::measures) and [of the timers](timer::measures) by that.

pub(crate) mod measure;
pub mod start;
pub mod task;
pub mod timer;

mod blocking;
pub mod channel;
mod file;
pub mod heap;
mod lap;
mod one;
mod runtime;
mod runtimes;
mod sync;
mod tally;

use std::io;
use std::path::{Path, PathBuf};

use crate::campaign::unknown;
use crate::confine;
use crate::foreign;
use crate::results::Figure;
pub use lap::{Lap, Stopwatch};
pub use runtime::Runtime;
pub use tally::Tally;

/// What `versus __measure` can be asked for.
pub(crate) static SUITES: [&Suite; 7] = [
    &channel::SUITE,
    &blocking::SUITE,
    &file::SUITE,
    &sync::SUITE,
    &task::SUITE,
    &timer::SUITE,
    &start::SUITE,
];

/// Cases that belong together.
pub struct Suite {
    /// The name on the command line.
    pub name: &'static str,
    /// What is done, in a line.
    pub about: &'static str,
    /// Operations of the first try, before a pace is known.
    first: u64,
    /// What must be there before the first case.
    pub prepare: Option<fn(&Path) -> io::Result<()>>,
    /// What is measured, a table each.
    pub cases: &'static [Case],
}

/// One thing that all contenders do in their way: a table.
pub struct Case {
    /// The name on the command line.
    pub name: &'static str,
    /// What is done, in a line.
    pub about: &'static str,
    /// What decides who wins.
    pub headline: Figure,
    contenders: &'static [Contender],
}

/// One way to do it: a table row.
pub struct Contender {
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
    pub fn missing(&self, directory: &Path) -> Option<String> {
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
    /// How often; a contender that works in batches may do a few more.
    pub operations: u64,
    /// Two processors, one for each loop or runtime; the process is confined to them.
    pub cpus: [usize; 2],
    /// Of the test files, in a suite that has some.
    pub directory: PathBuf,
}

impl Work {
    /// Keeps this thread, and those that it starts from now on, on the first processor.
    ///
    /// # Errors
    /// When that does not exist or is not allowed.
    pub fn pin(&self) -> io::Result<()> {
        confine::pin(&self.cpus[..1])
    }
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
                let names = self.cases.iter().map(|case| case.name);
                unknown("case", name, names)
            })
    }
}

impl Case {
    /// Their names, in the table's order.
    pub fn contenders(&self) -> impl Iterator<Item = &'static str> {
        self.contenders.iter().map(|contender| contender.name)
    }

    /// # Errors
    /// When there is no such contender; the error names those that there are.
    pub fn contender(&self, name: &str) -> io::Result<&'static Contender> {
        self.contenders
            .iter()
            .find(|contender| contender.name == name)
            .ok_or_else(|| unknown(&format!("peer in {}", self.name), name, self.contenders()))
    }
}
