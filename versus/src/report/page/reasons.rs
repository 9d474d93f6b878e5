//! Why a peer is ahead of Ringmill: found by people, kept in a file under `docs/benchmarks`.
//!
//! The file is part of the program, so that a saved run can be reported anywhere.

use std::io;

use glob::Pattern;
use serde::Deserialize;

/// The committed file.
const FILE: &str = include_str!("../../../../docs/benchmarks/reasons.toml");

/// What a loss says that nobody has found a reason for.
pub const UNEXPLAINED: &str = "not yet explained";

/// All known reasons.
pub struct Reasons(Vec<Reason>);

/// A reason and the losses that it explains.
struct Reason {
    workload: Pattern,
    case: Pattern,
    peer: Pattern,
    ours: Pattern,
    text: String,
}

/// As in the file; a pattern that is left out matches everything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    reason: Vec<WrittenReason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenReason {
    workload: String,
    #[serde(default = "any")]
    case: String,
    #[serde(default = "any")]
    peer: String,
    #[serde(default = "any")]
    ours: String,
    because: String,
}

fn any() -> String {
    String::from("*")
}

impl Reasons {
    /// Those of the committed file.
    ///
    /// # Errors
    /// When it cannot be understood, which a test excludes.
    pub fn committed() -> io::Result<Self> {
        Self::parse(FILE)
    }

    /// Those of a text in the form of that file.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn parse(text: &str) -> io::Result<Self> {
        let invalid = |why: String| {
            let why = format!("docs/benchmarks/reasons.toml: {why}");
            io::Error::new(io::ErrorKind::InvalidData, why)
        };
        let written: Written = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let pattern = |text: &str| {
            Pattern::new(text).map_err(|error| invalid(format!("pattern {text:?}: {error}")))
        };
        let reasons = written.reason.into_iter().map(|reason| {
            Ok(Reason {
                workload: pattern(&reason.workload)?,
                case: pattern(&reason.case)?,
                peer: pattern(&reason.peer)?,
                ours: pattern(&reason.ours)?,
                text: reason.because,
            })
        });
        reasons.collect::<io::Result<_>>().map(Self)
    }

    /// Why `ours` loses to `peer`: the first reason in the file that matches.
    pub fn find(&self, workload: &str, case: &str, ours: &str, peer: &str) -> Option<&str> {
        let found = self.0.iter().find(|reason| {
            reason.workload.matches(workload)
                && reason.case.matches(case)
                && reason.peer.matches(peer)
                && reason.ours.matches(ours)
        });
        found.map(|reason| reason.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Reasons;

    #[test]
    fn the_committed_file_is_understood() {
        Reasons::committed().expect("the committed reasons");
    }

    #[test]
    fn the_first_reason_that_matches_is_taken() {
        let text = r#"
            [[reason]]
            workload = "echo"
            case = "* 512 KiB"
            peer = "monoio"
            because = "copies less"
            [[reason]]
            workload = "echo"
            ours = "ringmill-epoll"
            because = "epoll"
        "#;
        let reasons = Reasons::parse(text).expect("reasons");
        let found = |case, ours, peer| reasons.find("echo", case, ours, peer);
        assert_eq!(
            found("64 × 512 KiB", "ringmill", "monoio"),
            Some("copies less")
        );
        assert_eq!(found("64 × 128 B", "ringmill", "monoio"), None);
        assert_eq!(
            found("64 × 128 B", "ringmill-epoll", "tokio"),
            Some("epoll")
        );
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let text = "[[reason]]\nworkload = \"echo\"\npear = \"x\"\nbecause = \"y\"";
        assert!(Reasons::parse(text).is_err());
    }
}
