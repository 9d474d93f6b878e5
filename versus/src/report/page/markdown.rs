//! The same report as Markdown, for the repository's own pages.

use std::fmt::{self, Display, Write};

use crate::results::Results;

use super::chart::Chart;
use super::html::legend;
use super::prose;
use super::reasons::{Reasons, UNEXPLAINED};
use super::table::{self, Judged};
use super::verdict::{self, Outcome, Verdict};
use crate::report::units;

/// All of it.
pub fn page(results: &Results, charts: &[Chart], reasons: &Reasons) -> String {
    let mut out = String::new();
    // A string takes whatever is written.
    let _ = write_page(&mut out, results, charts, reasons);
    out
}

fn write_page(
    out: &mut String,
    results: &Results,
    charts: &[Chart],
    reasons: &Reasons,
) -> fmt::Result {
    writeln!(out, "# {}\n", prose::TITLE)?;
    writeln!(
        out,
        "Made by the benchmark kit, from [results.json](results.json); \
         [index.html](index.html) is the same as a page of its own.\n"
    )?;
    what(out, results)?;
    let judged = table::judged(results, reasons);
    writeln!(out, "## At a glance\n")?;
    for one in &judged {
        glance(out, results, one.ours, reasons)?;
    }
    writeln!(
        out,
        "## Plots\n\nMarkers are medians, whiskers the quartiles.\n"
    )?;
    for chart in charts {
        let title = match chart.subtitle.as_str() {
            "" => chart.title.clone(),
            subtitle => format!("{}, {subtitle}", chart.title),
        };
        writeln!(out, "![{}]({}.svg)\n", escaped(&title), chart.slug)?;
    }
    writeln!(out, "## Wins and losses\n\n{}\n", prose::VERDICTS)?;
    for one in &judged {
        judgement(out, one)?;
    }
    cases(out, results)
}

fn what(out: &mut String, results: &Results) -> fmt::Result {
    writeln!(out, "## What was measured, and how\n")?;
    let measured = escaped(&prose::measured(results));
    writeln!(
        out,
        "Workloads, and the figure that decides in each: {measured}.\n"
    )?;
    let stamp = prose::stamp(results).into_iter();
    let rows = stamp.map(|(name, value)| vec![name.to_owned(), value]);
    write_table(out, &["", ""], rows, &[])?;
    for sentence in prose::METHOD {
        writeln!(out, "- {}", escaped(sentence))?;
    }
    writeln!(
        out,
        "\nTo repeat it:\n\n```sh\n{}\n```\n",
        prose::repeat(results)
    )
}

fn glance(out: &mut String, results: &Results, ours: &str, reasons: &Reasons) -> fmt::Result {
    let glance = table::glance(results, ours, reasons);
    writeln!(out, "### {}\n\n{}\n", escaped(ours), escaped(&legend(ours)))?;
    let mut head = vec![String::from("case"), ours.to_owned()];
    head.extend(
        glance
            .baselines
            .iter()
            .map(|baseline| format!("vs {baseline}")),
    );
    let rows = glance.rows.iter().map(|row| {
        let mut cells = vec![format!("{}: {}", row.workload, row.case), row.ours.clone()];
        cells.extend(row.verdicts.iter().map(|verdict| match verdict {
            Some(verdict) => {
                let ratio = units::ratio(verdict.ratio.median);
                let noisy = if verdict.noisy { " ~" } else { "" };
                format!("{ratio} {}{noisy}", verdict.outcome.sign())
            }
            None => units::NONE.to_owned(),
        }));
        cells
    });
    let right: Vec<usize> = (1..head.len()).collect();
    write_table(out, &head, rows, &right)
}

