//! The sleeps of Ringmill and Tokio.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{Resets, Timers};
use crate::micro::runtimes::{Ringmill, RingmillEpoll, Tokio};

impl Timers for Ringmill {
    fn sleep(duration: Duration) -> impl Future + 'static {
        ringmill::time::sleep(duration)
    }
}

impl Resets for Ringmill {
    type Sleep = ringmill::time::Sleep;

    fn sleep(duration: Duration) -> Self::Sleep {
        ringmill::time::sleep(duration)
    }

    fn reset(sleep: Pin<&mut Self::Sleep>, duration: Duration) {
        sleep.reset(ringmill::time::Instant::now() + duration);
    }
}

impl Timers for RingmillEpoll {
    fn sleep(duration: Duration) -> impl Future + 'static {
        ringmill::time::sleep(duration)
    }
}

impl Timers for Tokio {
    fn sleep(duration: Duration) -> impl Future + 'static {
        tokio::time::sleep(duration)
    }
}

impl Resets for Tokio {
    type Sleep = tokio::time::Sleep;

    fn sleep(duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }

    fn reset(sleep: Pin<&mut Self::Sleep>, duration: Duration) {
        sleep.reset(tokio::time::Instant::now() + duration);
    }
}
