//! Timeouts, cancellations and replies come to those who wait in an order that the seed decides alone.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::{build, builder};
use ringmill::correlation::{UnclaimedReason, WaitError, Waiters};
use ringmill::scope::{CancelToken, move_on_after, scope};
use ringmill::test_util::MockClock;
use ringmill::time::{Instant, sleep};
use ringmill::{random, yield_now};
use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const RUNS: usize = 1_000;

const CALLERS: u64 = 12;

/// Calls of each caller.
const CALLS: u64 = 6;

/// When something happened, to whom, and what.
type Event = (u128, u64, String);

fn milliseconds(below: u64) -> Duration {
    Duration::from_millis(random::below(below))
}

/// Callers that register, wait, give up and are cancelled, and a server that answers late, twice, or
/// never.
fn trace(seed: u64) -> Vec<Event> {
    let clock = MockClock::autojump();
    let settings = builder(1).mock_clock(&clock).seed(seed).shuffle(true);
    let runtime = build(settings.ring_entries(64).buffer_pool(8, 256));
    let unclaimed = Arc::new(Mutex::new(Vec::<(u64, UnclaimedReason)>::new()));
    let waiters: Waiters<u64, u64> = Waiters::builder()
        .on_unclaimed({
            let unclaimed = unclaimed.clone();
            move |&id, _, reason| unclaimed.lock().unwrap().push((id, reason))
        })
        .build();
    let log = RefCell::new(Vec::new());
    runtime.block_on(async {
        let start = Instant::now();
        let note = |who, what: String| {
            let at = start.elapsed().as_nanos();
            log.borrow_mut().push((at, who, what));
        };
        let (note, waiters) = (&note, &waiters);
        let ended = scope(async |s| {
            for caller in 0..CALLERS {
                s.spawn(async move {
                    for _ in 0..CALLS {
                        let id = waiters.next_id();
                        let reply = waiters.register(id, milliseconds(20)).unwrap();
                        // The server: two answers to a quarter of the requests, none to another.
                        for _ in 0..random::below(4).saturating_sub(1) {
                            s.spawn(async move {
                                sleep(milliseconds(20)).await;
                                let taken = waiters.reply(id, id * 10);
                                note(id, format!("reply {taken:?}"));
                            });
                        }
                        let patience = milliseconds(30);
                        if random::below(5) == 0 {
                            let token = CancelToken::new();
                            let run = token.run(reply);
                            s.spawn(async move {
                                sleep(patience).await;
                                drop(token.cancel());
                            });
                            note(caller, format!("{id} cancellable: {:?}", run.await));
                        } else if random::below(5) == 0 {
                            s.spawn(async move {
                                sleep(patience).await;
                                note(id, format!("cancel {}", waiters.cancel(&id)));
                            });
                            note(caller, format!("{id}: {:?}", reply.await));
                        } else {
                            let ended = move_on_after(patience, reply).await;
                            note(caller, format!("{id} at most {patience:?}: {ended:?}"));
                        }
                        yield_now().await;
                    }
                });
            }
            Ok::<_, Infallible>(())
        });
        ended.await.unwrap();
        assert_eq!(waiters.stats().in_flight, 0);
    });
    let late = unclaimed.lock().unwrap().clone();
    let mut log = log.into_inner();
    log.extend(
        late.into_iter()
            .map(|(id, why)| (0, id, format!("{why:?}"))),
    );
    log
}

#[apply(on_each_driver)]
fn a_seed_gives_the_same_ends_in_the_same_order_a_thousand_times() {
    let first = trace(7);
    // All that can happen does.
    for what in [
        "Ok(Ok(",
        "reply Err(",
        &format!("Some(Err({:?}))", WaitError::TimedOut),
        &format!("{:?}", WaitError::Cancelled),
        "cancel true",
        "cancel false",
        "Late",
        "Duplicate",
        "None",
    ] {
        let found = first.iter().any(|(_, _, event)| event.contains(what));
        assert!(found, "no {what} in {first:#?}");
    }
    for run in 1..RUNS {
        assert_eq!(trace(7), first, "run {run}");
    }
    assert_ne!(trace(8), first);
}
