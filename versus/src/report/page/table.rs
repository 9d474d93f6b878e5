//! The tables as rows of text, which HTML and Markdown only dress.

use crate::results::{CaseResults, Figure, Results, Row};

use super::reasons::Reasons;
use super::verdict::{self, OURS, Outcome, Verdict};
use super::{plots, prose};
use crate::report::units;

/// In the order of the columns; the headline is before them all.
const COLUMNS: [Figure; 14] = [
    Figure::Cpu,
    Figure::Elapsed,
    Figure::Throughput,
    Figure::P50,
    Figure::P90,
    Figure::P99,
    Figure::P999,
    Figure::Max,
    Figure::Memory,
    Figure::Size,
    Figure::Syscalls,
    Figure::ServerBusy,
    Figure::LoadBusy,
    Figure::LoadCpu,
];

/// A column's name, then a row for each peer; the first cell names it.
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// One case.
pub fn case(case: &CaseResults) -> Table {
    let headline = case.headline;
    let mut baselines: Vec<&str> = Vec::new();
    for ratio in case.rows.iter().flat_map(|row| &row.ratios) {
        if ratio.figure == headline && !baselines.contains(&ratio.against.as_str()) {
            baselines.push(&ratio.against);
        }
    }
    let has = |figure: &Figure| case.rows.iter().any(|row| row.figures.contains_key(figure));
    let figures = COLUMNS
        .into_iter()
        .filter(|figure| *figure != headline && has(figure));
    let figures: Vec<Figure> = figures.collect();
    let drivers = case.rows.iter().any(|row| row.driver.is_some());

    let mut head = vec![
        String::from("peer"),
        prose::column(headline),
        String::from("quartiles"),
    ];
    head.extend(baselines.iter().map(|against| format!("vs {against}")));
    head.extend(figures.iter().map(|figure| prose::column(*figure)));
    if drivers {
        head.push(String::from("driver"));
    }
    head.push(String::from("notes"));

    let rows = case.rows.iter().map(|row| {
        let median = |figure: &Figure| match row.figures.get(figure) {
            Some(spread) => units::figure(*figure, spread.median),
            None => units::NONE.to_owned(),
        };
        let quartiles = row.figures.get(&headline);
        let quartiles = quartiles.map(|spread| units::quartiles(headline, spread));
        let none = || units::NONE.to_owned();
        let mut cells = vec![
            row.peer.clone(),
            median(&headline),
            quartiles.unwrap_or_else(none),
        ];
        cells.extend(baselines.iter().map(|against| {
            let same = |ratio: &&crate::results::Ratio| {
                ratio.against == *against && ratio.figure == headline
            };
            match row.ratios.iter().find(same) {
                Some(ratio) => {
                    let range = units::range(&ratio.spread);
                    format!("{} ({range})", units::ratio(ratio.spread.median))
                }
                None => none(),
            }
        }));
        cells.extend(figures.iter().map(median));
        if drivers {
            cells.push(driver(row).unwrap_or_else(none));
        }
        cells.push(notes(row));
        cells
    });
    Table {
        head,
        rows: rows.collect(),
    }
}

fn driver(row: &Row) -> Option<String> {
    let driver = row.driver.as_ref()?;
    Some(if driver.kind == driver.tier {
        driver.kind.clone()
    } else {
        format!("{}: {}", driver.kind, driver.tier)
    })
}

fn notes(row: &Row) -> String {
    let noisy = row.noisy.then(|| String::from("noisy"));
    let notes: Vec<String> = noisy.into_iter().chain(row.notes.iter().cloned()).collect();
    notes.join("; ")
}

/// Peers without a row, with the reason.
pub fn skipped(case: &CaseResults) -> Vec<String> {
    let lines = case.skipped.iter().map(|skipped| {
        let how = if skipped.failed {
            "failed"
        } else {
            "not measured"
        };
        format!("{} {how}: {}", skipped.peer, skipped.why)
    });
    lines.collect()
}

