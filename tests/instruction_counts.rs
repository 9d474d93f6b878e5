//! What the bench `instructions` makes of its counts: which growth it takes, and what it says.

#[path = "../benches/instructions/comparison.rs"]
#[allow(dead_code, reason = "the table is the bench's")]
mod comparison;

use comparison::{Baseline, Comparison, Origin, total};

const PROFILE: &str = "\
# callgrind format
version: 1
cmd: a program
events: Ir
summary: 1234

fn=(1) totals: 7
+3 99
totals: 5678
";

fn origin(rustc: &str) -> Origin {
    Origin {
        rustc: rustc.to_owned(),
        valgrind: "valgrind-3".to_owned(),
        target: "x86_64-linux".to_owned(),
    }
}

fn baseline() -> Baseline {
    let counts = [("echo".to_owned(), 1000.04), ("yield".to_owned(), 100.0)];
    Baseline::default().with(origin("rustc 1"), &counts)
}

/// The verdict of one path of 1,000 instructions, and whether it fails.
fn verdict(now: f64, rustc: &str) -> (String, bool) {
    let baseline = baseline();
    let mut comparison = Comparison::default();
    comparison.add("echo", baseline.of("echo"), now);
    let text = comparison.verdict(&baseline, &origin(rustc));
    (text, comparison.has_failed())
}

#[test]
fn the_total_of_a_profile_is_its_last_line() {
    assert_eq!(total(PROFILE), Some(5678));
    let cut = PROFILE.replace("totals: 5678\n", "");
    assert_eq!(total(&cut), Some(1234));
    assert_eq!(total("events: Ir\n"), None);
    assert_eq!(total("summary: many\n"), None);
}

#[test]
fn up_to_five_per_cent_either_way_are_taken_in_silence() {
    for now in [951.0, 1000.0, 1050.0] {
        assert_eq!(verdict(now, "rustc 1"), (String::new(), false), "{now}");
    }
}

#[test]
fn growth_fails_with_the_numbers_and_the_remedy() {
    let (text, failed) = verdict(1069.0, "rustc 1");
    assert!(failed);
    let line = "GROWN   echo: 1069.0 instructions, the baseline is 1000.0: 6.9 % more";
    assert!(text.contains(line), "{text}");
    assert!(
        text.contains("cargo bench --bench instructions -- --bless"),
        "{text}"
    );
    assert!(!text.contains("differs"), "{text}");
}

#[test]
fn growth_under_another_compiler_says_so() {
    let (text, failed) = verdict(1069.0, "rustc 2");
    assert!(failed);
    assert!(text.contains("The rustc differs"), "{text}");
    assert!(text.contains("\"rustc 2\" here, \"rustc 1\" in"), "{text}");
}

#[test]
fn shrinking_is_told_and_does_not_fail() {
    let (text, failed) = verdict(900.0, "rustc 1");
    assert!(!failed);
    assert!(text.contains("SHRUNK  echo"), "{text}");
    assert!(text.contains("10.0 % fewer"), "{text}");
}

#[test]
fn a_path_without_a_baseline_fails() {
    let baseline = baseline();
    let mut comparison = Comparison::default();
    comparison.add("accept", baseline.of("accept"), 5.0);
    assert!(comparison.has_failed());
    let text = comparison.verdict(&baseline, &origin("rustc 1"));
    assert!(text.contains("NEW     accept"), "{text}");
}

#[test]
fn a_baseline_is_read_as_it_was_written() {
    let written = baseline();
    assert_eq!(Baseline::parse(&written.to_text()), Ok(written));
    assert!(Baseline::parse("{}").is_err());
}

#[test]
fn blessing_some_paths_keeps_the_others() {
    let counts = [("echo".to_owned(), 900.0)];
    let blessed = baseline().with(origin("rustc 2"), &counts);
    assert_eq!(blessed.of("echo"), Some(900.0));
    assert_eq!(blessed.of("yield"), Some(100.0));
    assert_eq!(blessed.origin, origin("rustc 2"));
}
