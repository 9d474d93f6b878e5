//! What a client has of a file already (RFC 9110, sections 8.8 and 13).

use hyper::HeaderMap;
use hyper::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};
use ringmill::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// How old a change must be to be told from one after it: clocks of file systems tick every few
/// milliseconds, and dates in headers have seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// The first second of the year 10000, which a date in a header cannot say.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_800);

/// Marks of one state of a file.
pub struct Validators {
    /// In quotes, without the mark of weakness.
    tag: String,
    /// Two states with these marks may differ: the file has changed just now.
    is_weak: bool,
    /// In whole seconds; `None` if it cannot be said in a header.
    modified: Option<SystemTime>,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Send,
    NotModified,
    PreconditionFailed,
}

impl Validators {
    pub fn of(metadata: &Metadata, now: SystemTime) -> Self {
        let nanos =
            i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        let changed = metadata.modified().ok();
        let is_settled = changed.is_some_and(|time| {
            let age = now.duration_since(time);
            age.is_ok_and(|age| age >= SETTLED)
        });
        // A date that is yet to come must not be told (section 8.8.2.1).
        let since = changed.and_then(|time| {
            let since = time.min(now).duration_since(SystemTime::UNIX_EPOCH).ok()?;
            (since < LAST_DATE).then_some(since)
        });
        Validators {
            tag: format!("\"{:x}-{:x}-{nanos:x}\"", metadata.ino(), metadata.len()),
            is_weak: !is_settled,
            modified: since
                .map(|since| SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())),
        }
    }

    /// `ETag`
    pub fn tag(&self) -> String {
        let weak = if self.is_weak { "W/" } else { "" };
        format!("{weak}{}", self.tag)
    }

    /// `Last-Modified`
    pub fn modified(&self) -> Option<String> {
        self.modified.map(httpdate::fmt_http_date)
    }

    /// Evaluates the preconditions of GET or HEAD, in the order of section 13.2.2.
    pub fn judge(&self, headers: &HeaderMap) -> Verdict {
        if let Some(matches) = self.any_match(headers, IF_MATCH, Self::is_strongly) {
            if !matches {
                return Verdict::PreconditionFailed;
            }
        } else if self.unchanged_since(headers, IF_UNMODIFIED_SINCE) == Some(false) {
            return Verdict::PreconditionFailed;
        }
        let known = match self.any_match(headers, IF_NONE_MATCH, Self::is_weakly) {
            Some(matches) => matches,
            None => self.unchanged_since(headers, IF_MODIFIED_SINCE) == Some(true),
        };
        if known {
            Verdict::NotModified
        } else {
            Verdict::Send
        }
    }

    /// Whether a part fits what the client has (section 13.1.5). It must be exactly this state.
    pub fn may_continue(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(IF_RANGE) else {
            return true;
        };
        let Ok(value) = value.to_str() else {
            return false;
        };
        let is_date = || httpdate::parse_http_date(value).ok() == self.modified;
        self.is_strongly(value) || (!self.is_weak && self.modified.is_some() && is_date())
    }

    fn is_strongly(&self, tag: &str) -> bool {
        !self.is_weak && tag == self.tag
    }

    fn is_weakly(&self, tag: &str) -> bool {
        tag.strip_prefix("W/").unwrap_or(tag) == self.tag
    }

    /// `None` without such a header. Other tags that have commas in them fall apart into pieces, none
    /// of which is ours.
    fn any_match(
        &self,
        headers: &HeaderMap,
        name: HeaderName,
        is_ours: fn(&Self, &str) -> bool,
    ) -> Option<bool> {
        headers.contains_key(&name).then(|| {
            let values = headers.get_all(name);
            let values = values.iter().filter_map(|value| value.to_str().ok());
            let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
            tags.any(|tag| tag == "*" || is_ours(self, tag))
        })
    }

    /// `None` if there is nothing to compare; a date that is none does not count.
    fn unchanged_since(&self, headers: &HeaderMap, name: HeaderName) -> Option<bool> {
        let value = headers.get(name)?.to_str().ok()?;
        let since = httpdate::parse_http_date(value).ok()?;
        Some(self.modified? <= since)
    }
}
