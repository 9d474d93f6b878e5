//! Medians and ranges of a handful of rounds.

use serde::{Deserialize, Serialize};

/// What is left of one figure over all rounds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    /// A quarter of the figures is below, three are above.
    pub lower_quartile: f64,
    pub upper_quartile: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (&low, &high) = (sorted.first()?, sorted.last()?);
        // Between the two nearest figures, in proportion (Hyndman and Fan's type 7).
        let quantile = |share: f64| {
            let position = share * (sorted.len() - 1) as f64;
            let (below, above) = (position.floor() as usize, position.ceil() as usize);
            sorted[below] + (sorted[above] - sorted[below]) * position.fract()
        };
        Some(Self {
            median: quantile(0.5),
            low,
            high,
            lower_quartile: quantile(0.25),
            upper_quartile: quantile(0.75),
        })
    }

    /// How far the middle half of the figures is apart, in percent of the median: one round that
    /// went wrong does not count.
    pub fn middle_percent(&self) -> f64 {
        if self.upper_quartile == self.lower_quartile {
            return 0.0; // Of a median of 0, too.
        }
        100.0 * (self.upper_quartile - self.lower_quartile) / self.median
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
        assert_eq!((even.lower_quartile, even.upper_quartile), (1.75, 3.25));
        assert!(Spread::of([]).is_none());
    }
}
