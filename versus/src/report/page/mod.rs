//! The report of a run, as files: a page, a Markdown file, the plots, the numbers.
//!
//! - `html`, `markdown`: the two outputs, of the same parts
//! - `prose`, `table`, `verdict`, `plots`: those parts
//! - `reasons`: why a loss is one
//! - `chart`: SVG
//!
//! The page needs no script and nothing from elsewhere. `maud` makes HTML and SVG: it escapes all
//! that it is not told to leave alone, when the program is compiled.

mod chart;
mod html;
mod markdown;
mod plots;
mod prose;
mod reasons;
mod saved;
#[cfg(test)]
mod synthetic;
mod table;
mod verdict;

use std::fs;
use std::io;
use std::path::Path;

use crate::during::During;
use crate::results::Results;

use reasons::Reasons;

/// Writes `index.html`, `README.md`, `results.json` and an SVG file for each plot.
///
/// The directory is made if need be; other files in it stay.
///
/// # Errors
/// When a file cannot be written.
pub fn write_directory(results: &Results, directory: &Path) -> io::Result<()> {
    let reasons = Reasons::committed()?;
    let charts = plots::of(results);
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).during(format_args!("writing {}", path.display()))
    };
    fs::create_dir_all(directory).during(format_args!("making {}", directory.display()))?;
    for chart in &charts {
        write(&format!("{}.svg", chart.slug), &chart.file())?;
    }
    write("index.html", &html::page(results, &charts, &reasons))?;
    write("README.md", &markdown::page(results, &charts, &reasons))?;
    super::json::write(&directory.join("results.json"), results).during("writing results.json")
}

/// Makes the report anew from a run that was saved.
///
/// # Errors
/// When the file cannot be read or the report not be written.
pub fn again(file: &Path, directory: &Path) -> io::Result<()> {
    write_directory(&saved::read(file)?, directory)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Reasons, again, html, markdown, synthetic, write_directory};
    use crate::results::{Figure, Results, Skipped};
    use crate::statistics::Spread;

    /// Page and Markdown.
    fn written(results: &Results) -> (String, String) {
        let directory = tempfile::tempdir().expect("a directory");
        write_directory(results, directory.path()).expect("a report");
        let read = |name| fs::read_to_string(directory.path().join(name)).expect("a file");
        (read("index.html"), read("README.md"))
    }

    #[test]
    fn a_whole_run_becomes_a_page_with_its_plots() {
        let results = synthetic::whole();
        let (page, markdown) = written(&results);
        assert!(page.contains("Imagined CPU &lt;8 cores&gt; @ 3.2 GHz"));
        assert!(markdown.contains("Imagined CPU &lt;8 cores&gt; @ 3.2 GHz"));
        assert!(!page.contains("src=\"http") && !page.contains("<script"));
        assert!(markdown.contains("(echo-cpu-by-connections.svg)"));
        assert!(markdown.contains(r"src/&lt;main&gt;.rs \| line 7"));
        for text in [&page, &markdown] {
            assert!(text.contains("cargo run --release -p versus -- run"));
            assert!(text.contains("not yet explained"));
            assert!(!text.contains("NaN"));
        }
    }

    /// For the eye: no test can tell whether a page looks well.
    #[test]
    #[ignore = "writes a page to look at, into the directory for temporary files"]
    fn a_page_to_look_at() {
        let directory = std::env::temp_dir().join("versus-report");
        write_directory(&synthetic::whole(), &directory).expect("a report");
    }

    #[test]
    fn figures_that_are_no_numbers_or_absent_break_nothing() {
        let mut results = synthetic::whole();
        for case in results
            .workloads
            .iter_mut()
            .flat_map(|workload| &mut workload.cases)
        {
            case.rows[0].figures.clear();
            for spread in case.rows[1].figures.values_mut() {
                let nothing = Spread::of([f64::NAN]).expect("one figure");
                *spread = nothing;
            }
            case.rows[2].samples.clear();
            case.rows[2].ratios.clear();
        }
        let (page, markdown) = written(&results);
        assert!(!page.contains("NaN") && !markdown.contains("NaN"));
    }

    #[test]
    fn a_loss_has_its_reason_beside_it() {
        let rows = [("ringmill", 5.0), ("monoio", 4.0), ("tokio", 4.0)];
        let results = synthetic::single("echo", Figure::Cpu, &rows);
        let text = "[[reason]]\nworkload = \"e*\"\npeer = \"monoio\"\nbecause = \"copies < 1\"";
        let reasons = Reasons::parse(text).expect("reasons");
        let page = html::page(&results, &[], &reasons);
        let markdown = markdown::page(&results, &[], &reasons);
        for text in [page, markdown] {
            assert!(text.contains("losses 2, even 0, wins 0"));
            assert_eq!(text.matches("copies &lt; 1").count(), 1);
            assert_eq!(text.matches("not yet explained").count(), 1);
        }
    }

    #[test]
    fn a_failure_of_ours_is_not_passed_over() {
        let mut results = synthetic::single("echo", Figure::Cpu, &[("tokio", 5.0)]);
        let failed = Skipped {
            peer: String::from("ringmill"),
            why: String::from("answered nothing"),
            failed: true,
        };
        results.workloads[0].cases[0].skipped.push(failed);
        let (page, markdown) = written(&results);
        for text in [page, markdown] {
            assert!(text.contains("Failed, so without any figure:"));
            assert!(text.contains("echo: the only case: answered nothing"));
        }
    }

    #[test]
    fn little_is_enough_for_a_report() {
        let one = synthetic::single("echo", Figure::Cpu, &[("ringmill", 5.0)]);
        let other = synthetic::single("echo", Figure::Cpu, &[("tokio", 5.0)]);
        let mut none = one.clone();
        none.workloads.clear();
        let mut no_rows = one.clone();
        no_rows.workloads[0].cases[0].rows.clear();
        for results in [one, other, none, no_rows] {
            written(&results);
        }
    }

    #[test]
    fn a_saved_run_is_reported_the_same() {
        let mut results = synthetic::whole();
        let row = &mut results.workloads[0].cases[0].rows[0];
        row.figures
            .insert(Figure::P50, Spread::of([f64::NAN]).expect("one figure"));
        let directory = tempfile::tempdir().expect("a directory");
        let (first, second) = (directory.path().join("1"), directory.path().join("2"));
        write_directory(&results, &first).expect("a report");
        again(&first.join("results.json"), &second).expect("a report");
        let page = |directory: &std::path::Path| fs::read_to_string(directory.join("README.md"));
        assert_eq!(
            page(&first).expect("a file"),
            page(&second).expect("a file")
        );
    }
}
