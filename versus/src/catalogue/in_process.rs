//! Workloads without a wire: the suites of `micro`.

use std::collections::BTreeMap;
use std::io;

use super::{Case, Method, Workload};
use crate::campaign::Plan;
use crate::child;
use crate::micro::{self, Suite};
use crate::results::Sample;

/// Where a measurement is written down.
pub struct Place {
    suite: &'static Suite,
    case: &'static micro::Case,
}

/// All of them, in the order of `versus run`.
pub fn all() -> impl Iterator<Item = Workload> {
    micro::SUITES.into_iter().map(workload)
}

fn workload(suite: &'static Suite) -> Workload {
    let cases = suite.cases.iter().map(|case| Case {
        name: case.name.to_owned(),
        about: case.about.to_owned(),
        headline: case.headline,
        axes: BTreeMap::new(),
        contenders: case.contenders().map(str::to_owned).collect(),
        method: Method::InProcess(Place { suite, case }),
    });
    Workload {
        name: suite.name,
        about: suite.about,
        cases: cases.collect(),
        prepare: suite.prepare,
    }
}

impl Place {
    /// See [`Method::missing`].
    pub fn missing(&self, contender: &str, plan: &Plan) -> Option<String> {
        let contender = self.case.contender(contender).ok()?;
        contender.missing(&plan.directory)
    }

    /// See [`Method::measure`].
    pub fn measure(&self, contender: &str, plan: &Plan) -> io::Result<Sample> {
        let lap = child::measure(self.suite.name, self.case.name, contender, plan)?;
        Ok(Sample {
            round: 0,
            figures: lap.figures(),
            driver: lap.driver,
        })
    }
}
