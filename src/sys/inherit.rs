//! What children and threads inherit from the thread that starts them, and should not from a loop's.

use super::{affinity, clock};
use std::io;
use std::thread::{self, JoinHandle};

/// The thread's own settings, put back at the drop, after a panic too.
struct Settings {
    pinned: Option<affinity::Affinity>,
    slack: u64,
}

/// Starts something with the processors and the timer slack that this thread had before it became a
/// loop's: a child process or a helping thread that was pinned along would share one processor with
/// the loop for all its life.
///
/// Two system calls, and three more on a pinned thread: nothing beside starting a process.
pub(crate) fn plainly<T>(start: impl FnOnce() -> T) -> T {
    let _settings = Settings {
        pinned: affinity::unpin(),
        // Zero stands for what the thread began with (prctl(2)).
        slack: clock::set_timer_slack(0),
    };
    start()
}

/// Starts a thread of that name [`plainly`].
pub(crate) fn thread(
    name: impl Into<String>,
    main: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name(name.into());
    plainly(|| thread.spawn(main))
}

impl Drop for Settings {
    fn drop(&mut self) {
        clock::set_timer_slack(self.slack);
        if let Some(pinned) = self.pinned {
            // A pin is a wish; the set was valid a moment ago.
            let _ = affinity::pin_again(pinned);
        }
    }
}
