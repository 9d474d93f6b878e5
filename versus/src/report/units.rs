//! Numbers for people: three digits, and the unit that fits.

use crate::results::Figure;
use crate::statistics::Spread;

/// What stands for a number that is not there.
pub const NONE: &str = "–";

/// Between a number and its unit: they stay in one line.
const JOIN: char = '\u{a0}';

const TIMES: &[(f64, &str)] = &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
const BYTES: &[(f64, &str)] = &[
    (1_073_741_824.0, "GiB"),
    (1_048_576.0, "MiB"),
    (1_024.0, "KiB"),
    (1.0, "B"),
];
const COUNTS: &[(f64, &str)] = &[(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")];

/// A number of the kind that the figure is.
pub fn figure(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Cpu
        | Figure::Elapsed
        | Figure::LoadCpu
        | Figure::P50
        | Figure::P90
        | Figure::P99
        | Figure::P999
        | Figure::Max => scaled(value, TIMES),
        Figure::Throughput => unit(scaled(value, COUNTS), "/s"),
        Figure::ServerBusy | Figure::LoadBusy | Figure::Late => percent(value),
        Figure::Syscalls | Figure::Errors | Figure::Unanswered => count(value),
        Figure::Memory | Figure::Size => bytes(value),
    }
}

/// `64 KiB`.
pub fn bytes(value: f64) -> String {
    scaled(value, BYTES)
}

/// `10 k`.
pub fn count(value: f64) -> String {
    scaled(value, COUNTS)
}

/// A ratio, with as many digits as a verdict on it needs.
pub fn ratio(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => String::from(NONE),
        size if size < 2.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `lowest–highest` of a ratio.
pub fn range(spread: &Spread) -> String {
    format!("{}–{}", ratio(spread.low), ratio(spread.high))
}

/// The middle half of the rounds; one number where they agree.
pub fn quartiles(of: Figure, spread: &Spread) -> String {
    let (low, high) = (
        figure(of, spread.lower_quartile),
        figure(of, spread.upper_quartile),
    );
    match (low.split_once(JOIN), high.split_once(JOIN)) {
        _ if low == high => low,
        // The unit once, where it is the same.
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number}–{high}"),
        _ => format!("{low}–{high}"),
    }
}

/// A value on one of the axes that cases are arranged by.
pub fn axis(name: &str, value: f64) -> String {
    match name {
        "bytes" => bytes(value),
        "percent" => percent(value),
        _ => count(value),
    }
}

/// A case's place on an axis, in words: `64 connections`, `128 B`, `depth 4`.
pub fn place(name: &str, value: f64) -> String {
    match name {
        "bytes" | "percent" => axis(name, value),
        "connections" if value == 1.0 => String::from("1 connection"),
        "depth" => format!("depth {}", count(value)),
        _ => format!("{} {name}", axis(name, value)),
    }
}

/// `2 h 5 min`, for the length of a run.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return String::from(NONE);
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}{JOIN}s"),
        60..3_600 => format!("{}{JOIN}min {}{JOIN}s", whole / 60, whole % 60),
        _ => format!("{}{JOIN}h {}{JOIN}min", whole / 3_600, whole / 60 % 60),
    }
}

fn percent(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.0}{JOIN}%")
    } else {
        String::from(NONE)
    }
}

/// The number in the largest step that it fills, or in the smallest there is.
fn scaled(value: f64, steps: &[(f64, &str)]) -> String {
    if !value.is_finite() {
        return String::from(NONE);
    }
    // What would be rounded to 1000 of a step belongs to the next.
    let fits = |step: f64| value.abs() / step >= 0.9995;
    let chosen = steps.iter().find(|(step, _)| fits(*step)).or(steps.last());
    let (step, name) = chosen.copied().unwrap_or((1.0, ""));
    if value == 0.0 {
        return String::from("0");
    }
    unit(digits(value / step), name)
}

fn unit(number: String, name: &str) -> String {
    match name {
        "" => number,
        // `412 k` and `/s` are `412 k/s`.
        _ if name.starts_with('/') || number == NONE => number + name,
        _ => format!("{number}{JOIN}{name}"),
    }
}

/// Three digits that count; none behind the point of a whole number.
fn digits(value: f64) -> String {
    let size = value.abs();
    let decimals = if value.fract() == 0.0 || size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else if size >= 0.995 {
        2
    } else if size >= 0.0995 {
        3
    } else {
        4
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::{axis, duration, figure, place, quartiles, ratio};
    use crate::results::Figure;
    use crate::statistics::Spread;

    #[test]
    fn numbers_have_the_unit_that_fits() {
        let cases = [
            (Figure::Cpu, 812.4, "812 ns"),
            (Figure::Cpu, 6_123.0, "6.12 µs"),
            (Figure::P99, 999_960.0, "1.00 ms"),
            (Figure::Max, 2.5e9, "2.50 s"),
            (Figure::Elapsed, 0.25, "0.250 ns"),
            (Figure::Throughput, 412_345.0, "412 k/s"),
            (Figure::Throughput, 12.0, "12/s"),
            (Figure::Throughput, 12.5e6, "12.5 M/s"),
            (Figure::Memory, 1_536.0, "1.50 KiB"),
            (Figure::Memory, 64.0, "64 B"),
            (Figure::Size, 3.0 * 1_048_576.0, "3 MiB"),
            (Figure::Syscalls, 0.031_25, "0.0312"),
            (Figure::ServerBusy, 99.6, "100 %"),
            (Figure::Cpu, f64::NAN, "–"),
            (Figure::Memory, 0.0, "0"),
        ];
        for (of, value, text) in cases {
            assert_eq!(figure(of, value).replace('\u{a0}', " "), text);
        }
    }

    #[test]
    fn ratios_have_digits_enough_for_a_verdict() {
        assert_eq!(ratio(0.9694), "0.969");
        assert_eq!(ratio(3.456), "3.46");
        assert_eq!(ratio(123.4), "123");
        assert_eq!(ratio(f64::INFINITY), "–");
    }

    #[test]
    fn places_and_durations_read_as_words() {
        let plain = |text: String| text.replace('\u{a0}', " ");
        assert_eq!(plain(axis("connections", 10_000.0)), "10 k");
        assert_eq!(plain(place("bytes", 524_288.0)), "512 KiB");
        assert_eq!(place("connections", 1.0), "1 connection");
        assert_eq!(place("depth", 4.0), "depth 4");
        assert_eq!(plain(duration(59.6)), "1 min 0 s");
        assert_eq!(plain(duration(7_500.0)), "2 h 5 min");
    }

    #[test]
    fn a_range_names_its_unit_once() {
        let spread = Spread::of([1_000.0, 2_000.0, 3_000.0]).expect("three figures");
        let text = quartiles(Figure::Cpu, &spread).replace('\u{a0}', " ");
        assert_eq!(text, "1.50–2.50 µs");
    }
}