fn failures(results: &Results, ours: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for workload in &results.workloads {
        for case in &workload.cases {
            let failed = case
                .skipped
                .iter()
                .filter(|one| one.failed && one.peer == ours);
            lines
                .extend(failed.map(|one| format!("{}: {}: {}", workload.name, case.name, one.why)));
        }
    }
    lines
}

/// All cases against the runtimes that have more than one workload in common with Ringmill.
pub struct Glance<'run> {
    pub baselines: Vec<&'run str>,
    pub rows: Vec<GlanceRow<'run>>,
}

pub struct GlanceRow<'run> {
    pub workload: &'run str,
    pub case: &'run str,
    pub ours: String,
    /// As many as there are baselines.
    pub verdicts: Vec<Option<Verdict<'run>>>,
}

/// The headline table.
pub fn glance<'run>(results: &'run Results, ours: &str, reasons: &Reasons) -> Glance<'run> {
    let mut seen: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut cases = Vec::new();
    for workload in &results.workloads {
        for case in &workload.cases {
            let verdicts = verdict::of_case(workload, case, ours, reasons);
            for verdict in &verdicts {
                let name = workload.name.as_str();
                match seen
                    .iter_mut()
                    .find(|(baseline, _)| *baseline == verdict.baseline)
                {
                    Some((_, workloads)) if workloads.contains(&name) => {}
                    Some((_, workloads)) => workloads.push(name),
                    None => seen.push((verdict.baseline, vec![name])),
                }
            }
            cases.push((workload, case, verdicts));
        }
    }
    // A peer of one workload alone has its verdicts further down.
    let enough = if results.workloads.len() > 1 { 2 } else { 1 };
    seen.retain(|(_, workloads)| workloads.len() >= enough);
    let baselines: Vec<&str> = seen.into_iter().map(|(baseline, _)| baseline).collect();
    let rows = cases.into_iter().filter_map(|(workload, case, verdicts)| {
        let own = case.rows.iter().find(|row| row.peer == ours)?;
        let headline = own.figures.get(&case.headline)?;
        let mut verdicts: Vec<Option<Verdict<'run>>> = verdicts.into_iter().map(Some).collect();
        let ordered = baselines.iter().map(|baseline| {
            let of = |verdict: &&mut Option<Verdict<'run>>| {
                verdict
                    .as_ref()
                    .is_some_and(|verdict| verdict.baseline == *baseline)
            };
            verdicts.iter_mut().find(of).and_then(Option::take)
        });
        Some(GlanceRow {
            workload: &workload.name,
            case: &case.name,
            ours: units::figure(case.headline, headline.median),
            verdicts: ordered.collect(),
        })
    });
    let rows = rows.collect();
    Glance { baselines, rows }
}

/// What there is to say of a peer of ours: nothing, if it was not asked for.
pub struct Judged<'run> {
    pub ours: &'static str,
    pub verdicts: Vec<Verdict<'run>>,
    /// Cases in which it went wrong, which no ratio tells of.
    pub failures: Vec<String>,
}

/// A section for each of ours.
pub fn judged<'run>(results: &'run Results, reasons: &Reasons) -> Vec<Judged<'run>> {
    let all = OURS.into_iter().map(|ours| Judged {
        ours,
        verdicts: verdict::all(results, ours, reasons),
        failures: failures(results, ours),
    });
    all.filter(|one| !one.verdicts.is_empty() || !one.failures.is_empty())
        .collect()
}

/// How often each, and how many of the losses are to what is no runtime.
pub fn tally(verdicts: &[Verdict<'_>]) -> String {
    let of = |outcome| verdicts.iter().filter(move |one| one.outcome == outcome);
    let floor = of(Outcome::Loss)
        .filter(|one| verdict::is_floor(one.against))
        .count();
    let to_floor = match floor {
        0 => String::new(),
        _ => format!(" ({floor} of them to the floor)"),
    };
    format!(
        "losses {}{to_floor}, even {}, wins {}",
        of(Outcome::Loss).count(),
        of(Outcome::Even).count(),
        of(Outcome::Win).count(),
    )
}

/// The link to a case within the page.
pub fn anchor(workload: &str, case: &str) -> String {
    plots::slug(&["case", workload, case])
}
