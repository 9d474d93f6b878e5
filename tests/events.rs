//! Feature `tracing`: what is told on the standard error is an event, too.

mod kit;

use kit::child::alone;
use kit::driver::{apply, on_each_driver};
use kit::{build, builder, seccomp};
use ringmill::{Builder, DriverKind, Handle, Watchdog};
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Keeps the level and the fields of each event.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<(Level, String)>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?}; ").expect("a string takes it");
    }
}

impl Subscriber for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ringmill")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let kept = (*event.metadata().level(), fields.0);
        self.0.lock().unwrap().push(kept);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn falling_back_to_epoll_is_one_event_with_cause_and_remedy() {
    alone(
        "falling_back_to_epoll_is_one_event_with_cause_and_remedy",
        || {
            let kept = Kept::default();
            tracing::subscriber::set_global_default(kept.clone()).expect("the first");
            seccomp::deny(libc::SYS_io_uring_setup, libc::EACCES);
            for _ in 0..2 {
                let runtime = Builder::new().loops(1).build().expect("epoll does");
                assert_eq!(runtime.handle().driver().kind, DriverKind::Epoll);
            }
            let events = kept.0.lock().unwrap();
            assert_eq!(events.len(), 1, "{events:?}");
            let (level, fields) = &events[0];
            assert_eq!(*level, Level::WARN);
            for part in ["epoll", "io_uring_setup", "seccomp", "remedy="] {
                assert!(fields.contains(part), "{part} is missing in {fields}");
            }
        },
    );
}

#[apply(on_each_driver)]
fn a_loop_that_stalls_is_one_event_with_the_task() {
    alone("a_loop_that_stalls_is_one_event_with_the_task", || {
        let kept = Kept::default();
        tracing::subscriber::set_global_default(kept.clone()).expect("the first");
        let count = || kept.0.lock().unwrap().len();
        let runtime = build(builder(1).watchdog(Watchdog::default()));
        let line = line!() + 1;
        runtime.block_on(async {
            let stats = || Handle::current().stats()[0].clone();
            while count() == 0 {
                std::hint::spin_loop();
            }
            // It goes on for as long again.
            let longest = stats().longest_stall;
            while stats().longest_stall < 2 * longest {
                std::hint::spin_loop();
            }
        });
        let events = kept.0.lock().unwrap();
        assert_eq!(events.len(), 1, "{events:?}");
        let (level, fields) = &events[0];
        assert_eq!(*level, Level::WARN);
        let task = format!("task={}:{line}:", file!());
        for part in ["index=0", "ringmill-0", "millis=", &task] {
            assert!(fields.contains(part), "{part} is missing in {fields}");
        }
    });
}
