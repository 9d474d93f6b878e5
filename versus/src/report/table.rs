//! The tables on stdout.

use std::collections::BTreeSet;

use super::units;
use crate::campaign::Plan;
use crate::catalogue::Workload;
use crate::machine::Machine;
use crate::results::{CaseResults, Figure, Row};

/// Figures that are compared with the baselines, where they are there.
const COMPARED: [Figure; 2] = [Figure::Cpu, Figure::Elapsed];

/// Figures that are for notes and for the JSON file only.
const HIDDEN: [Figure; 6] = [
    Figure::ServerBusy,
    Figure::Errors,
    Figure::P90,
    Figure::Max,
    Figure::Unanswered,
    Figure::Late,
];

/// What is measured, where and when.
pub fn opening(plan: &Plan, machine: &Machine) {
    let (pace, cpus) = (&plan.pace, &plan.cpus);
    println!(
        "{} rounds of {} s after {} s of warm-up · servers on CPU {}, the generator on CPU {}",
        pace.rounds, pace.seconds, pace.warm_up, cpus[0], cpus[1],
    );
    println!(
        "Linux {} · {} · {} processors · {} · {}",
        machine.kernel, machine.cpu, machine.processors, machine.compiler, machine.date
    );
}

/// What the tables to come have in common.
pub fn workload(workload: &Workload) {
    println!("\n== {}: {}", workload.name, workload.about);
}

/// One case: a row for each peer.
pub fn case(plan: &Plan, case: &CaseResults) {
    let about = if case.about.is_empty() { "" } else { ": " };
    println!("\n{}{about}{}", case.name, case.about);
    if !case.rows.is_empty() {
        let columns = columns(plan, case);
        let head = ["peer".to_owned(), "driver".to_owned()].into_iter();
        let head = head.chain(columns.iter().map(Column::head));
        let mut lines: Vec<Vec<String>> = vec![head.chain([String::from("note")]).collect()];
        lines.extend(case.rows.iter().map(|row| line(row, &columns)));
        print(&lines);
    }
    for skipped in &case.skipped {
        let what = if skipped.failed {
            "FAILED:"
        } else {
            "skipped:"
        };
        println!("{}: {what} {}", skipped.peer, skipped.why);
    }
}

/// What stands in a column.
enum Column<'a> {
    Figure(Figure),
    /// How far the middle half of a figure's rounds is apart.
    Spread(Figure),
    Ratio(Figure, &'a str),
}

impl Column<'_> {
    fn head(&self) -> String {
        match self {
            Self::Figure(figure) => figure.to_string(),
            Self::Spread(_) => String::from("±"),
            Self::Ratio(figure, against) => format!("{figure} to {against}'s"),
        }
    }

    fn cell(&self, row: &Row) -> String {
        match self {
            Self::Figure(figure) => row
                .figures
                .get(figure)
                .map_or_else(String::new, |spread| units::figure(*figure, spread.median)),
            Self::Spread(figure) => row.figures.get(figure).map_or_else(String::new, |spread| {
                format!("{:.0}%", spread.middle_percent() / 2.0)
            }),
            Self::Ratio(figure, against) => row
                .ratios
                .iter()
                .find(|ratio| ratio.figure == *figure && ratio.against == *against)
                .map_or_else(String::new, |ratio| {
                    let spread = ratio.spread;
                    let (low, high) = (spread.low, spread.high);
                    format!("{:.2} ({low:.2}–{high:.2})", spread.median)
                }),
        }
    }
}

/// The headline first, what is compared next, then the rest.
fn columns<'a>(plan: &Plan, case: &'a CaseResults) -> Vec<Column<'a>> {
    let there: BTreeSet<Figure> = case
        .rows
        .iter()
        .flat_map(|row| row.figures.keys().copied())
        .collect();
    let contenders: Vec<&str> = case.rows.iter().map(|row| row.peer.as_str()).collect();
    let baselines = plan.baselines(&contenders);
    let mut columns = Vec::new();
    let mut shown = BTreeSet::new();
    for figure in [case.headline].into_iter().chain(COMPARED) {
        if there.contains(&figure) && shown.insert(figure) {
            columns.extend([Column::Figure(figure), Column::Spread(figure)]);
            let against = baselines.iter().copied();
            columns.extend(against.map(|against| Column::Ratio(figure, against)));
        }
    }
    let rest = there
        .iter()
        .filter(|&figure| !shown.contains(figure) && !HIDDEN.contains(figure));
    columns.extend(rest.map(|&figure| Column::Figure(figure)));
    columns
}

fn line(row: &Row, columns: &[Column]) -> Vec<String> {
    let driver = row.driver.as_ref();
    let driver = driver.map_or_else(|| String::from("-"), |driver| driver.tier.clone());
    let mut notes = row.notes.clone();
    if row.noisy {
        notes.insert(0, String::from("noisy"));
    }
    let mut line = vec![row.peer.clone(), driver];
    line.extend(columns.iter().map(|column| column.cell(row)));
    line.push(notes.join(", "));
    line
}

/// Names to the left, numbers to the right, notes as long as they are.
fn print(lines: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    for line in lines {
        let mut text = String::new();
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            let last = column + 1 == line.len();
            text += &match column {
                0 | 1 => format!("{cell:<width$}  "),
                _ if last => cell.clone(),
                _ => format!("{cell:>width$}  "),
            };
        }
        println!("{}", text.trim_end());
    }
}

/// How to read it.
pub fn closing() {
    println!(
        "\nMedians of the rounds; ±: half the width of the rounds' middle half. Ratios: within each \
         round, then the median (lowest–highest).\n\
         CPU: of the server's process (user and system, all threads) for one operation. \
         generator's CPU: of the load generator, which must be less.\n\
         generator-bound: the generator never rested while the server did; throughput and latency \
         then tell of the generator. noisy: the rounds disagree."
    );
}
