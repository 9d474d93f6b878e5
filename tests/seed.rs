//! The same seed gives the same run.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::{ON_PURPOSE, build, builder, child};
use ringmill::channel::mpsc;
use ringmill::test_util::MockClock;
use ringmill::time::{Instant, sleep, timeout};
use ringmill::{Runtime, random, spawn, yield_now};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

#[track_caller]
fn seeded(loops: usize, seed: u64) -> Runtime {
    build(builder(loops).seed(seed))
}

/// What a program does that takes its chances: tasks that sleep, talk, start others and give up.
fn trace(seed: u64, shuffle: bool) -> Vec<(u64, u32, u64)> {
    let clock = MockClock::autojump();
    let settings = builder(1).mock_clock(&clock).seed(seed).shuffle(shuffle);
    // Only what is small, as there are thousands of them.
    let runtime = build(settings.ring_entries(64).buffer_pool(8, 256));
    let log = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let start = Instant::now();
        let note = {
            let log = log.clone();
            move |task, what| {
                let at = start.elapsed().as_micros() as u64;
                log.borrow_mut().push((at, task, what));
            }
        };
        let (sender, mut receiver) = mpsc::channel(2);
        let tasks: Vec<_> = (0..8_u32)
            .map(|task| {
                let (note, sender) = (note.clone(), sender.clone());
                spawn(async move {
                    for _ in 0..4 {
                        let nap = Duration::from_millis(random::below(5));
                        let limit = Duration::from_millis(random::below(5));
                        let over = timeout(limit, sleep(nap)).await.is_err();
                        note(task, u64::from(over));
                        let child = spawn({
                            let note = note.clone();
                            async move {
                                yield_now().await;
                                note(100 + task, random::below(1_000));
                            }
                        });
                        if random::bool() {
                            child.await.unwrap();
                        }
                        sender.send(random::u64()).await.unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        while let Some(number) = receiver.recv().await {
            note(1_000, number);
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    log.take()
}

#[apply(on_each_driver)]
fn a_seed_gives_the_same_trace_a_thousand_times() {
    for shuffle in [false, true] {
        let first = trace(77, shuffle);
        assert!(first.len() >= 64);
        for run in 0..500 {
            assert_eq!(trace(77, shuffle), first, "run {run}");
        }
    }
}

#[apply(on_each_driver)]
fn other_seeds_give_other_traces() {
    let traces: HashSet<_> = (0..20).map(|seed| trace(seed, true)).collect();
    assert_eq!(traces.len(), 20);
}

/// The order in which ten tasks come to run that are ready at once.
fn order(seed: u64, shuffle: bool) -> Vec<u32> {
    let runtime = build(builder(1).seed(seed).shuffle(shuffle));
    let order = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let start = |number| {
            let order = order.clone();
            spawn(async move { order.borrow_mut().push(number) })
        };
        let tasks: Vec<_> = (0..10).map(start).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    order.take()
}

#[apply(on_each_driver)]
fn ready_tasks_run_in_their_order_or_in_one_drawn_by_lot() {
    let plain: Vec<u32> = (0..10).collect();
    assert_eq!(order(1, false), plain);
    let orders: HashSet<_> = (0..50).map(|seed| order(seed, true)).collect();
    assert!(orders.len() > 40, "{}", orders.len());
    for order in orders {
        let mut sorted = order.clone();
        sorted.sort();
        assert_eq!(sorted, plain);
    }
}

#[apply(on_each_driver)]
fn each_loop_has_numbers_of_its_own_from_the_seed() {
    let draw = |seed| {
        let runtime = seeded(2, seed);
        assert_eq!(runtime.handle().seed(), seed);
        let numbers = runtime.handle().for_each_loop(|_| async { random::u64() });
        runtime.block_on(numbers).unwrap()
    };
    let (first, second) = (draw(1), draw(2));
    assert_eq!((draw(1), draw(2)), (first.clone(), second.clone()));
    let all: HashSet<_> = first.into_iter().chain(second).collect();
    assert_eq!(all.len(), 4);
}

#[apply(on_each_driver)]
fn without_a_seed_runtimes_differ() {
    let draw = || {
        let runtime = kit::runtime(1);
        (
            runtime.handle().seed(),
            runtime.block_on(async { random::u64() }),
        )
    };
    // A seed in the environment is that of all.
    if std::env::var_os("RINGMILL_SEED").is_none() {
        assert_ne!(draw(), draw());
    }
}

#[apply(on_each_driver)]
fn numbers_are_in_their_ranges_and_shuffles_lose_nothing() {
    seeded(1, 5).block_on(async {
        let mut seen = [0; 6];
        for _ in 0..6_000 {
            seen[random::below(6) as usize] += 1;
            assert!((0.0..1.0).contains(&random::f64()));
        }
        assert!(
            seen.iter().all(|count| (800..1_200).contains(count)),
            "{seen:?}"
        );
        let mut numbers: Vec<_> = (0..100).collect();
        random::shuffle(&mut numbers);
        assert!(!numbers.is_sorted());
        numbers.sort();
        assert!(numbers.into_iter().eq(0..100));
        let mut bytes = [0; 100];
        random::fill(&mut bytes);
        assert!(bytes.iter().any(|byte| *byte != bytes[0]));
    });
    // And where there is no loop.
    assert!(random::below(1) == 0);
}

#[apply(on_each_driver)]
fn a_panic_tells_the_seed() {
    const NAME: &str = "a_panic_tells_the_seed";
    if child::is_child(NAME) {
        let runtime = build(builder(1).seed(4_711).shuffle(true));
        runtime.block_on(async { panic!("{ON_PURPOSE}") });
    } else {
        let ended = child::Running::start(NAME).finish();
        assert!(!ended.status.success());
        assert!(
            ended.output.contains("RINGMILL_SEED=4711"),
            "{}",
            ended.output
        );
    }
}

#[apply(on_each_driver)]
fn a_panic_tells_the_seed_that_nobody_chose_if_numbers_were_drawn() {
    const NAME: &str = "a_panic_tells_the_seed_that_nobody_chose_if_numbers_were_drawn";
    if child::is_child(NAME) {
        let runtime = build(builder(2));
        let draws = runtime.handle().loops()[1].call(|| async { random::u64() });
        runtime.block_on(async move {
            draws.await.unwrap();
            panic!("{ON_PURPOSE}")
        })
    } else {
        let ended = child::Running::start(NAME).finish();
        assert!(!ended.status.success());
        assert!(ended.output.contains("RINGMILL_SEED="), "{}", ended.output);
    }
}
