//! Its sleeps, which cannot be put off.

use std::future::Future;
use std::time::Duration;

use versus::micro::Measure;
use versus::micro::timer::{self, Timers};

use crate::task::Compio;

/// What `timer` measures of it.
pub const MEASURES: &[(&str, &str, Measure)] = &timer::measures::<Compio>();

impl Timers for Compio {
    fn sleep(duration: Duration) -> impl Future + 'static {
        compio::time::sleep(duration)
    }
}
