//! Which plots a run has, found by the axes of its cases.
//!
//! Cases of a workload that differ in one axis alone are a line for each peer. Those at a part of
//! the capacity (`percent`) have their latencies drawn, percentile by percentile. Memory and sizes
//! are bars, and so is what has no axis: there, each peer by Tokio.

use std::collections::BTreeMap;

use crate::results::{CaseResults, Figure, Results, Row, WorkloadResults};
use crate::statistics::Spread;

use super::chart::{Bar, Bars, Chart, Group, Kind, Lines, Point, Series};
use super::verdict;
use crate::report::units;

/// The axis that is a load level.
const PERCENT: &str = "percent";
/// What the bars without an axis are relative to.
const BASELINE: &str = "tokio";

const PERCENTILES: [(Figure, &str); 5] = [
    (Figure::P50, "p50"),
    (Figure::P90, "p90"),
    (Figure::P99, "p99"),
    (Figure::P999, "p99.9"),
    (Figure::Max, "longest"),
];

/// All plots, in the order of the workloads.
pub fn of(results: &Results) -> Vec<Chart> {
    let mut charts = Vec::new();
    for workload in &results.workloads {
        charts.extend(of_workload(workload));
    }
    distinct(&mut charts);
    charts
}

fn of_workload(workload: &WorkloadResults) -> Vec<Chart> {
    let sized = |figure| matches!(figure, Figure::Memory | Figure::Size);
    let mut charts = Vec::new();
    let mut left: Vec<&CaseResults> = Vec::new();
    let mut sweeps = sweeps(&workload.cases);
    sweeps.retain(|sweep| !sweep.cases.iter().any(|(_, case)| sized(case.headline)));
    for case in &workload.cases {
        if case.axes.contains_key(PERCENT) {
            charts.extend(percentiles(workload, case));
        } else if !sweeps.iter().any(|sweep| sweep.has(case)) {
            left.push(case);
        }
    }
    charts.extend(sweeps.iter().map(|sweep| line(workload, sweep)));
    for figure in [Figure::Memory, Figure::Size] {
        charts.extend(absolute(workload, &left, figure));
    }
    left.retain(|case| !sized(case.headline));
    charts.extend(relative(workload, &left));
    charts
}

/// Cases along one axis.
struct Sweep<'run> {
    axis: &'run str,
    cases: Vec<(f64, &'run CaseResults)>,
    /// What is the same for all, in words.
    fixed: String,
}

impl Sweep<'_> {
    fn has(&self, case: &CaseResults) -> bool {
        self.cases
            .iter()
            .any(|(_, other)| std::ptr::eq(*other, case))
    }
}

/// Every set of two or more cases that differ in one axis and are the same in all others.
fn sweeps(cases: &[CaseResults]) -> Vec<Sweep<'_>> {
    let mut names: Vec<&str> = cases
        .iter()
        .flat_map(|case| case.axes.keys().map(String::as_str))
        .filter(|name| *name != PERCENT)
        .collect();
    names.sort_by_key(|name| (order(name), *name));
    names.dedup();
    let mut found = Vec::new();
    for axis in names {
        // By the places on the other axes; their bits, as a float is no key.
        let mut sets: BTreeMap<Vec<(&str, u64)>, Sweep<'_>> = BTreeMap::new();
        for case in cases {
            let Some(&place) = case.axes.get(axis) else {
                continue;
            };
            let others = || case.axes.iter().filter(|(name, _)| *name != axis);
            let key = others()
                .map(|(name, value)| (name.as_str(), value.to_bits()))
                .collect();
            let words = || others().map(|(name, value)| units::place(name, *value));
            let sweep = sets.entry(key).or_insert_with(|| Sweep {
                axis,
                cases: Vec::new(),
                fixed: words().collect::<Vec<_>>().join(", "),
            });
            if sweep.cases.iter().all(|(other, _)| *other != place) {
                sweep.cases.push((place, case));
            }
        }
        for mut sweep in sets.into_values().filter(|sweep| sweep.cases.len() > 1) {
            sweep.cases.sort_by(|one, other| one.0.total_cmp(&other.0));
            found.push(sweep);
        }
    }
    found
}

/// The usual order of the plots.
fn order(axis: &str) -> usize {
    let usual = ["connections", "bytes", "depth"];
    usual
        .iter()
        .position(|name| *name == axis)
        .unwrap_or(usual.len())
}

