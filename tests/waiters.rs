//! `Waiters`: every wait ends once, in one way; what nobody takes is told; nothing is left.

mod kit;

use futures_lite::{FutureExt, future};
use kit::driver::{apply, on_each_driver};
use kit::dropped::{Dropped, Guard};
use kit::random::Random;
use kit::wait::{here, soon, until};
use kit::{block_on, hush, runtime};
use ringmill::correlation::{UnclaimedReason, WaitError, Waiter, Waiters};
use ringmill::time::{Instant, sleep, timeout};
use ringmill::{spawn, yield_now};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_micros(300);

/// What a hook was shown.
type Shown = Arc<Mutex<Vec<(u64, UnclaimedReason)>>>;

fn observed(recent: usize) -> (Waiters<u64, u64>, Shown) {
    let shown = Shown::default();
    let log = shown.clone();
    let waiters = Waiters::builder()
        .recent(recent)
        .shards(1)
        .on_unclaimed(move |id, _, reason| log.lock().unwrap().push((*id, reason)))
        .build();
    (waiters, shown)
}

fn poll_once<V>(waiter: Pin<&mut Waiter<u64, V>>) -> Poll<Result<V, WaitError>> {
    waiter.poll(&mut Context::from_waker(Waker::noop()))
}

#[apply(on_each_driver)]
fn a_reply_reaches_who_waits_for_its_id() {
    block_on(async {
        let waiters = Waiters::<u64, String>::new();
        let tasks: Vec<_> = (0..100)
            .map(|id| {
                let waiter = waiters.register(id, HOUR).unwrap();
                spawn(async move { waiter.await.unwrap() })
            })
            .collect();
        yield_now().await;
        assert_eq!(waiters.stats().in_flight, 100);
        for id in (0..100).rev() {
            waiters.reply(id, format!("reply {id}")).unwrap();
        }
        for (id, task) in tasks.into_iter().enumerate() {
            assert_eq!(soon("a reply", task).await.unwrap(), format!("reply {id}"));
        }
        let stats = waiters.stats();
        assert_eq!((stats.in_flight, stats.replied), (0, 100));
    });
}

#[apply(on_each_driver)]
fn a_wait_ends_by_its_deadline_or_a_cancellation() {
    block_on(async {
        let (waiters, _) = observed(8);
        let began = Instant::now();
        let late = waiters.register(1, SHORT).unwrap();
        assert_eq!(late.await, Err(WaitError::TimedOut));
        assert!(began.elapsed() >= SHORT);
        let late = waiters.register_until(2, began).unwrap();
        assert_eq!(late.await, Err(WaitError::TimedOut));
        let waiter = waiters.register(3, HOUR).unwrap();
        let task = spawn(waiter);
        yield_now().await;
        assert!(waiters.cancel(&3) && !waiters.cancel(&3));
        let ended = soon("its end", task).await.unwrap();
        assert_eq!(ended, Err(WaitError::Cancelled));
        // The id is free at once.
        let again = waiters.register(3, HOUR).unwrap();
        waiters.reply(3, 33).unwrap();
        assert_eq!(again.await, Ok(33));
        let stats = waiters.stats();
        assert_eq!((stats.timed_out, stats.cancelled, stats.replied), (2, 1, 1));
    });
}

#[apply(on_each_driver)]
fn a_reply_that_has_come_wins_over_a_deadline_that_has_passed() {
    block_on(async {
        let (waiters, shown) = observed(8);
        let waiter = waiters.register(1, SHORT).unwrap();
        sleep(3 * SHORT).await;
        waiters.reply(1, 11).unwrap();
        assert_eq!(waiter.await, Ok(11));
        assert!(shown.lock().unwrap().is_empty());
    });
}

