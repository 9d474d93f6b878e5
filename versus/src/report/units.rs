//! Numbers with units, as people read them.

use crate::results::Figure;

/// A figure's value with its unit.
pub fn figure(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Cpu
        | Figure::Elapsed
        | Figure::LoadCpu
        | Figure::P50
        | Figure::P90
        | Figure::P99
        | Figure::P999
        | Figure::Max => nanos(value),
        Figure::Throughput => count(value),
        Figure::ServerBusy | Figure::LoadBusy | Figure::Late => format!("{value:.0} %"),
        Figure::Syscalls => digits(value),
        Figure::Memory | Figure::Size => bytes(value),
        Figure::Errors | Figure::Unanswered => format!("{value:.0}"),
    }
}

/// Nanoseconds.
pub fn nanos(value: f64) -> String {
    scaled(value, 1_000.0, &["ns", "µs", "ms", "s"])
}

/// Bytes.
pub fn bytes(value: f64) -> String {
    scaled(value, 1_024.0, &["B", "KiB", "MiB", "GiB"])
}

/// A number of things.
pub fn count(value: f64) -> String {
    scaled(value, 1_000.0, &["", "k", "M", "G"])
}

fn scaled(mut value: f64, step: f64, units: &[&str]) -> String {
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while value.abs() >= step
        && let Some(next) = units.next()
    {
        value /= step;
        unit = next;
    }
    format!("{} {unit}", digits(value)).trim_end().to_owned()
}

/// Three digits that matter.
fn digits(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, nanos};

    #[test]
    fn the_unit_fits_the_number() {
        assert_eq!(nanos(14.26), "14.3 ns");
        assert_eq!(nanos(4_530.0), "4.53 µs");
        assert_eq!(bytes(524_288.0), "512 KiB");
        assert_eq!(count(117_312.0), "117 k");
        assert_eq!(count(3.0), "3.00");
    }
}