fn line(workload: &WorkloadResults, sweep: &Sweep<'_>) -> Chart {
    let cases = || sweep.cases.iter();
    let figure = sweep.cases[0].1.headline;
    let series = peers(cases().map(|(_, case)| *case))
        .into_iter()
        .map(|peer| {
            let points = cases().filter_map(|(x, case)| {
                let row = case.rows.iter().find(|row| row.peer == peer)?;
                point(*x, row.figures.get(&figure))
            });
            Series {
                peer: peer.to_owned(),
                points: points.collect(),
            }
        });
    let places = cases().map(|(x, _)| (*x, units::axis(sweep.axis, *x)));
    let (first, last) = (sweep.cases[0].0, sweep.cases[sweep.cases.len() - 1].0);
    let x_log = first > 0.0 && last / first >= 4.0;
    Chart {
        slug: slug(&[&workload.name, &figure.to_string(), "by", sweep.axis]),
        title: format!("{}: {} by {}", workload.name, words(figure), sweep.axis),
        subtitle: sweep.fixed.clone(),
        kind: Kind::Lines(Lines {
            x: places.collect(),
            x_label: format!(
                "{}{}",
                sweep.axis,
                if x_log { " (logarithmic)" } else { "" }
            ),
            x_log,
            y_label: words(figure).to_owned(),
            y_text: text(figure),
            series: series.collect(),
        }),
    }
}

/// The latencies of one load level.
fn percentiles(workload: &WorkloadResults, case: &CaseResults) -> Option<Chart> {
    let present: Vec<(f64, Figure, &str)> = PERCENTILES
        .iter()
        .filter(|(figure, _)| case.rows.iter().any(|row| row.figures.contains_key(figure)))
        .enumerate()
        .map(|(number, (figure, name))| (number as f64, *figure, *name))
        .collect();
    if present.is_empty() {
        return None;
    }
    let series = case.rows.iter().map(|row| Series {
        peer: row.peer.clone(),
        points: present
            .iter()
            .filter_map(|(x, figure, _)| point(*x, row.figures.get(figure)))
            .collect(),
    });
    Some(Chart {
        slug: slug(&[&workload.name, "percentiles", &case.name]),
        title: format!("{}: percentiles", workload.name),
        subtitle: case.name.clone(),
        kind: Kind::Lines(Lines {
            x: present
                .iter()
                .map(|(x, _, name)| (*x, (*name).to_owned()))
                .collect(),
            x_label: String::from("percentile"),
            x_log: false,
            y_label: String::from("latency"),
            y_text: text(Figure::P50),
            series: series.collect(),
        }),
    })
}

/// Bytes, from nothing on.
fn absolute(workload: &WorkloadResults, cases: &[&CaseResults], figure: Figure) -> Option<Chart> {
    let groups = groups(cases, |_, row| row.figures.get(&figure).copied());
    (!groups.is_empty()).then(|| Chart {
        slug: slug(&[&workload.name, &figure.to_string()]),
        title: format!("{}: {}", workload.name, words(figure)),
        subtitle: String::from("less is better"),
        kind: Kind::Bars(Bars {
            label: words(figure).to_owned(),
            text: text(figure),
            relative: false,
            binary: true,
            groups,
        }),
    })
}

/// The headline by Tokio's.
fn relative(workload: &WorkloadResults, cases: &[&CaseResults]) -> Option<Chart> {
    let figure = cases.first()?.headline;
    let mut groups = groups(cases, |case, row| {
        let figure = case.headline;
        let baseline = case.rows.iter().find(|row| row.peer == BASELINE);
        let family = || {
            let best = verdict::baselines(case, figure).into_iter();
            best.into_iter()
                .find(|(family, _)| *family == BASELINE)
                .map(|(_, row)| row)
        };
        let baseline = baseline.or_else(family)?;
        if std::ptr::eq(baseline, row) {
            return Spread::of([1.0]);
        }
        verdict::ratio(row, baseline, figure)
    });
    for group in &mut groups {
        let case = cases.iter().find(|case| case.name == group.name);
        if let Some(case) = case.filter(|case| case.headline != figure) {
            group.name += &format!(" ({})", case.headline);
        }
    }
    (!groups.is_empty()).then(|| Chart {
        slug: slug(&[&workload.name, "by", BASELINE]),
        title: format!(
            "{}: {} relative to {BASELINE}",
            workload.name,
            turned(figure)
        ),
        subtitle: String::from("to the left of 1: better"),
        kind: Kind::Bars(Bars {
            label: format!("{}, {BASELINE} is 1 (logarithmic)", turned(figure)),
            text: units::ratio,
            relative: true,
            binary: false,
            groups,
        }),
    })
}

