//! Scopes: no child outlives its parent, no clean-up is skipped where it is not to be.

use super::gap;
use crate::cut::Cut;
use crate::kit::dropped::Dropped;
use crate::kit::wait::until;
use futures_lite::StreamExt;
use ringmill::scope::{
    CancelScope, CancelToken, JoinSet, Results, checkpoint, fail_after, fail_at, first_ok,
    join_all, move_on_after, move_on_at, race, scope, shield, with_cleanup,
};
use ringmill::time::Instant;
use ringmill::{Handle, spawn};
use std::cell::Cell;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_micros(100);

/// Waits, and counts when it is dropped.
async fn child(dropped: Dropped, number: u32) -> u32 {
    let _guard = dropped.guard();
    gap().await;
    number
}

fn children(dropped: &Dropped) -> [impl Future<Output = u32> + use<>; 3] {
    [0, 1, 2].map(|number| child(dropped.clone(), number))
}

pub async fn scoped(cut: Cut) {
    let dropped = Dropped::default();
    let there = dropped.clone();
    let handle = Handle::current();
    let opened = Cell::new(0);
    let ended = cut
        .at(scope(async |s| {
            let first = s.spawn(async {
                opened.set(opened.get() + 1);
                Ok::<_, ()>(child(dropped.clone(), 1).await)
            });
            opened.set(opened.get() + 1);
            let second = s.spawn_on(&handle.loops()[1], {
                let there = there.clone();
                move || async move { Ok::<_, ()>(child(there, 2).await) }
            });
            Ok(first.await.unwrap_or(0) + second.await.unwrap_or(0))
        }))
        .await;
    if let Some(ended) = ended {
        assert_eq!(ended.unwrap(), 3);
        assert_eq!(dropped.count(), 2);
    }
}

/// A child that was awaited and given up keeps its value.
pub async fn child_value(cut: Cut) {
    let ended = scope(async |s| {
        let mut value = s.spawn(async {
            gap().await;
            Ok::<_, ()>(7)
        });
        loop {
            if let Some(value) = cut.at(&mut value).await {
                return Ok(value.unwrap());
            }
        }
    });
    assert_eq!(ended.await.unwrap(), 7);
}

/// One whose start was given up is cancelled.
pub async fn start(cut: Cut) {
    let dropped = Dropped::default();
    let ended = scope(async |s| {
        let starting = s.start(async |ready: ringmill::scope::Ready<u32>| {
            let _guard = dropped.guard();
            gap().await;
            ready.set(7);
            Ok::<_, ()>(())
        });
        if let Some(ready) = cut.at(starting).await {
            assert_eq!(ready.unwrap(), 7);
        }
        Ok(())
    });
    ended.await.unwrap();
    assert!(dropped.count() <= 1);
}

pub async fn joining_all(cut: Cut) {
    let dropped = Dropped::default();
    let joined = cut.at(join_all(children(&dropped))).await;
    assert!(joined.is_none_or(|joined| joined == [0, 1, 2] && dropped.count() == 3));
}

pub async fn racing(cut: Cut) {
    let raced = cut.at(race(children(&Dropped::default()))).await;
    assert!(raced.is_none_or(|raced| raced.is_some()));
}

pub async fn first(cut: Cut) {
    let tries = [0, 1, 2].map(|number| async move {
        gap().await;
        if number == 2 { Ok(number) } else { Err(number) }
    });
    let first = cut.at(first_ok(tries)).await;
    assert!(first.is_none_or(|first| first == Ok(2)));
}

fn set(dropped: &Dropped) -> JoinSet<u32> {
    let mut set = JoinSet::new();
    for child in children(dropped) {
        set.spawn(child);
    }
    set
}

/// Every result comes, and comes once.
async fn results(next: impl AsyncFn(&mut JoinSet<u32>) -> Option<Option<u32>>) {
    let mut set = set(&Dropped::default());
    let mut sum = 0;
    while !set.is_empty() {
        if let Some(result) = next(&mut set).await {
            sum += 1 + result.unwrap();
        }
    }
    assert_eq!(sum, 6);
}

pub async fn join_next(cut: Cut) {
    results(async |set| Some(cut.at(set.join_next()).await?.map(Result::unwrap))).await;
}

pub async fn next(cut: Cut) {
    results(async |set| Some(cut.at(set.next()).await?.map(Result::unwrap))).await;
}

pub async fn set_join_all(cut: Cut) {
    let dropped = Dropped::default();
    let joined = cut.at(set(&dropped).join_all()).await;
    assert!(joined.is_none_or(|joined| joined.unwrap().len() == 3 && dropped.count() == 3));
}

pub async fn set_shutdown(cut: Cut) {
    let mut set = set(&Dropped::default());
    gap().await;
    cut.at(set.shutdown()).await;
}

pub async fn checking(cut: Cut) {
    cut.at(checkpoint()).await;
}

pub async fn cancelled(cut: Cut) {
    let token = CancelToken::new();
    let cancelling = spawn({
        let token = token.clone();
        async move {
            gap().await;
            token.cancel().await;
        }
    });
    while cut.at(token.cancelled()).await.is_none() {}
    assert!(token.is_cancelled());
    cancelling.await.unwrap();
}