fn judgement(out: &mut String, judged: &Judged<'_>) -> fmt::Result {
    let (ours, verdicts) = (judged.ours, &judged.verdicts);
    writeln!(out, "### {}: {}\n", escaped(ours), table::tally(verdicts))?;
    if !judged.failures.is_empty() {
        writeln!(out, "Failed, so without any figure:\n")?;
        for line in &judged.failures {
            writeln!(out, "- {}", escaped(line))?;
        }
        writeln!(out)?;
    }
    for (outcome, name) in [
        (Outcome::Loss, "Losses"),
        (Outcome::Even, "Even"),
        (Outcome::Win, "Wins"),
    ] {
        let of = || {
            verdicts
                .iter()
                .filter(move |verdict| verdict.outcome == outcome)
        };
        let count = of().count();
        let lost = outcome == Outcome::Loss;
        if count == 0 {
            if lost {
                writeln!(out, "No losses.\n")?;
            }
            continue;
        }
        if !lost {
            writeln!(out, "<details><summary>{name} ({count})</summary>\n")?;
        }
        let mut head = vec![
            "case", "against", "ratio", "verdict", ours, "theirs", "figure",
        ];
        if lost {
            head.push("reason");
        }
        let rows = of().map(|verdict| {
            let mut cells = verdict_cells(verdict);
            if lost {
                cells.push(
                    verdict
                        .reason
                        .clone()
                        .unwrap_or_else(|| UNEXPLAINED.to_owned()),
                );
            }
            cells
        });
        write_table(out, &head, rows, &[2, 4, 5])?;
        if !lost {
            writeln!(out, "</details>\n")?;
        }
    }
    Ok(())
}

fn verdict_cells(verdict: &Verdict<'_>) -> Vec<String> {
    let floor = if verdict::is_floor(verdict.against) {
        " (floor)"
    } else {
        ""
    };
    let noisy = if verdict.noisy { ", noisy" } else { "" };
    let (ratio, range) = (
        units::ratio(verdict.ratio.median),
        units::range(&verdict.ratio),
    );
    vec![
        format!("{}: {}", verdict.workload, verdict.case),
        format!("{}{floor}", verdict.against),
        format!("{ratio} ({range})"),
        format!(
            "{} {}{noisy}",
            verdict.outcome.sign(),
            verdict.outcome.name()
        ),
        units::figure(verdict.figure, verdict.ours.median),
        units::figure(verdict.figure, verdict.theirs.median),
        prose::column(verdict.figure),
    ]
}

fn cases(out: &mut String, results: &Results) -> fmt::Result {
    writeln!(out, "## Every case\n")?;
    for workload in &results.workloads {
        writeln!(
            out,
            "### {}\n\n{}\n",
            escaped(&workload.name),
            escaped(&workload.about)
        )?;
        for case in &workload.cases {
            writeln!(
                out,
                "#### {}: {}\n",
                escaped(&workload.name),
                escaped(&case.name)
            )?;
            if !case.about.is_empty() {
                writeln!(out, "{}\n", escaped(&case.about))?;
            }
            if !case.rows.is_empty() {
                let table = table::case(case);
                let words = ["peer", "driver", "notes"];
                let right = (0..table.head.len())
                    .filter(|column| !words.contains(&table.head[*column].as_str()));
                let right: Vec<usize> = right.collect();
                write_table(out, &table.head, table.rows.into_iter(), &right)?;
            }
            let skipped = table::skipped(case);
            for line in &skipped {
                writeln!(out, "- {}", escaped(line))?;
            }
            if !skipped.is_empty() {
                writeln!(out)?;
            }
        }
    }
    Ok(())
}

/// A table whose columns of numbers are to the right.
fn write_table(
    out: &mut String,
    head: &[impl Display],
    rows: impl Iterator<Item = Vec<String>>,
    right: &[usize],
) -> fmt::Result {
    for name in head {
        write!(out, "| {} ", escaped(&name.to_string()))?;
    }
    writeln!(out, "|")?;
    for column in 0..head.len() {
        out.write_str(if right.contains(&column) {
            "|--:"
        } else {
            "|---"
        })?;
    }
    writeln!(out, "|")?;
    for row in rows {
        for cell in row {
            write!(out, "| {} ", escaped(&cell))?;
        }
        writeln!(out, "|")?;
    }
    writeln!(out)
}

/// Nothing of it is taken for markup, and it stays in its line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' => {
                out.push('\\');
                out.push(letter);
            }
            '\n' | '\r' => out.push(' '),
            // A pair of them strikes through; one alone is seldom near another, but may be.
            '~' => out.push_str("\\~"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_is_taken_for_markup() {
        assert_eq!(
            escaped("a|b <c> *d* [e](f)\ng"),
            r"a\|b &lt;c&gt; \*d\* \[e\](f) g"
        );
    }
}
