//! Who wins: the headline figure of Ringmill by that of each baseline, case by case.

use crate::peers;
use crate::results::{CaseResults, Figure, Results, Row, Sample, WorkloadResults};
use crate::rows;
use crate::statistics::Spread;

use super::reasons::Reasons;

/// The peers that the verdicts are about; each has a section of its own. The variants of ours
/// (`ringmill-spsc`) are in the tables alone.
pub const OURS: [&str; 2] = ["ringmill", "ringmill-epoll"];

/// The peers that are no runtimes, or start with this and a hyphen: what one could hope for.
const FLOOR: [&str; 4] = ["ring", "epoll", "std", "fio"];

/// A generator that was late more often, in percent, has measured itself.
const LATE: f64 = 1.0;

/// Below this ratio it is a win, if the rounds agree.
const WIN: f64 = 0.97;
/// Above this one it is a loss, whether they do or not.
const LOSS: f64 = 1.03;

/// Losses first, as they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Loss,
    Even,
    Win,
}

impl Outcome {
    /// The word, which is the name of its style too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Even => "even",
            Self::Win => "win",
        }
    }

    /// For those who do not see the colour.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Loss => "✗",
            Self::Even => "≈",
            Self::Win => "✓",
        }
    }
}

/// One case against one baseline.
pub struct Verdict<'run> {
    pub workload: &'run str,
    pub case: &'run str,
    pub figure: Figure,
    /// The peer that was compared with: of Tokio's modes, the best.
    pub against: &'run str,
    /// What it stands for: `tokio`, whatever the mode.
    pub baseline: &'run str,
    pub ours: Spread,
    pub theirs: Spread,
    /// Less is better, whatever the figure.
    pub ratio: Spread,
    /// The rounds disagree or are too few, or answers of one of the two were wrong or missing.
    pub noisy: bool,
    pub outcome: Outcome,
    /// Why it is a loss.
    pub reason: Option<String>,
}

/// Whether it is no runtime but a hand-written loop or the like.
pub fn is_floor(peer: &str) -> bool {
    let name = peer.split_once('-').map_or(peer, |(name, _)| name);
    FLOOR.contains(&name)
}

/// Whether a row's figures are in doubt, whatever their spread.
fn is_doubtful(row: &Row) -> bool {
    let high = |figure| row.figures.get(&figure).map_or(0.0, |spread| spread.high);
    let late = row.figures.get(&Figure::Late);
    high(Figure::Errors) > 0.0
        || high(Figure::Unanswered) > 0.0
        || late.is_some_and(|late| late.median > LATE)
}

/// All verdicts on one of [`OURS`], losses first, those to a runtime before those to the
/// floor, then in the order of the run.
pub fn all<'run>(results: &'run Results, ours: &str, reasons: &Reasons) -> Vec<Verdict<'run>> {
    let mut verdicts: Vec<Verdict<'run>> = Vec::new();
    for workload in &results.workloads {
        for case in &workload.cases {
            verdicts.extend(of_case(workload, case, ours, reasons));
        }
    }
    verdicts.sort_by_key(|verdict| (verdict.outcome, is_floor(verdict.against)));
    verdicts
}

/// The verdicts of one case, in the order of its rows.
pub fn of_case<'run>(
    workload: &'run WorkloadResults,
    case: &'run CaseResults,
    ours: &str,
    reasons: &Reasons,
) -> Vec<Verdict<'run>> {
    let Some(own) = case.rows.iter().find(|row| row.peer == ours) else {
        return Vec::new();
    };
    let figure = case.headline;
    let judge = |(baseline, theirs): (&'run str, &'run Row)| {
        let ratio = ratio(own, theirs, figure)?;
        let few = own.samples.len() < rows::ENOUGH_ROUNDS && figure != Figure::Size;
        let wide = ratio.middle_percent() > rows::NOISY_RATIO;
        let noisy = few || wide || is_doubtful(own) || is_doubtful(theirs);
        let outcome = outcome(ratio.median, noisy)?;
        let lost = outcome == Outcome::Loss;
        let reason = || reasons.find(&workload.name, &case.name, ours, &theirs.peer);
        Some(Verdict {
            workload: &workload.name,
            case: &case.name,
            figure,
            against: &theirs.peer,
            baseline,
            ours: *own.figures.get(&figure)?,
            theirs: *theirs.figures.get(&figure)?,
            ratio,
            noisy,
            outcome,
            reason: lost.then(reason).flatten().map(str::to_owned),
        })
    };
    baselines(case, figure)
        .into_iter()
        .filter_map(judge)
        .collect()
}