/// The end of what was cancelled: a clean-up that takes its time.
pub async fn ended(cut: Cut) {
    let token = CancelToken::new();
    let clean = std::rc::Rc::new(Cell::new(false));
    let running = spawn(token.run({
        let clean = clean.clone();
        async move {
            with_cleanup(std::future::pending::<()>(), async || {
                gap().await;
                clean.set(true);
            })
            .await;
        }
    }));
    gap().await;
    if cut.at(token.cancel()).await.is_some() {
        assert!(clean.get());
    }
    assert!(running.await.unwrap().is_err());
    assert!(clean.get());
}

pub async fn run(cut: Cut) {
    let dropped = Dropped::default();
    let ran = cut
        .at(CancelScope::new().run(child(dropped.clone(), 7)))
        .await;
    assert!(ran.is_none_or(|ran| ran.unwrap() == 7));
    assert!(dropped.count() <= 1);
}

pub async fn moving_on_after(cut: Cut) {
    let moved = cut
        .at(move_on_after(SHORT, std::future::pending::<()>()))
        .await;
    assert!(moved.is_none_or(|moved| moved.is_none()));
    let moved = cut.at(move_on_after(LONG, gap())).await;
    assert!(moved.is_none_or(|moved| moved.is_some()));
}

pub async fn moving_on_at(cut: Cut) {
    let deadline = Instant::now() + SHORT;
    let moved = cut
        .at(move_on_at(deadline, std::future::pending::<()>()))
        .await;
    assert!(moved.is_none_or(|moved| moved.is_none()));
}

pub async fn failing_after(cut: Cut) {
    let failed = cut
        .at(fail_after(SHORT, std::future::pending::<()>()))
        .await;
    assert!(failed.is_none_or(|failed| failed.is_err()));
}

pub async fn failing_at(cut: Cut) {
    let deadline = Instant::now() + SHORT;
    let failed = cut
        .at(fail_at(deadline, std::future::pending::<()>()))
        .await;
    assert!(failed.is_none_or(|failed| failed.is_err()));
}

/// What is shielded comes to its end unless it is dropped.
pub async fn shielded(cut: Cut) {
    let dropped = Dropped::default();
    let ended = cut.at(shield(child(dropped.clone(), 7))).await;
    assert!(ended.is_none_or(|ended| ended == 7));
    assert!(dropped.count() <= 1);
}

pub async fn cleaning_up(cut: Cut) {
    let clean = Cell::new(false);
    let work = with_cleanup(gap(), async || {
        gap().await;
        clean.set(true);
    });
    if cut.at(work).await.is_some() {
        assert!(clean.get());
    }
}

/// An aborted one on another loop is dropped there.
pub async fn on_another_loop(cut: Cut) {
    let dropped = Dropped::default();
    let (here, there) = (dropped.clone(), dropped.clone());
    let handle = Handle::current();
    let mut set = JoinSet::new();
    set.spawn_on(&handle.loops()[1], move || child(there, 1));
    set.spawn(child(here, 2));
    while !set.is_empty() {
        cut.at(set.join_next()).await;
    }
    until("the drops", || dropped.count() <= 2).await;
}

/// The turn of one that gave up goes to the next, and its child does not start.
pub async fn limited_spawn(cut: Cut) {
    let started = Cell::new(0);
    let child = async || {
        started.set(started.get() + 1);
        gap().await;
    };
    let ended = scope(async |s| {
        let few = s.limited(1);
        let first = few.spawn(child()).await;
        let other = s.spawn({
            let few = few.clone();
            let next = child();
            async move { few.spawn(next).await.await.unwrap() }
        });
        let second = cut.at(few.spawn(child())).await;
        let expected = if second.is_some() { 3 } else { 2 };
        first.await.unwrap();
        other.await.unwrap();
        if let Some(second) = second {
            second.await.unwrap();
        }
        assert_eq!((started.get(), few.room()), (expected, 1));
        Ok::<_, ()>(())
    });
    ended.await.unwrap();
}

/// Every value comes, and comes once.
async fn values(next: impl AsyncFn(&mut Results<u32>) -> Option<Option<u32>>) {
    let ended = scope(async |s| {
        let dropped = Dropped::default();
        let child = |child| s.spawn(async { Ok::<_, ()>(child.await) });
        let mut results: Results<u32> = children(&dropped).into_iter().map(child).collect();
        let mut sum = 0;
        while !results.is_empty() {
            if let Some(result) = next(&mut results).await {
                sum += 1 + result.unwrap();
            }
        }
        Ok::<_, ()>(sum)
    });
    assert_eq!(ended.await.unwrap(), 6);
}

pub async fn results_next(cut: Cut) {
    values(async |results| Some(cut.at(results.next()).await?.map(Result::unwrap))).await;
}

pub async fn results_stream(cut: Cut) {
    values(async |results| {
        let next = StreamExt::next(results);
        Some(cut.at(next).await?.map(Result::unwrap))
    })
    .await;
}
