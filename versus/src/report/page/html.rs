//! The page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::results::{Results, WorkloadResults};

use super::chart::{self, Chart};
use super::prose;
use super::reasons::{Reasons, UNEXPLAINED};
use super::table::{self, Judged, Table};
use super::verdict::{self, OURS, Outcome, Verdict};
use crate::report::units;

/// A workload of more cases than these has them folded.
const UNFOLDED: usize = 2;

/// All of it.
pub fn page(results: &Results, charts: &[Chart], reasons: &Reasons) -> String {
    let judged = table::judged(results, reasons);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (prose::TITLE) }
                style { (PreEscaped(include_str!("page.css"))) (PreEscaped(chart::STYLE)) }
            }
            body {
                header { h1 { (prose::TITLE) } }
                (contents(results))
                main {
                    (what(results))
                    section id="glance" {
                        h2 { "At a glance" }
                        @for one in &judged { (glance(results, one.ours, reasons)) }
                    }
                    section id="plots" {
                        h2 { "Plots" }
                        p class="soft" {
                            "Markers are medians, whiskers the quartiles; less is better unless a \
                             plot counts operations a second."
                        }
                        div class="plots" {
                            @for chart in charts { figure { (chart.inline()) } }
                        }
                    }
                    section id="verdicts" {
                        h2 { "Wins and losses" }
                        p { (prose::VERDICTS) }
                        @for one in &judged { (judgement(one)) }
                    }
                    section id="cases" {
                        h2 { "Every case" }
                        @for workload in &results.workloads { (cases(workload)) }
                    }
                }
            }
        }
    };
    let mut text = markup.into_string();
    text.push('\n');
    text
}

fn contents(results: &Results) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                li { a href="#what" { "What was measured, and how" } }
                li { a href="#glance" { "At a glance" } }
                li { a href="#plots" { "Plots" } }
                li { a href="#verdicts" { "Wins and losses" } }
                li {
                    a href="#cases" { "Every case" }
                    ul class="workloads" {
                        @for workload in &results.workloads {
                            li { a href={ "#" (table::anchor(&workload.name, "")) } { (workload.name) } }
                        }
                    }
                }
                li { a href="results.json" { "All numbers, as JSON" } }
            }
        }
    }
}

fn what(results: &Results) -> Markup {
    html! {
        section id="what" {
            h2 { "What was measured, and how" }
            p { "Workloads, and the figure that decides in each: " (prose::measured(results)) "." }
            dl class="stamp" {
                @for (name, value) in prose::stamp(results) { dt { (name) } dd { (value) } }
            }
            ul class="method" { @for sentence in prose::METHOD { li { (sentence) } } }
            p { "To repeat it:" }
            pre { code { (prose::repeat(results)) } }
        }
    }
}

/// A container that scrolls by itself, with a keyboard too.
fn scroll(label: &str, table: Markup) -> Markup {
    html! { div class="scroll" role="region" tabindex="0" aria-label=(label) { (table) } }
}

fn glance(results: &Results, ours: &str, reasons: &Reasons) -> Markup {
    let glance = table::glance(results, ours, reasons);
    let cell = |verdict: &Option<Verdict<'_>>| {
        html! {
            @match verdict {
                Some(verdict) => td class=(verdict.outcome.name())
                    title={ (verdict.against) ", " (units::range(&verdict.ratio)) } {
                    (units::ratio(verdict.ratio.median)) " " (verdict.outcome.sign())
                    @if verdict.noisy { " ~" }
                },
                None => td { (units::NONE) },
            }
        }
    };
    let table = html! {
        table {
            thead { tr {
                th class="case" scope="col" { "case" }
                th scope="col" { (ours) }
                @for baseline in &glance.baselines { th scope="col" { "vs " (baseline) } }
            } }
            tbody {
                @for row in &glance.rows { tr {
                    th class="case" scope="row" {
                        a href={ "#" (table::anchor(row.workload, row.case)) } { (row.workload) }
                        ": " (row.case)
                    }
                    td { (row.ours) }
                    @for verdict in &row.verdicts { (cell(verdict)) }
                } }
            }
        }
    };
    html! {
        h3 { (ours) }
        p class="soft" { (legend(ours)) }
        (scroll(&format!("{ours} at a glance"), table))
    }
}

/// How to read the table at a glance.
pub fn legend(ours: &str) -> String {
    let [loss, even, win] = [Outcome::Loss, Outcome::Even, Outcome::Win]
        .map(|outcome| format!("{} {}", outcome.sign(), outcome.name()));
    format!(
        "The headline figure of {ours}, and its ratio to each baseline: below 1 is better. {win}, \
         {even}, {loss}; ~ noisy. Tokio: its best mode."
    )
}

