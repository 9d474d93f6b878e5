//! The part of a file that a request asks for (RFC 9110, section 14).

use std::ops::Range;

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Range<u64>),
    /// Nothing of what is asked for is there.
    Nothing,
}

/// Reads `Range` for a file of `len` bytes. What cannot be understood does not count, nor do several
/// ranges at once: the whole file is then the answer, as the standard allows.
pub fn wanted(range: &[u8], len: u64) -> Wanted {
    parse(range, len).unwrap_or(Wanted::Whole)
}

fn parse(range: &[u8], len: u64) -> Option<Wanted> {
    let (unit, range) = std::str::from_utf8(range).ok()?.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    if first.is_empty() {
        // The last so many bytes; of an empty file there is no part.
        return Some(match number(last)?.min(len) {
            0 if len > 0 => Wanted::Nothing,
            0 => Wanted::Whole,
            count => Wanted::Part(len - count..len),
        });
    }
    let first = number(first)?;
    let last = match last {
        "" => u64::MAX,
        last => number(last)?,
    };
    if first > last {
        return None;
    }
    Some(if first >= len {
        Wanted::Nothing
    } else {
        Wanted::Part(first..last.min(len - 1) + 1)
    })
}

/// Digits; what does not fit is more than any file has.
fn number(digits: &str) -> Option<u64> {
    let are_digits = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    are_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::Wanted::{Nothing, Part, Whole};
    use super::*;

    #[test]
    fn ranges_at_the_edges() {
        for (range, len, expected) in [
            ("bytes=0-0", 10, Part(0..1)),
            ("bytes=0-9", 10, Part(0..10)),
            ("bytes=0-10", 10, Part(0..10)),
            ("bytes=9-9", 10, Part(9..10)),
            ("bytes=9-", 10, Part(9..10)),
            ("bytes=10-", 10, Nothing),
            ("bytes=10-20", 10, Nothing),
            ("bytes=0-", 10, Part(0..10)),
            ("Bytes= 2-3 ", 10, Part(2..4)),
            ("bytes=-1", 10, Part(9..10)),
            ("bytes=-10", 10, Part(0..10)),
            ("bytes=-11", 10, Part(0..10)),
            ("bytes=-0", 10, Nothing),
            ("bytes=0-0", 0, Nothing),
            ("bytes=0-", 0, Nothing),
            ("bytes=-5", 0, Whole),
            ("bytes=3-99999999999999999999999", 10, Part(3..10)),
            ("bytes=18446744073709551615-", 10, Nothing),
            ("bytes=99999999999999999999999-", 10, Nothing),
            ("bytes=-99999999999999999999999", 10, Part(0..10)),
            ("bytes=0-18446744073709551615", u64::MAX, Part(0..u64::MAX)),
        ] {
            assert_eq!(wanted(range.as_bytes(), len), expected, "{range} of {len}");
        }
    }

    #[test]
    fn what_is_not_one_range_does_not_count() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "bytes=2-1",
            "bytes=+1-2",
            "bytes=--1",
            "bytes=1 - 2",
            "lines=1-2",
            "bytes=0-1,3-4",
            "bytes=0-1,",
            "bytes=0-1;",
        ] {
            assert_eq!(wanted(range.as_bytes(), 10), Whole, "{range}");
        }
        assert_eq!(wanted(b"bytes=\xff-", 10), Whole);
    }
}
