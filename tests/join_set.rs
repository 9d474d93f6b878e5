//! `JoinSet`, and futures by the many in one task: all of them, the first, the first that succeeds.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::wait::{soon, until};
use kit::{ON_PURPOSE, block_on, hush, runtime};
use ringmill::scope::{CancelScope, JoinSet, checkpoint, first_ok, join_all, move_on_after, race};
use ringmill::time::sleep;
use ringmill::{LoopRef, spawn, yield_now};
use std::collections::BTreeSet;
use std::future::{pending, ready};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

async fn turns(count: usize) -> usize {
    for _ in 0..count {
        yield_now().await;
    }
    count
}

#[apply(on_each_driver)]
fn results_come_in_the_order_of_the_ends() {
    block_on(async {
        let mut set: JoinSet<usize> = [40, 4, 20]
            .map(|count| spawn(turns(count)))
            .into_iter()
            .collect();
        set.spawn(turns(80));
        let pool = ringmill::blocking::spawn_blocking(|| 1000);
        set.spawn(async { pool.await.unwrap() });
        assert_eq!(set.len(), 5);
        let mut order = Vec::new();
        while let Some(ended) = soon("a result", set.join_next()).await {
            order.push(ended.unwrap());
        }
        let pool = order.iter().position(|&result| result == 1000).unwrap();
        order.remove(pool);
        assert_eq!(order, [4, 20, 40, 80]);
        assert!(set.is_empty() && set.join_next().await.is_none());
        // Empty, and then not.
        set.spawn(turns(3));
        assert_eq!(set.join_all().await.unwrap(), [3]);
    });
}

#[apply(on_each_driver)]
fn a_panic_is_the_result_of_its_task_alone() {
    hush();
    block_on(async {
        let mut set = JoinSet::new();
        set.spawn(async { panic!("{ON_PURPOSE}") });
        set.spawn(turns(3));
        let first = set.join_next().await.unwrap();
        assert!(first.unwrap_err().is_panic());
        assert_eq!(set.join_next().await.unwrap().unwrap(), 3);
    });
}

#[apply(on_each_driver)]
fn tasks_of_all_loops_are_in_one_set() {
    let runtime = runtime(2);
    let loops: Vec<LoopRef> = runtime.handle().loops().to_vec();
    runtime.block_on(async {
        let mut set = JoinSet::new();
        for i in 0..100 {
            match i % 3 {
                0 => set.spawn(turns(i)),
                1 => set.spawn_on(&loops[1], move || turns(i)),
                _ => set.spawn_anywhere(move || turns(i)),
            }
        }
        let all: BTreeSet<_> = soon("all", set.join_all())
            .await
            .unwrap()
            .into_iter()
            .collect();
        assert_eq!(all, (0..100).collect());
    });
}

#[apply(on_each_driver)]
fn a_set_that_is_dropped_aborts_its_tasks_and_shutdown_waits_for_it() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let dropped = Dropped::default();
    runtime.block_on(async {
        let fill = || {
            let mut set = JoinSet::new();
            for _ in 0..4 {
                let (here, there) = (dropped.guard(), dropped.guard());
                set.spawn(async move {
                    let _guard = here;
                    pending::<()>().await;
                });
                set.spawn_on(&other, move || async move {
                    let _guard = there;
                    pending::<()>().await;
                });
            }
            set
        };
        drop(fill());
        until("all drops", || dropped.count() == 8).await;
        let mut set = fill();
        yield_now().await;
        soon("the shutdown", set.shutdown()).await;
        assert_eq!((dropped.count(), set.len()), (16, 0));
        // A wait that is dropped loses nothing.
        let mut set = JoinSet::new();
        set.spawn(turns(20));
        for _ in 0..5 {
            assert!(
                move_on_after(Duration::ZERO, set.join_next())
                    .await
                    .is_none()
            );
        }
        assert_eq!(set.join_next().await.unwrap().unwrap(), 20);
        // What was let go runs on.
        let (sender, receiver) = ringmill::channel::oneshot::channel();
        set.spawn(async {
            let sent = turns(5).await;
            sender.send(sent).unwrap();
            sent
        });
        set.detach_all();
        assert!(set.is_empty());
        drop(set);
        assert_eq!(soon("its end", receiver).await, Ok(5));
    });
}

#[apply(on_each_driver)]
fn all_outputs_come_in_the_order_of_the_futures() {
    block_on(async {
        assert!(
            join_all(Vec::<std::future::Ready<()>>::new())
                .await
                .is_empty()
        );
        let all = join_all((0..1000).map(|i| turns((i * 7919) % 50))).await;
        let expected: Vec<_> = (0..1000).map(|i| (i * 7919) % 50).collect();
        assert_eq!(all, expected);
    });
}

#[apply(on_each_driver)]
fn the_first_wins_and_the_others_are_dropped() {
    block_on(async {
        let dropped = Dropped::default();
        let runner = |count| {
            let guard = dropped.guard();
            async move {
                let _guard = guard;
                turns(count).await
            }
        };
        assert_eq!(race([30, 3, 300].map(runner)).await, Some(3));
        assert_eq!(dropped.count(), 3);
        assert_eq!(race(Vec::<std::future::Ready<()>>::new()).await, None);
        let nobody = move_on_after(MS, race([sleep(Duration::from_secs(3600))])).await;
        assert_eq!(nobody, None);
        // In a scope that is cancelled nobody runs.
        let scope = CancelScope::new();
        let token = scope.token();
        let ended = scope.run(async {
            drop(token.cancel());
            race([runner(0)]).await
        });
        assert!(ended.await.is_err());
        assert_eq!(dropped.count(), 4);
    });
}

#[apply(on_each_driver)]
fn the_first_success_counts_or_else_all_errors_in_order() {
    block_on(async {
        let attempt = |(count, succeeds): (usize, bool)| async move {
            let count = turns(count).await;
            if succeeds { Ok(count) } else { Err(count) }
        };
        let some = first_ok([(1, false), (20, true), (10, true)].map(attempt)).await;
        assert_eq!(some, Ok(10));
        let none = first_ok([(20, false), (1, false), (10, false)].map(attempt)).await;
        assert_eq!(none, Err(vec![1, 10, 20]));
        assert_eq!(
            first_ok(Vec::<std::future::Ready<Result<(), ()>>>::new()).await,
            Err(vec![])
        );
        assert_eq!(first_ok([ready(Ok::<_, ()>(1)), ready(Ok(2))]).await, Ok(1));
        checkpoint().await;
    });
}