#[test]
fn an_id_has_one_waiter_at_a_time() {
    let (waiters, _) = observed(8);
    let first = waiters.register(1, HOUR).unwrap();
    assert_eq!(waiters.register(1, HOUR).unwrap_err().0, 1);
    drop(first);
    // Replied, and not looked at yet: the id is free, and each keeps its own.
    let mut first = pin!(waiters.register(1, HOUR).unwrap());
    waiters.reply(1, 10).unwrap();
    let mut second = pin!(waiters.register(1, HOUR).unwrap());
    waiters.reply(1, 20).unwrap();
    assert_eq!(poll_once(first.as_mut()), Poll::Ready(Ok(10)));
    assert_eq!(poll_once(second.as_mut()), Poll::Ready(Ok(20)));
    assert_eq!(waiters.next_id(), 1);
    assert_eq!(waiters.clone().next_id(), 2);
}

#[apply(on_each_driver)]
fn replies_that_nobody_takes_are_told_apart_and_come_back() {
    block_on(async {
        let (waiters, shown) = observed(100);
        let timed_out = waiters.register(1, Duration::ZERO).unwrap();
        timed_out.await.unwrap_err();
        drop(waiters.register(2, HOUR).unwrap());
        let cancelled = waiters.register(3, HOUR).unwrap();
        waiters.cancel(&3);
        let replied = waiters.register(4, HOUR).unwrap();
        waiters.reply(4, 0).unwrap();
        for (id, reason) in [
            (1, UnclaimedReason::Late),
            (2, UnclaimedReason::Late),
            (3, UnclaimedReason::Late),
            (4, UnclaimedReason::Duplicate),
            (5, UnclaimedReason::Unknown),
        ] {
            let error = waiters.reply(id, 100 + id).unwrap_err();
            assert_eq!((error.value, error.reason), (100 + id, reason));
            assert_eq!(shown.lock().unwrap().pop(), Some((id, reason)));
        }
        assert_eq!(replied.await, Ok(0));
        assert_eq!(cancelled.await, Err(WaitError::Cancelled));
        // A duplicate after it was taken as well.
        let error = waiters.reply(4, 0).unwrap_err();
        assert_eq!(error.reason, UnclaimedReason::Duplicate);
        // Dropped with the reply in it.
        let waiter = waiters.register(6, HOUR).unwrap();
        waiters.reply(6, 0).unwrap();
        shown.lock().unwrap().clear();
        drop(waiter);
        assert_eq!(*shown.lock().unwrap(), [(6, UnclaimedReason::Untaken)]);
        let stats = waiters.stats();
        let unclaimed = (stats.late, stats.duplicate, stats.unknown, stats.untaken);
        assert_eq!(unclaimed, (3, 2, 1, 1));
        assert_eq!((stats.replied, stats.dropped), (2, 1));
    });
}

#[test]
fn as_many_ended_ids_are_remembered_as_was_said() {
    let reason = |waiters: &Waiters<u64, u64>, id| waiters.reply(id, 0).unwrap_err().reason;
    let (waiters, _) = observed(3);
    for id in 0..5 {
        drop(waiters.register(id, HOUR).unwrap());
    }
    let reasons = [0, 1, 2, 3, 4].map(|id| reason(&waiters, id));
    let late = UnclaimedReason::Late;
    assert_eq!(reasons[..2], [UnclaimedReason::Unknown; 2]);
    assert_eq!(reasons[2..], [late; 3]);
    // One that ended again counts from then on.
    drop(waiters.register(2, HOUR).unwrap());
    drop(waiters.register(5, HOUR).unwrap());
    assert_eq!(reason(&waiters, 2), late);
    // One that waits again is not forgotten when its former end would be.
    let waiter = waiters.register(2, HOUR).unwrap();
    for id in 10..20 {
        drop(waiters.register(id, HOUR).unwrap());
    }
    assert!(waiters.register(2, HOUR).is_err());
    waiters.reply(2, 0).unwrap();
    drop(waiter);

    let (waiters, _) = observed(0);
    drop(waiters.register(1, HOUR).unwrap());
    assert_eq!(reason(&waiters, 1), UnclaimedReason::Unknown);
}

