//! Its sleeps.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use monoio::time::{Instant, Sleep};
use versus::micro::Measure;
use versus::micro::timer::{self, Resets, Timers};

use crate::task::Monoio;

/// All that `timer` measures but what is in [`RESETS`].
pub const MEASURES: &[(&str, &str, Measure)] = &timer::measures::<Monoio>();

/// The rest.
pub const RESETS: &[(&str, &str, Measure)] = &timer::resets::<Monoio>();

impl Timers for Monoio {
    fn sleep(duration: Duration) -> impl Future + 'static {
        monoio::time::sleep(duration)
    }
}

impl Resets for Monoio {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        monoio::time::sleep(duration)
    }

    fn reset(sleep: Pin<&mut Sleep>, duration: Duration) {
        sleep.reset(Instant::now() + duration);
    }
}
