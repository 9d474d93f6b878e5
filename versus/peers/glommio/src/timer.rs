//! Its timers.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use glommio::timer::Timer;
use versus::micro::Measure;
use versus::micro::timer::{self, Resets, Timers};

use crate::task::Glommio;

/// All that `timer` measures but what is in [`RESETS`].
pub const MEASURES: &[(&str, &str, Measure)] = &timer::measures::<Glommio>();

/// The rest.
pub const RESETS: &[(&str, &str, Measure)] = &timer::resets::<Glommio>();

impl Timers for Glommio {
    fn sleep(duration: Duration) -> impl Future + 'static {
        Timer::new(duration)
    }
}

impl Resets for Glommio {
    type Sleep = Timer;

    fn sleep(duration: Duration) -> Timer {
        Timer::new(duration)
    }

    fn reset(sleep: Pin<&mut Timer>, duration: Duration) {
        sleep.get_mut().reset(duration);
    }
}