/// `None` of what is no number.
fn outcome(median: f64, noisy: bool) -> Option<Outcome> {
    match median {
        _ if !median.is_finite() => None,
        _ if median > LOSS => Some(Outcome::Loss),
        _ if median < WIN && !noisy => Some(Outcome::Win),
        _ => Some(Outcome::Even),
    }
}

/// A peer's `figure` by another's, turned so that less is better.
///
/// Within each round, then over the rounds.
pub fn ratio(row: &Row, against: &Row, figure: Figure) -> Option<Spread> {
    let own: Vec<&Sample> = row.samples.iter().collect();
    let base: Vec<&Sample> = against.samples.iter().collect();
    let spread = rows::within_rounds(&own, &base, figure)?;
    Some(if figure.less_is_better() {
        spread
    } else {
        Spread {
            median: 1.0 / spread.median,
            low: 1.0 / spread.high,
            high: 1.0 / spread.low,
            lower_quartile: 1.0 / spread.upper_quartile,
            upper_quartile: 1.0 / spread.lower_quartile,
        }
    })
}

/// What a peer is a mode of: Tokio has several.
pub fn family(peer: &str) -> &str {
    if peers::TOKIO.contains(&peer) {
        peers::TOKIO[0]
    } else {
        peer
    }
}

/// The peers to compare with, by family; of a family the one with the best headline.
pub fn baselines(case: &CaseResults, figure: Figure) -> Vec<(&str, &Row)> {
    let mut found: Vec<(&str, &Row)> = Vec::new();
    let cost = |row: &Row| {
        let median = row.figures.get(&figure).map(|spread| spread.median);
        let median = median.filter(|median| median.is_finite());
        median.map(|median| {
            if figure.less_is_better() {
                median
            } else {
                -median
            }
        })
    };
    for row in &case.rows {
        let Some(own) = cost(row) else { continue };
        if row.peer.starts_with(OURS[0]) {
            continue;
        }
        let family = family(&row.peer);
        match found.iter_mut().find(|(name, _)| *name == family) {
            Some((_, best)) if cost(best).is_some_and(|best| own < best) => *best = row,
            Some(_) => {}
            None => found.push((family, row)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Outcome, all, baselines, outcome};
    use crate::report::page::reasons::Reasons;
    use crate::report::page::synthetic;
    use crate::results::Figure;

    #[test]
    fn a_noisy_row_wins_nothing_and_loses_all_the_same() {
        assert_eq!(outcome(0.96, false), Some(Outcome::Win));
        assert_eq!(outcome(0.96, true), Some(Outcome::Even));
        assert_eq!(outcome(0.97, false), Some(Outcome::Even));
        assert_eq!(outcome(1.03, false), Some(Outcome::Even));
        assert_eq!(outcome(1.04, true), Some(Outcome::Loss));
        assert_eq!(outcome(f64::NAN, false), None);
    }

    #[test]
    fn the_best_of_tokios_modes_is_compared_with() {
        let rows = [
            ("ringmill", 5.0),
            ("tokio", 8.0),
            ("tokio-multi", 7.0),
            ("ring", 4.0),
        ];
        let results = synthetic::single("echo", Figure::Cpu, &rows);
        let case = &results.workloads[0].cases[0];
        let names: Vec<_> = baselines(case, Figure::Cpu)
            .into_iter()
            .map(|(family, row)| (family, row.peer.as_str()))
            .collect();
        assert_eq!(names, [("tokio", "tokio-multi"), ("ring", "ring")]);
    }

    #[test]
    fn losses_come_first_and_more_throughput_is_better() {
        let rows = [
            ("ringmill", 100.0),
            ("tokio", 50.0),
            ("monoio", 120.0),
            ("ring", 130.0),
        ];
        let results = synthetic::single("unheard-of", Figure::Throughput, &rows);
        let reasons = Reasons::parse("").expect("no reasons");
        let found: Vec<_> = all(&results, "ringmill", &reasons)
            .into_iter()
            .map(|one| (one.against, one.outcome, one.reason))
            .collect();
        let expected = [
            ("monoio", Outcome::Loss, None),
            ("ring", Outcome::Loss, None),
            ("tokio", Outcome::Win, None),
        ];
        assert_eq!(found, expected);
    }
}
