//! What was counted, beside what was counted before. Knows no valgrind and no runtime, so that
//! `tests/instruction_counts.rs` can try it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Growth that is not accepted, and shrinking that is told, in per cent.
pub const LIMIT: f64 = 5.0;

pub const HEADER: &str = "path                            baseline          now    change";

/// What the counts depend on besides the sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub rustc: String,
    pub valgrind: String,
    pub target: String,
}

/// The committed counts: instructions of one round of each path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub origin: Origin,
    pub instructions: BTreeMap<String, f64>,
}

impl Baseline {
    pub fn parse(text: &str) -> Result<Baseline, String> {
        serde_json::from_str(text).map_err(|error| format!("the baseline: {error}"))
    }

    pub fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("names and numbers");
        text + "\n"
    }

    pub fn of(&self, path: &str) -> Option<f64> {
        self.instructions.get(path).copied()
    }

    /// The baseline with these paths counted anew.
    pub fn with(mut self, origin: Origin, counts: &[(String, f64)]) -> Baseline {
        self.origin = origin;
        for (path, now) in counts {
            // A tenth of an instruction: what is beyond is the set-up's, which differs by a few.
            let rounded = (now * 10.0).round() / 10.0;
            self.instructions.insert(path.clone(), rounded);
        }
        self
    }
}

/// One path, then and now.
struct Row {
    path: String,
    before: Option<f64>,
    now: f64,
}

impl Row {
    /// By how many per cent it has grown, to a hundredth.
    fn change(&self) -> Option<f64> {
        let before = self.before?;
        Some(((self.now / before - 1.0) * 10_000.0).round() / 100.0)
    }
}

#[derive(Default)]
pub struct Comparison {
    rows: Vec<Row>,
}

impl Comparison {
    /// Adds a path and returns its line in the table.
    pub fn add(&mut self, path: &str, before: Option<f64>, now: f64) -> String {
        let row = Row {
            path: path.to_owned(),
            before,
            now,
        };
        let line = match (before, row.change()) {
            (Some(before), Some(change)) => {
                format!("{path:<28} {before:>11.1} {now:>12.1} {change:>+8.2} %")
            }
            _ => format!("{path:<28} {:>11} {now:>12.1} {:>10}", "-", "new"),
        };
        self.rows.push(row);
        line
    }

    pub fn counts(&self) -> Vec<(String, f64)> {
        let rows = self.rows.iter();
        rows.map(|row| (row.path.clone(), row.now)).collect()
    }

    /// Whether a path has grown beyond the limit, or is not in the baseline.
    pub fn has_failed(&self) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|row| row.change().is_none_or(|change| change > LIMIT))
    }

    /// What is to be said of the table, and what to do about it; empty where all is as before.
    pub fn verdict(&self, baseline: &Baseline, origin: &Origin) -> String {
        let mut text = String::new();
        let mut differs = false;
        for row in &self.rows {
            let Some((before, change)) = row.before.zip(row.change()) else {
                let _ = writeln!(text, "NEW     {}: not in the baseline", row.path);
                differs = true;
                continue;
            };
            let (word, by) = match change {
                _ if change > LIMIT => ("GROWN  ", format!("{change:.1} % more")),
                _ if change < -LIMIT => ("SHRUNK ", format!("{:.1} % fewer", -change)),
                _ => continue,
            };
            differs = true;
            let (path, now) = (&row.path, row.now);
            let _ = writeln!(
                text,
                "{word} {path}: {now:.1} instructions, the baseline is {before:.1}: {by}"
            );
        }
        if !differs {
            return text;
        }
        let was = &baseline.origin;
        for (what, then, now) in [
            ("rustc", &was.rustc, &origin.rustc),
            ("valgrind", &was.valgrind, &origin.valgrind),
            ("target", &was.target, &origin.target),
        ] {
            if then != now && !baseline.instructions.is_empty() {
                let _ = writeln!(
                    text,
                    "The {what} differs, which may be the cause: {now:?} here, {then:?} in the \
                     baseline. Count the commit before with this one to know."
                );
            }
        }
        text.push_str(
            "Where it is wanted: cargo bench --bench instructions -- --bless\n\
             and commit benches/instructions.json with the reason.\n",
        );
        format!("\n{text}")
    }
}

/// The instructions that a profile of callgrind has collected in all.
pub fn total(profile: &str) -> Option<u64> {
    // "totals:" ends a profile that is complete; "summary:" stands in its head.
    let line = |name| profile.lines().rev().find_map(|l| l.strip_prefix(name));
    line("totals:")
        .or_else(|| line("summary:"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}
