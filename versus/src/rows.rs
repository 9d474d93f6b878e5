//! From samples to rows: medians, spreads, ratios within each round, and what a reader should know.

use std::collections::BTreeMap;

use crate::results::{Figure, Ratio, Row, Sample};
use crate::statistics::Spread;

/// At this many percent a process counts as never idle.
const BUSY: f64 = 95.0;

/// A generator that is late more often than this, in percent, measures itself.
const LATE: f64 = 1.0;

/// Ratios whose middle half is wider than this, in percent, are noise.
pub const NOISY_RATIO: f64 = 10.0;

/// Fewer rounds than this show no spread to trust.
pub const ENOUGH_ROUNDS: usize = 5;

/// The same of a figure by itself, which the machine's mood moves more.
const NOISY_FIGURE: f64 = 25.0;

/// A row for each contender that has samples.
pub fn of(
    headline: Figure,
    contenders: &[&str],
    samples: &[(&str, Sample)],
    against: &[&str],
) -> Vec<Row> {
    let rows = contenders.iter().filter_map(|&contender| {
        let own: Vec<Sample> = of_contender(samples, contender).cloned().collect();
        let first = own.first()?;
        let figures = spreads(&own);
        let ratios = ratios(headline, contender, against, samples);
        let baseline = ratios.iter().find(|ratio| {
            ratio.figure == headline && against.first() == Some(&ratio.against.as_str())
        });
        let noisy = match (baseline, figures.get(&headline)) {
            (Some(ratio), _) => ratio.spread.middle_percent() > NOISY_RATIO,
            (None, Some(figure)) => figure.middle_percent() > NOISY_FIGURE,
            (None, None) => false,
        } || (own.len() < ENOUGH_ROUNDS && headline != Figure::Size);
        Some(Row {
            peer: contender.to_owned(),
            driver: first.driver.clone(),
            noisy,
            notes: notes(&figures, &own),
            figures,
            ratios,
            samples: own,
        })
    });
    rows.collect()
}

fn of_contender<'a>(
    samples: &'a [(&str, Sample)],
    contender: &'a str,
) -> impl Iterator<Item = &'a Sample> {
    samples
        .iter()
        .filter(move |(name, _)| *name == contender)
        .map(|(_, sample)| sample)
}

fn spreads(samples: &[Sample]) -> BTreeMap<Figure, Spread> {
    let mut all: BTreeMap<Figure, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        for (&figure, &value) in &sample.figures {
            all.entry(figure).or_default().push(value);
        }
    }
    all.into_iter()
        .filter_map(|(figure, values)| Some((figure, Spread::of(values)?)))
        .collect()
}

/// To the baselines: of the headline, and of CPU and wall-clock time where they are not it. Those to
/// others follow from the samples.
fn ratios(
    headline: Figure,
    contender: &str,
    against: &[&str],
    samples: &[(&str, Sample)],
) -> Vec<Ratio> {
    let mut figures = vec![headline];
    figures.extend(
        [Figure::Cpu, Figure::Elapsed, Figure::Throughput]
            .into_iter()
            .filter(|&figure| figure != headline),
    );
    let others = against.iter().filter(|&&other| other != contender);
    let own: Vec<&Sample> = of_contender(samples, contender).collect();
    others
        .flat_map(|&other| figures.iter().map(move |&figure| (other, figure)))
        .filter_map(|(other, figure)| {
            let base: Vec<&Sample> = of_contender(samples, other).collect();
            Some(Ratio {
                against: other.to_owned(),
                figure,
                spread: within_rounds(&own, &base, figure)?,
            })
        })
        .collect()
}

/// A figure by a baseline's in the same round, over the rounds that have both. Of what is nothing or
/// less (memory that shrank) there is no ratio.
pub fn within_rounds(own: &[&Sample], base: &[&Sample], figure: Figure) -> Option<Spread> {
    Spread::of(own.iter().filter_map(|own| {
        let base = base.iter().find(|base| base.round == own.round)?;
        let (own, base) = (*own.figures.get(&figure)?, *base.figures.get(&figure)?);
        (own > 0.0 && base > 0.0).then(|| own / base)
    }))
}

fn notes(figures: &BTreeMap<Figure, Spread>, samples: &[Sample]) -> Vec<String> {
    let mut notes = Vec::new();
    let sum = |figure| -> f64 {
        let all = samples.iter();
        all.filter_map(|sample| sample.figures.get(&figure)).sum()
    };
    let (errors, unanswered) = (sum(Figure::Errors), sum(Figure::Unanswered));
    if errors > 0.0 {
        notes.push(format!("{errors} ERRORS"));
    }
    if unanswered > 0.0 {
        notes.push(format!("{unanswered} requests without an answer"));
    }
    if samples
        .iter()
        .any(|sample| sample.driver != samples[0].driver)
    {
        notes.push(String::from("drivers differed between rounds"));
    }
    let median = |figure| figures.get(&figure).map(|spread| spread.median);
    if let Some(late) = median(Figure::Late) {
        if late > LATE {
            notes.push(format!("the generator sent {late:.1} % late"));
        }
        // An open loop may spin; it does not try to saturate anybody.
        return notes;
    }
    if let (Some(server), Some(load)) = (median(Figure::ServerBusy), median(Figure::LoadBusy))
        && load >= BUSY
        && server < BUSY
    {
        notes.push(String::from("generator-bound"));
    }
    if let (Some(server), Some(load)) = (median(Figure::Cpu), median(Figure::LoadCpu))
        && load >= server
    {
        notes.push(String::from("generator dearer than server"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::{ENOUGH_ROUNDS, of};
    use crate::results::{Figure, Sample};

    fn sample(round: usize, cpu: f64) -> Sample {
        Sample {
            round,
            driver: None,
            figures: [(Figure::Cpu, cpu)].into(),
        }
    }

    #[test]
    fn ratios_are_taken_within_each_round() {
        // The machine is slower in each round, for both.
        let rounds = 0..ENOUGH_ROUNDS;
        let samples: Vec<_> = rounds
            .flat_map(|round| {
                let slowness = (round + 1) as f64;
                [
                    ("fast", sample(round, slowness)),
                    ("slow", sample(round, 2.0 * slowness)),
                ]
            })
            .collect();
        let rows = of(Figure::Cpu, &["fast", "slow"], &samples, &["slow"]);
        let ratio = &rows[0].ratios[0];
        assert_eq!((ratio.spread.low, ratio.spread.high), (0.5, 0.5));
        assert!(!rows[0].noisy);
        assert!(
            rows[1].noisy,
            "the baseline has only its own figures to tell"
        );
    }

    #[test]
    fn wrong_answers_are_told_of() {
        let mut bad = sample(0, 1.0);
        bad.figures.insert(Figure::Errors, 3.0);
        let rows = of(Figure::Cpu, &["one"], &[("one", bad)], &[]);
        assert_eq!(rows[0].notes, ["3 ERRORS"]);
    }
}