#[apply(on_each_driver)]
fn a_hook_that_panics_takes_nothing_down_and_may_use_the_registry() {
    hush();
    block_on(async {
        let waiters = Waiters::<u64, u64>::builder()
            .on_unclaimed(|_, _, _| panic!("{}", kit::ON_PURPOSE))
            .build();
        assert_eq!(waiters.reply(1, 11).unwrap_err().value, 11);
        let waiter = waiters.register(2, HOUR).unwrap();
        waiters.reply(2, 22).unwrap();
        drop(waiter);
        let waiter = waiters.register(3, HOUR).unwrap();
        waiters.reply(3, 33).unwrap();
        assert_eq!(soon("a reply", waiter).await, Ok(33));

        let slot: Arc<Mutex<Option<Waiters<u64, u64>>>> = Arc::default();
        let inner = slot.clone();
        let waiters = Waiters::builder().on_unclaimed(move |_, value, _| {
            let waiters = inner.lock().unwrap().take().unwrap();
            waiters.reply(1, *value).unwrap();
        });
        let waiters = waiters.build();
        *slot.lock().unwrap() = Some(waiters.clone());
        let waiter = waiters.register(1, HOUR).unwrap();
        waiters.reply(2, 22).unwrap_err();
        assert_eq!(waiter.await, Ok(22));
    });
}

#[apply(on_each_driver)]
fn a_registry_that_closes_wakes_in_the_order_of_registration() {
    block_on(async {
        for by_drop in [false, true] {
            let waiters = Waiters::<u64, u64>::new();
            let order = Arc::new(Mutex::new(Vec::new()));
            let mut random = Random::with_seed(7);
            let ids: Vec<u64> = (0..1000).map(|_| random.next()).collect();
            let tasks: Vec<_> = ids
                .iter()
                .map(|&id| {
                    let (waiter, order) = (waiters.register(id, HOUR).unwrap(), order.clone());
                    spawn(async move {
                        assert_eq!(waiter.await, Err(WaitError::Cancelled));
                        order.lock().unwrap().push(id);
                    })
                })
                .collect();
            yield_now().await;
            let unpolled = waiters.register(0, HOUR).unwrap();
            if by_drop {
                drop(waiters);
            } else {
                waiters.close();
                let refused = waiters.register(1, HOUR).unwrap();
                assert_eq!(refused.await, Err(WaitError::Cancelled));
                assert_eq!(waiters.stats().cancelled, 1002);
            }
            for task in tasks {
                soon("its end", task).await.unwrap();
            }
            assert_eq!(*order.lock().unwrap(), ids);
            assert_eq!(unpolled.await, Err(WaitError::Cancelled));
        }
    });
}

