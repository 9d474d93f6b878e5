//! Medians and ranges of a handful of rounds.

use serde::Serialize;

/// What is left of one figure over all rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (&low, &high) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        };
        Some(Self { median, low, high })
    }

    /// The range's width in percent of the median.
    pub fn width_percent(&self) -> f64 {
        100.0 * (self.high - self.low) / self.median
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_is_the_middle_or_between_two() {
        let odd = Spread::of([3.0, 1.0, 2.0]).expect("three figures");
        assert_eq!((odd.low, odd.median, odd.high), (1.0, 2.0, 3.0));
        let even = Spread::of([4.0, 1.0, 2.0, 3.0]).expect("four figures");
        assert_eq!(even.median, 2.5);
        assert!(Spread::of([]).is_none());
    }
}
