//! A report as text for people: aligned, grouped, at most 80 columns wide.

use super::report::{Check, Report, Status};
use std::fmt::{self, Write};

/// The usual terminal's.
const COLUMNS: usize = 80;
/// Of a check's name.
const NAME: usize = 22;
/// Where what was found begins: two spaces, the status, the name, a space after each.
const FOUND: usize = 2 + 8 + 1 + NAME + 1;
/// Where meaning and remedy begin.
const INDENT: usize = 11;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = "";
        let mut told: Vec<(&str, &str)> = Vec::new();
        for check in self.checks() {
            if check.group != group {
                group = check.group;
                writeln!(f, "{group}")?;
            }
            write!(f, "  {:<8} {:<NAME$} ", check.status, check.name)?;
            wrap(f, &check.found, FOUND, FOUND)?;
            if check.status != Status::Good && !check.meaning.is_empty() {
                write_labelled(f, "meaning: ", &check.meaning)?;
            }
            if let Some(remedy) = &check.remedy {
                let before = told.iter().find(|(_, text)| text == remedy);
                match before {
                    Some((name, _)) => {
                        write_labelled(f, "remedy: ", &format!("as for {name}"))?;
                    }
                    None => {
                        write_labelled(f, "remedy: ", remedy)?;
                        told.push((check.name, remedy));
                    }
                }
            }
        }
        write!(f, "verdict: {}{}", self.tier(), remark(self.checks()))
    }
}

/// How many checks are not as they should be.
fn remark(checks: &[Check]) -> String {
    let is_bad = |check: &&Check| check.status > Status::Note;
    match checks.iter().filter(is_bad).count() {
        0 => String::new(),
        1 => "; 1 check above asks for attention".to_owned(),
        count => format!("; {count} checks above ask for attention"),
    }
}

fn write_labelled(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    write!(f, "{:INDENT$}{label}", "")?;
    wrap(f, text, INDENT + label.len(), INDENT + 2)
}

/// Writes `text`, whose first line begins in column `first` and all others in column `rest`, and
/// ends the line. Lines of the text stay lines; their own indentation stays.
fn wrap(f: &mut fmt::Formatter<'_>, text: &str, first: usize, rest: usize) -> fmt::Result {
    let mut column = first;
    for (n, line) in text.lines().enumerate() {
        let own = line.len() - line.trim_start().len();
        if n > 0 {
            write!(f, "\n{:1$}", "", rest + own)?;
            column = rest + own;
        }
        let mut begins = true;
        // What is indented is to be copied: it stays as it is.
        let words: Vec<&str> = match own {
            0 => line.split(' ').collect(),
            _ => vec![line.trim_start()],
        };
        for word in words {
            let len = word.chars().count();
            if !begins && column + 1 + len > COLUMNS {
                write!(f, "\n{:1$}", "", rest + own)?;
                column = rest + own;
                begins = true;
            }
            if !begins {
                f.write_char(' ')?;
                column += 1;
            }
            f.write_str(word)?;
            column += len;
            begins = false;
        }
    }
    f.write_char('\n')
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, Check, Report, Status};
    use crate::driver::Tier;

    #[test]
    fn a_report_is_readable_in_80_columns() {
        let words = "some words that go on and on ".repeat(9);
        let remedy = format!(
            "{}\n  {{ \"copied\":   \"as it is\" }}\nthe end",
            words.trim()
        );
        let check = |name| {
            Check::good("group", name, words.trim())
                .but(Status::Degraded, words.trim())
                .remedy(remedy.clone())
        };
        let quiet = Check::good("other", "quiet", "fine").means("not shown");
        let report = Report::new(Tier::Degraded, vec![check("first"), check("second"), quiet]);
        let text = report.to_string();
        for line in text.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
            assert_eq!(line.trim_end(), line);
        }
        assert_eq!(text.matches("{ \"copied\":   \"as it is\" }").count(), 1);
        assert!(text.contains("remedy: as for first\n"), "{text}");
        assert!(!text.contains("not shown"), "{text}");
        let verdict = "verdict: io_uring, degraded; 2 checks above ask for attention";
        assert_eq!(text.lines().last(), Some(verdict));
    }
}