#[apply(on_each_driver)]
fn a_task_whose_replies_are_there_still_gives_the_others_a_turn() {
    block_on(async {
        let waiters = Waiters::<u64, u64>::new();
        let turns = Arc::new(AtomicUsize::new(0));
        let counts = turns.clone();
        let other = spawn(async move {
            loop {
                counts.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        for id in 0..10_000 {
            let waiter = waiters.register(id, HOUR).unwrap();
            waiters.reply(id, id).unwrap();
            assert_eq!(waiter.await, Ok(id));
        }
        assert!(turns.load(Ordering::Relaxed) >= 10_000 / 128 - 1);
        other.abort();
    });
}

/// Ids and replies that count themselves.
#[test]
fn nothing_is_left_of_waits_that_have_ended() {
    #[derive(Clone)]
    struct Id(u64, #[allow(dead_code, reason = "it is counted")] Arc<()>);

    impl PartialEq for Id {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }

    impl Eq for Id {}

    impl std::hash::Hash for Id {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    for recent in [0, 4] {
        let (ids, dropped) = (Arc::new(()), Dropped::default());
        let id = |number| Id(number, ids.clone());
        let waiters = Waiters::<Id, Guard>::builder()
            .recent(recent)
            .shards(1)
            .build();
        for number in 0..100 {
            let waiter = waiters.register(id(number), HOUR).unwrap();
            match number % 4 {
                0 => drop(waiter),
                1 => {
                    waiters.reply(id(number), dropped.guard()).unwrap();
                    drop(waiter);
                }
                2 => {
                    assert!(waiters.cancel(&id(number)));
                    drop(waiter);
                }
                _ => {
                    waiters.reply(id(number), dropped.guard()).unwrap();
                    assert!(here("the reply", waiter).is_ok());
                    let _ = waiters.reply(id(number), dropped.guard());
                }
            }
        }
        assert_eq!(waiters.stats().in_flight, 0);
        assert_eq!(dropped.count(), 75);
        // In the table and in the order of ends.
        assert_eq!(Arc::strong_count(&ids), 1 + 2 * recent);
        drop(waiters);
        assert_eq!(Arc::strong_count(&ids), 1);
    }
}

/// Replies from two loops and two plain threads, some of them twice, race with deadlines, cancellations
/// and drops. What each wait came to and what each reply came to must agree.
#[apply(on_each_driver)]
fn every_wait_ends_once_however_its_ends_race() {
    const ROUNDS: u64 = if cfg!(debug_assertions) { 60 } else { 200 };
    const WAITS: u64 = 200;
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let shown = Arc::new(AtomicU64::new(0));
    let counts = shown.clone();
    let waiters = Waiters::<u64, u64>::builder()
        .on_unclaimed(move |_, _, _| {
            counts.fetch_add(1, Ordering::Relaxed);
        })
        .recent(1 << 20)
        .build();
    let mut random = Random::seeded();
    let (mut replied, mut timed_out, mut cancelled, mut dropped) = (0, 0, 0, 0);
    let mut taken = 0;
    runtime.block_on(async {
        for round in 0..ROUNDS {
            let ids = round * WAITS..(round + 1) * WAITS;
            let mut tasks = Vec::new();
            for id in ids.clone() {
                let limit = Duration::from_micros(random.below(600));
                let waiter = waiters.register(id, limit).unwrap();
                let patience = Duration::from_micros(random.below(1200));
                // By the end of its patience the wait is dropped, sometimes with a reply in it.
                tasks.push(if random.once_in(2) {
                    spawn(async move { timeout(patience, waiter).await.ok() }.boxed_local())
                } else {
                    let leaves = async move {
                        sleep(patience).await;
                        None
                    };
                    let waits = async move { Some(waiter.await) };
                    spawn(future::or(leaves, waits).boxed_local())
                });
            }
            // Who brings what, in an order that is not that of the ids.
            let bring = |seed: u64, waiters: Waiters<u64, u64>| {
                let ids = ids.clone();
                move || {
                    let mut random = Random::with_seed(seed);
                    let (mut accepted, mut cancelled) = (0, 0);
                    for _ in 0..WAITS / 2 {
                        let id = ids.start + random.below(WAITS);
                        if random.once_in(8) {
                            cancelled += u64::from(waiters.cancel(&id));
                        } else {
                            accepted += u64::from(waiters.reply(id, id).is_ok());
                        }
                        if random.once_in(16) {
                            thread::yield_now();
                        }
                    }
                    (accepted, cancelled)
                }
            };
            let threads = [(); 2].map(|()| thread::spawn(bring(random.next(), waiters.clone())));
            let there = bring(random.next(), waiters.clone());
            let there = other.call(|| async move { there() });
            let bring_here = bring(random.next(), waiters.clone());
            let by_this = spawn(async move { bring_here() });
            let mut brought = vec![
                soon("the other loop", there).await.unwrap(),
                soon("this loop", by_this).await.unwrap(),
            ];
            for thread in threads {
                until("a thread", || thread.is_finished()).await;
                brought.push(thread.join().unwrap());
            }
            for (id, task) in ids.clone().zip(tasks) {
                match soon("an end", task).await.unwrap() {
                    Some(Ok(value)) => {
                        assert_eq!(value, id);
                        taken += 1;
                    }
                    Some(Err(WaitError::TimedOut)) => timed_out += 1,
                    Some(Err(WaitError::Cancelled)) => {}
                    None => dropped += 1,
                }
            }
            for (accepted, cancels) in brought {
                replied += accepted;
                cancelled += cancels;
            }
        }
    });
    let stats = waiters.stats();
    println!("{stats:?}");
    assert_eq!(stats.in_flight, 0);
    assert_eq!((stats.replied, stats.cancelled), (replied, cancelled));
    assert_eq!(stats.timed_out, timed_out);
    assert_eq!(stats.replied, taken + stats.untaken);
    let all = stats.replied + stats.timed_out + stats.cancelled + stats.dropped;
    assert_eq!(all, ROUNDS * WAITS);
    // Those that were dropped after another end had come count as that end.
    assert!(stats.dropped <= dropped && dropped <= stats.dropped + stats.untaken + cancelled);
    assert_eq!(stats.unknown, 0);
    let unclaimed = stats.late + stats.duplicate + stats.untaken;
    assert_eq!(shown.load(Ordering::Relaxed), unclaimed);
}

/// A million in flight at once, with every kind of end among them, and none is left.
#[apply(on_each_driver)]
fn a_million_waits_are_in_flight_and_none_is_left() {
    const WAITS: u64 = if cfg!(debug_assertions) {
        50_000
    } else {
        1_000_000
    };
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let waiters = Waiters::<u64, u64>::new();
    let registered = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let (theirs, counts) = (waiters.clone(), registered.clone());
        let waits = handle.for_each_loop(move |index| async move {
            let tasks: Vec<_> = (0..WAITS / 2)
                .map(|n| {
                    let id = 2 * n + index as u64;
                    let waiter = theirs.register(id, HOUR).unwrap();
                    spawn(async move { waiter.await.is_ok_and(|value| value == id) })
                })
                .collect();
            yield_now().await;
            counts.fetch_add(WAITS / 2, Ordering::SeqCst);
            let mut replied = 0;
            for task in tasks {
                replied += match task.await {
                    Ok(true) => 1,
                    Ok(false) | Err(_) => 0,
                };
            }
            replied
        });
        let waits = spawn(waits);
        until("all", || registered.load(Ordering::SeqCst) == WAITS).await;
        assert_eq!(waiters.stats().in_flight as u64, WAITS);
        // Half of the replies from a thread, half from another loop; every tenth never comes.
        let bring = |waiters: Waiters<u64, u64>, half: u64| {
            move || {
                for id in (half * WAITS / 2..(half + 1) * WAITS / 2).rev() {
                    if id % 10 == 0 {
                        assert!(waiters.cancel(&id));
                    } else {
                        waiters.reply(id, id).unwrap();
                    }
                }
            }
        };
        let thread = thread::spawn(bring(waiters.clone(), 0));
        let there = bring(waiters.clone(), 1);
        let there = handle.loops()[1].call(|| async move { there() });
        soon("the other half", there).await.unwrap();
        until("the thread", || thread.is_finished()).await;
        thread.join().unwrap();
        let replied: u64 = soon("all", waits).await.unwrap().unwrap().into_iter().sum();
        assert_eq!(replied, WAITS - WAITS / 10);
    });
    let stats = waiters.stats();
    assert_eq!(stats.in_flight, 0);
    assert_eq!(
        (stats.replied, stats.cancelled),
        (WAITS - WAITS / 10, WAITS / 10)
    );
    let timers: u64 = handle.stats().iter().map(|stats| stats.timers).sum();
    assert_eq!(timers, 0);
}