fn groups(
    cases: &[&CaseResults],
    value: impl Fn(&CaseResults, &Row) -> Option<Spread>,
) -> Vec<Group> {
    let groups = cases.iter().map(|case| {
        let bars = case.rows.iter().filter_map(|row| {
            let spread = value(case, row)?;
            spread.median.is_finite().then(|| Bar {
                peer: row.peer.clone(),
                value: spread.median,
                low: spread.lower_quartile,
                high: spread.upper_quartile,
            })
        });
        Group {
            name: case.name.clone(),
            bars: bars.collect(),
        }
    });
    // One bar alone compares nothing.
    groups.filter(|group| group.bars.len() > 1).collect()
}

fn point(x: f64, spread: Option<&Spread>) -> Option<Point> {
    spread.map(|spread| Point {
        x,
        y: spread.median,
        low: spread.lower_quartile,
        high: spread.upper_quartile,
    })
}

/// All that were measured, in the order of the peers' table as far as the cases tell it.
fn peers<'run>(cases: impl Iterator<Item = &'run CaseResults>) -> Vec<&'run str> {
    let mut found: Vec<&str> = Vec::new();
    for row in cases.flat_map(|case| &case.rows) {
        if !found.contains(&row.peer.as_str()) {
            found.push(&row.peer);
        }
    }
    found
}

/// A figure of which less is better, as ratios are turned.
fn turned(figure: Figure) -> &'static str {
    match figure {
        Figure::Throughput => "time of an operation, all in all",
        figure => words(figure),
    }
}

/// A figure on an axis, where there is room.
fn words(figure: Figure) -> &'static str {
    match figure {
        Figure::Cpu => "CPU time of an operation",
        Figure::Elapsed => "time of an operation",
        Figure::Throughput => "operations a second",
        Figure::LoadCpu => "CPU time of the generator",
        Figure::ServerBusy => "server busy",
        Figure::LoadBusy => "generator busy",
        Figure::P50 => "latency, p50",
        Figure::P90 => "latency, p90",
        Figure::P99 => "latency, p99",
        Figure::P999 => "latency, p99.9",
        Figure::Max => "longest latency",
        Figure::Syscalls => "system calls of an operation",
        Figure::Memory => "memory of each",
        Figure::Size => "size",
        Figure::Errors => "errors",
        Figure::Unanswered => "requests without an answer",
        Figure::Late => "requests sent late",
    }
}

/// A figure's way to write numbers, as what a plot can carry.
fn text(figure: Figure) -> fn(f64) -> String {
    match figure {
        Figure::Throughput => |value| units::figure(Figure::Throughput, value),
        Figure::ServerBusy | Figure::LoadBusy => |value| units::figure(Figure::LoadBusy, value),
        Figure::Syscalls | Figure::Errors => units::count,
        Figure::Memory | Figure::Size => units::bytes,
        _ => |value| units::figure(Figure::Cpu, value),
    }
}

/// A file's name: letters, digits and dashes.
pub fn slug(parts: &[&str]) -> String {
    let mut slug = String::new();
    for letter in parts.join("-").to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// Numbers what has the same name.
fn distinct(charts: &mut [Chart]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for chart in charts {
        let count = seen.entry(chart.slug.clone()).or_default();
        *count += 1;
        if *count > 1 {
            chart.slug = format!("{}-{count}", chart.slug);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{of, slug};
    use crate::report::page::synthetic;
    use crate::results::Figure;

    #[test]
    fn cases_that_differ_in_one_axis_make_a_plot() {
        let results = synthetic::whole();
        let slugs: Vec<String> = of(&results).into_iter().map(|chart| chart.slug).collect();
        for expected in [
            "echo-cpu-by-connections",
            "echo-cpu-by-bytes",
            "echo-cpu-by-depth",
            "latency-percentiles-80-of-capacity",
            "task-by-tokio",
            "idle-memory",
            "size-size",
        ] {
            assert!(
                slugs.iter().any(|slug| slug == expected),
                "{expected} in {slugs:?}"
            );
        }
        let mut distinct = slugs.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), slugs.len());
    }

    #[test]
    fn one_case_of_one_peer_has_no_plot() {
        let results = synthetic::single("echo", Figure::Cpu, &[("ringmill", 5.0)]);
        assert!(of(&results).is_empty());
    }

    #[test]
    fn a_slug_is_a_file_name() {
        assert_eq!(
            slug(&["http", "CPU", "80 % of it/s"]),
            "http-cpu-80-of-it-s"
        );
    }
}
