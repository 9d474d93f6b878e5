//! Tasks that were made in a context: it is current while the future is polled or dropped, and ends
//! with it, whoever still holds the task.

use super::*;
use crate::context::{Context as Values, TaskLocal};

static NAME: TaskLocal<&'static str> = TaskLocal::new("NAME");
static GUARD: TaskLocal<DropGuard> = TaskLocal::new("GUARD");

fn named(name: &'static str) -> Values {
    Values::empty().with(&NAME, name)
}

fn name() -> Option<&'static str> {
    NAME.try_get().ok()
}

/// Leaves the name that it is dropped under.
struct Epitaph(Rc<Cell<Option<&'static str>>>);

impl Drop for Epitaph {
    fn drop(&mut self) {
        self.0.set(name());
    }
}

#[test]
fn each_task_runs_and_ends_in_its_own_context() {
    let on = Loop::new();
    let plain = on.spawn(async { name() });
    let ada = named("ada").run(|| on.spawn(async { name() }));
    let probe = Probe::default();
    let left = Rc::new(Cell::new(None));
    let epitaph = Epitaph(left.clone());
    let waits = probe.future();
    let eve = named("eve").run(|| {
        on.spawn(async move {
            let _epitaph = epitaph;
            waits.await;
        })
    });
    assert_eq!(on.run(), [Ran::Complete, Ran::Complete, Ran::Pending]);
    assert_eq!(output(plain).unwrap(), None);
    assert_eq!(output(ada).unwrap(), Some("ada"));
    eve.abort();
    named("another").run(|| assert_eq!(on.run(), [Ran::Complete]));
    assert_eq!(left.get(), Some("eve"));
    assert!(output(eve).unwrap_err().is_cancelled());
    assert_eq!(name(), None);
}

#[test]
fn an_owner_that_closes_drops_each_future_in_its_own_context() {
    let on = Loop::new();
    let probe = Probe::default();
    let (plain, eve) = (Rc::new(Cell::new(Some("none"))), Rc::new(Cell::new(None)));
    let future = |left: &Rc<Cell<_>>| {
        let (epitaph, waits) = (Epitaph(left.clone()), probe.future());
        async move {
            let _epitaph = epitaph;
            waits.await;
        }
    };
    drop(on.spawn(future(&plain)));
    named("eve").run(|| drop(on.spawn(future(&eve))));
    named("another").run(|| on.tasks.close());
    assert_eq!((plain.get(), eve.get()), (None, Some("eve")));
}

#[test]
fn a_context_ends_with_the_future_and_not_with_the_task() {
    let on = Loop::new();
    let (drops, probe) = (Drops::default(), Probe::default());
    let context = Values::empty().with(&GUARD, drops.guard());
    let task = context.run(|| on.spawn(probe.future()));
    drop(context);
    assert_eq!(on.run(), [Ran::Pending]);
    let waker = probe.waker();
    assert_eq!(drops.count(), 0);
    task.abort();
    assert_eq!(on.run(), [Ran::Complete]);
    assert_eq!(drops.count(), 1);
    drop(task);
    drop(on);
    waker.wake();
}

#[test]
fn a_task_for_another_loop_takes_its_context_along() {
    let on = Loop::new();
    let drops = Drops::default();
    let context = named("ada").with(&GUARD, drops.guard());
    let make = |shared: &Arc<Shared>| {
        let to = ToInbox(shared.clone());
        context.run(|| remote(|| async { name() }, to, Location::caller()))
    };
    let shared = on.shared.clone();
    thread::scope(|scope| {
        let sends = || {
            let (entry, handle) = make(&shared);
            let _: Pushed = shared.push(entry);
            handle
        };
        let handle = scope.spawn(sends).join().unwrap();
        on.run_until(|| handle.is_finished());
        assert_eq!(output(handle).unwrap(), Some("ada"));
    });
    // One that is never run.
    let (entry, handle) = make(&shared);
    drop(entry);
    assert!(output(handle).unwrap_err().is_cancelled());
    assert_eq!(drops.count(), 0);
    drop(context);
    assert_eq!(drops.count(), 1);
}
