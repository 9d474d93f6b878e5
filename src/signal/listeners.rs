//! Who listens for which signal, and the thread that tells them.
//!
//! A signal's handler is there from its first listener's coming to its last one's going. What it
//! counts, one plain thread publishes to a `watch` channel of each signal, which wakes those who
//! wait, on whatever loop or runtime; so no loop has to listen on a descriptor.

use super::SignalKind;
use crate::channel::watch;
use crate::sys::signal::{self as sys, Caught};
use crate::sys::{inherit, lock};
use std::io;
use std::sync::Mutex;

static LISTENERS: Mutex<Listeners> = Mutex::new(Listeners {
    started: false,
    signals: [const { None }; sys::SIGNALS],
});

struct Listeners {
    /// Whether the thread runs. It does for ever: while nothing is caught it sleeps.
    started: bool,
    signals: [Option<Watched>; sys::SIGNALS],
}

/// A signal that was listened for at some time.
struct Watched {
    listeners: usize,
    /// How often the signal has come, as far as the thread knows.
    count: watch::Sender<u64>,
    /// As long as the handler is there: while there are listeners, and for ever if somebody has put
    /// another handler over it.
    caught: Option<Caught>,
}

impl Watched {
    fn new() -> Self {
        Watched {
            listeners: 0,
            count: watch::channel(0).0,
            caught: None,
        }
    }

    fn catch(&mut self, kind: SignalKind) -> io::Result<()> {
        match &mut self.caught {
            Some(caught) => caught.renew(),
            none => {
                *none = Some(Caught::new(kind.as_raw())?);
                Ok(())
            }
        }
    }
}

/// Registers a listener, who must [`leave`]. Gives it how often the signal has come before, and what
/// tells of more.
pub(super) fn join(kind: SignalKind) -> io::Result<(u64, watch::Receiver<u64>)> {
    kind.check()?;
    let mut all = lock(&LISTENERS);
    all.start()?;
    let watched = all.signals[kind.as_raw() as usize].get_or_insert_with(Watched::new);
    watched.catch(kind).map_err(|error| {
        let message = format!("{kind} cannot be listened for: {error}");
        io::Error::new(error.kind(), message)
    })?;
    watched.listeners += 1;
    // In this order: what comes between the two is not told, as it came before; what comes after
    // them is.
    let receiver = watched.count.subscribe();
    Ok((sys::caught(kind.as_raw()), receiver))
}

/// A listener goes. The last one gives the signal back.
pub(super) fn leave(kind: SignalKind) {
    let mut all = lock(&LISTENERS);
    if let Some(watched) = &mut all.signals[kind.as_raw() as usize] {
        watched.listeners -= 1;
        if watched.listeners == 0 {
            watched.caught = watched.caught.take().and_then(Caught::release);
        }
    }
}

impl Listeners {
    fn start(&mut self) -> io::Result<()> {
        if !self.started {
            inherit::thread("ringmill-signal", tell)?;
            self.started = true;
        }
        Ok(())
    }

    /// The signals that have come since they were last told of, and how often.
    fn news(&self) -> Vec<(watch::Sender<u64>, u64)> {
        let known = self.signals.iter().enumerate();
        known
            .filter_map(|(number, watched)| {
                let count = &watched.as_ref()?.count;
                let now = sys::caught(number as i32);
                (now != *count.borrow()).then(|| (count.clone(), now))
            })
            .collect()
    }
}

/// The thread. Wakers are called outside of the lock, and their panics stay where they arise.
fn tell() {
    loop {
        sys::wait();
        let news = lock(&LISTENERS).news();
        for (count, now) in news {
            count.send_modify(|count| *count = now);
        }
    }
}