fn judgement(judged: &Judged<'_>) -> Markup {
    let (ours, verdicts) = (judged.ours, &judged.verdicts);
    let of = |outcome| -> Vec<&Verdict<'_>> {
        verdicts
            .iter()
            .filter(|verdict| verdict.outcome == outcome)
            .collect()
    };
    let (losses, even, wins) = (of(Outcome::Loss), of(Outcome::Even), of(Outcome::Win));
    html! {
        h3 { (ours) ": " (table::tally(verdicts)) }
        @if !judged.failures.is_empty() {
            p { "Failed, so without any figure:" }
            ul class="loss" { @for line in &judged.failures { li { (line) } } }
        }
        @if losses.is_empty() { p { "No losses." } } @else { (verdict_table(ours, &losses)) }
        @for (name, verdicts) in [("Even", even), ("Wins", wins)] {
            @if !verdicts.is_empty() {
                details {
                    summary { (name) " (" (verdicts.len()) ")" }
                    (verdict_table(ours, &verdicts))
                }
            }
        }
    }
}

fn verdict_table(ours: &str, verdicts: &[&Verdict<'_>]) -> Markup {
    let lost = verdicts
        .iter()
        .any(|verdict| verdict.outcome == Outcome::Loss);
    let table = html! {
        table {
            thead { tr {
                th class="case" scope="col" { "case" }
                th class="text" scope="col" { "against" }
                th scope="col" { "ratio" }
                @if lost { th class="text" scope="col" { "reason" } }
                th scope="col" { (ours) }
                th scope="col" { "theirs" }
                th class="text" scope="col" { "figure" }
            } }
            tbody {
                @for verdict in verdicts { tr {
                    th class="case" scope="row" {
                        a href={ "#" (table::anchor(verdict.workload, verdict.case)) } { (verdict.workload) }
                        ": " (verdict.case)
                    }
                    td class="text" {
                        (verdict.against) @if verdict::is_floor(verdict.against) { " (floor)" }
                    }
                    td {
                        span class=(verdict.outcome.name()) {
                            (units::ratio(verdict.ratio.median)) " " (verdict.outcome.sign())
                            span class="unseen" { " " (verdict.outcome.name()) }
                            @if verdict.noisy { ", noisy" }
                        }
                        br;
                        span class="soft" { (units::range(&verdict.ratio)) }
                    }
                    @if lost { td class="text wide" {
                        @match &verdict.reason {
                            Some(reason) => (reason),
                            None => em { (UNEXPLAINED) },
                        }
                    } }
                    td { (units::figure(verdict.figure, verdict.ours.median)) }
                    td { (units::figure(verdict.figure, verdict.theirs.median)) }
                    td class="text" { (prose::column(verdict.figure)) }
                } }
            }
        }
    };
    scroll(&format!("verdicts on {ours}"), table)
}

fn cases(workload: &WorkloadResults) -> Markup {
    let unfolded = workload.cases.len() <= UNFOLDED;
    html! {
        section id=(table::anchor(&workload.name, "")) {
            h3 { (workload.name) }
            p { (workload.about) }
            @for case in &workload.cases {
                details id=(table::anchor(&workload.name, &case.name)) open[unfolded] {
                    summary { (case.name) }
                    @if !case.about.is_empty() { p class="soft" { (case.about) } }
                    @if !case.rows.is_empty() {
                        (scroll(&case.name, peers(&table::case(case))))
                    }
                    @let skipped = table::skipped(case);
                    @if !skipped.is_empty() {
                        ul class="skipped" { @for line in skipped { li { (line) } } }
                    }
                }
            }
        }
    }
}

fn peers(table: &Table) -> Markup {
    // Words stand to the left, numbers to the right.
    let class = |column: usize| match table.head[column].as_str() {
        "driver" => Some("text"),
        "notes" => Some("text wide"),
        _ => None,
    };
    html! {
        table {
            thead { tr {
                @for (column, name) in table.head.iter().enumerate() {
                    th class=[class(column)] scope="col" { (name) }
                }
            } }
            tbody {
                @for row in &table.rows {
                    tr class=[OURS.contains(&row[0].as_str()).then_some("ours")] {
                        @for (column, cell) in row.iter().enumerate() {
                            @if column == 0 { th scope="row" { (cell) } }
                            @else { td class=[class(column)] { (cell) } }
                        }
                    }
                }
            }
        }
    }
}
