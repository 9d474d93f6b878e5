//! What the doctor hands out: [`Report`], [`Check`], [`Status`].

use crate::driver::Tier;
use std::fmt;

/// How one thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// As it should be.
    Good,
    /// Worth knowing; nothing is lost.
    Note,
    /// Something is slower or scarcer than it could be.
    Degraded,
    /// What is needed is not there.
    Missing,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Good => "good",
            Status::Note => "note",
            Status::Degraded => "degraded",
            Status::Missing => "missing",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What it belongs to: "system", "io_uring", "set-up flags" and so on.
    pub group: &'static str,
    /// What was looked at. A name comes once in a report.
    pub name: &'static str,
    /// How it was found.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What that means for a runtime.
    pub meaning: String,
    /// What to do about it, exactly, in one or more lines; none if there is nothing to do.
    pub remedy: Option<String>,
}

impl Check {
    pub(super) fn good(group: &'static str, name: &'static str, found: impl Into<String>) -> Self {
        Check {
            group,
            name,
            status: Status::Good,
            found: found.into(),
            meaning: String::new(),
            remedy: None,
        }
    }

    /// The same with another status, and what it means.
    pub(super) fn but(mut self, status: Status, meaning: impl Into<String>) -> Self {
        self.status = status;
        self.meaning = meaning.into();
        self
    }

    pub(super) fn means(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = meaning.into();
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// What the doctor found. Its `Display` is plain text of 80 columns for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    tier: Tier,
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(tier: Tier, checks: Vec<Check>) -> Self {
        Report { tier, checks }
    }

    /// How much of io_uring a runtime built here would have.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// Everything that was looked at, in groups.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The tier as the exit code of a program: 0 full, 1 degraded, 2 epoll only.
    pub fn exit_code(&self) -> u8 {
        match self.tier {
            Tier::Full => 0,
            Tier::Degraded => 1,
            Tier::Epoll => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Report;
    use crate::driver::Tier;

    #[test]
    fn each_tier_has_its_exit_code() {
        let codes = [Tier::Full, Tier::Degraded, Tier::Epoll]
            .map(|tier| Report::new(tier, Vec::new()).exit_code());
        assert_eq!(codes, [0, 1, 2]);
    }
}
