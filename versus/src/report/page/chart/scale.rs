//! From values to pixels.

/// An axis: the values at its two ends, and where these are drawn.
pub struct Scale {
    log: bool,
    /// What one is, on a linear scale: steps are round multiples of it.
    unit: f64,
    values: (f64, f64),
    pixels: (f64, f64),
}

impl Scale {
    /// Over all of `values` that can be drawn.
    ///
    /// A logarithmic one has no place for what is not positive; a linear one begins at 0. Both
    /// ends are ticks where `round` is asked for.
    pub fn over(
        values: impl Iterator<Item = f64>,
        log: bool,
        round: bool,
        pixels: (f64, f64),
    ) -> Self {
        let usable = values.filter(|value| value.is_finite() && (!log || *value > 0.0));
        let (mut low, mut high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |ends, value| {
            (ends.0.min(value), ends.1.max(value))
        });
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        if !log {
            low = low.min(0.0);
            let step = step(high - low);
            high = (high / step).ceil() * step;
        } else if round {
            low = nearest(low, |tick, value| tick <= value * 1.000_1).unwrap_or(low);
            high = nearest(1.0 / high, |tick, value| tick <= value * 1.000_1)
                .map_or(high, |tick| 1.0 / tick);
        }
        if low == high {
            (low, high) = if log {
                (low / 2.0, high * 2.0)
            } else {
                (low, low + 1.0)
            };
        }
        Self {
            log,
            unit: 1.0,
            values: (low, high),
            pixels,
        }
    }

    /// From 0 to the largest of the bytes, with ticks that are round in their unit.
    pub fn of_bytes(values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let high = values.iter().copied().fold(1.0, f64::max);
        let unit = 1_024_f64.powf(high.log(1_024.0).floor());
        let in_units = values.iter().map(|value| value / unit);
        let scale = Self::over(in_units, false, true, pixels);
        let (low, high) = scale.values;
        Self {
            unit,
            values: (low * unit, high * unit),
            ..scale
        }
    }

    /// Where a value is drawn; `None` of one that has no place.
    pub fn at(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || (self.log && value <= 0.0) {
            return None;
        }
        let place = |value: f64| if self.log { value.ln() } else { value };
        let (low, high) = (place(self.values.0), place(self.values.1));
        let share = (place(value) - low) / (high - low);
        Some(self.pixels.0 + share * (self.pixels.1 - self.pixels.0))
    }

    /// About five values to draw a line at.
    pub fn ticks(&self) -> Vec<f64> {
        let (low, high) = self.values;
        if !self.log {
            let step = self.unit * step((high - low) / self.unit);
            let count = ((high - low) / step).round() as i32;
            return (0..=count)
                .map(|number| low + step * f64::from(number))
                .collect();
        }
        let decades = (high / low).log10();
        let of_decade: &[f64] = match decades {
            _ if decades > 3.2 => &[1.0],
            _ if decades > 1.6 => &[1.0, 3.0],
            _ => &[1.0, 2.0, 5.0],
        };
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        (first..=last)
            .flat_map(|power| of_decade.iter().map(move |tick| tick * 10_f64.powi(power)))
            .filter(|tick| (low * 0.999..=high * 1.001).contains(tick))
            .collect()
    }
}

/// The largest of 1, 2 and 5 by a power of ten that `fits` beside the value.
fn nearest(value: f64, fits: fn(f64, f64) -> bool) -> Option<f64> {
    let power = 10_f64.powi(value.log10().floor() as i32);
    let ticks = [5.0, 2.0, 1.0].map(|tick| tick * power);
    ticks.into_iter().find(|tick| fits(*tick, value))
}

/// 1, 2 or 5 by a power of ten: about a fifth of the range.
fn step(range: f64) -> f64 {
    if range <= 0.0 || !range.is_finite() {
        return 1.0;
    }
    let rough = range / 5.0;
    let power = 10_f64.powi(rough.log10().floor() as i32);
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(rough)
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn a_linear_scale_begins_at_zero_and_ends_at_a_tick() {
        let scale = Scale::over([3.0, 17.0].into_iter(), false, true, (0.0, 100.0));
        assert_eq!(scale.ticks(), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(scale.at(10.0), Some(50.0));
    }

    #[test]
    fn a_logarithmic_scale_has_ticks_within() {
        let scale = Scale::over([64.0, 524_288.0].into_iter(), true, true, (0.0, 100.0));
        assert_eq!(scale.ticks(), [1e2, 1e3, 1e4, 1e5, 1e6]);
        assert_eq!(scale.at(0.0), None);
        assert_eq!(scale.at(50.0).map(f64::round), Some(0.0));
    }

    #[test]
    fn ticks_of_bytes_are_round_in_their_unit() {
        let scale = Scale::of_bytes([2_500.0, 6_200.0].into_iter(), (0.0, 100.0));
        assert_eq!(scale.ticks(), [0.0, 2_048.0, 4_096.0, 6_144.0, 8_192.0]);
        assert!(
            !Scale::of_bytes([].into_iter(), (0.0, 100.0))
                .ticks()
                .is_empty()
        );
    }

    #[test]
    fn nothing_and_one_value_make_a_scale() {
        for values in [&[][..], &[7.0], &[0.0], &[f64::NAN]] {
            for log in [false, true] {
                let scale = Scale::over(values.iter().copied(), log, true, (0.0, 100.0));
                let place = scale.at(7.0).expect("a place");
                assert!(place.is_finite() && !scale.ticks().is_empty(), "{values:?}");
            }
        }
    }
}
