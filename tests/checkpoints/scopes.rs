//! Scopes. Those that run a future are checkpoints where it is one.

use crate::table::{Table, next};
use ringmill::channel::oneshot;
use ringmill::scope::{
    CancelScope, CancelToken, JoinSet, NoValue, Results, checkpoint, fail_after, fail_at, first_ok,
    join_all, move_on_after, move_on_at, race, scope, shield, with_cleanup,
};
use ringmill::time::Instant;
use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

pub async fn look_at(table: &Table) {
    table
        .row("scope::checkpoint::checkpoint", async || checkpoint().await)
        .await;
    combined(table).await;
    bounded(table).await;
    children(table).await;
    sets(table).await;
    results(table).await;
    limited(table).await;
    tokens(table).await;
}

async fn combined(table: &Table) {
    let none: [std::future::Ready<Result<u32, u32>>; 0] = [];
    let all = async || assert!(join_all(none.clone()).await.is_empty());
    table.row("scope::combine::join_all", all).await;
    let first = async || assert!(race(none.clone()).await.is_none());
    table.row("scope::combine::race", first).await;
    let ok = async || assert!(first_ok(none.clone()).await.is_err());
    table.row("scope::combine::first_ok", ok).await;
}

async fn bounded(table: &Table) {
    let later = || Instant::now() + HOUR;
    let one = async || assert!(move_on_after(HOUR, checkpoint()).await.is_some());
    table.row("scope::cancel_scope::move_on_after", one).await;
    let one = async || assert!(move_on_at(later(), checkpoint()).await.is_some());
    table.row("scope::cancel_scope::move_on_at", one).await;
    let one = async || assert!(fail_after(HOUR, checkpoint()).await.is_ok());
    table.row("scope::cancel_scope::fail_after", one).await;
    let one = async || assert!(fail_at(later(), checkpoint()).await.is_ok());
    table.row("scope::cancel_scope::fail_at", one).await;
    let one = async || assert!(CancelScope::new().run(checkpoint()).await.is_ok());
    table.row("scope::run::Run", one).await;
    table.holds_out("scope::shield::Shield");
    table
        .repeats("scope::shield::Shield", async || shield(checkpoint()).await)
        .await;
    let cleaned = async || with_cleanup(checkpoint(), async || ()).await;
    table.row("scope::shield::with_cleanup", cleaned).await;
}

async fn children(table: &Table) {
    let empty = async || scope(async |_| Ok::<_, Infallible>(())).await.unwrap();
    table.row("scope::scope::scope", empty).await;
    scope(async |s| {
        let join = async || assert_eq!(s.spawn(async { Ok(7) }).await, Ok(7));
        table.row("scope::child::Child", join).await;
        let start = async || {
            let started = s.start(|ready| async move {
                ready.set(7);
                Ok(())
            });
            assert_eq!(started.await, Ok(7));
        };
        table.row("scope::scope::start", start).await;
        Ok::<_, NoValue>(())
    })
    .await
    .unwrap();
}

async fn sets(table: &Table) {
    let mut set = JoinSet::new();
    let name = "scope::join_set::join_next";
    let join = async || {
        set.spawn(async { 7 });
        assert_eq!(set.join_next().await.unwrap().unwrap(), 7);
    };
    table.row(name, join).await;
    while set.join_next().await.is_some() {}
    table
        .row(name, async || assert!(set.join_next().await.is_none()))
        .await;
    table
        .row("scope::join_set::JoinSet", async || {
            assert!(next(&mut set).await.is_none())
        })
        .await;
    table
        .row("scope::join_set::shutdown", async || set.shutdown().await)
        .await;
    let all = async || assert!(JoinSet::<()>::new().join_all().await.unwrap().is_empty());
    table.row("scope::join_set::join_all", all).await;
}

async fn results(table: &Table) {
    let name = "scope::results::next";
    let mut results = Results::new();
    table
        .row(name, async || {
            assert_eq!(results.next().await, None::<Result<u32, _>>)
        })
        .await;
    scope(async |s| {
        let joined = async || {
            results.push(s.spawn(async { Ok(7) }));
            assert_eq!(results.next().await, Some(Ok(7)));
        };
        table.row(name, joined).await;
        let stream = async || {
            results.push(s.spawn(async { Ok(7) }));
            assert_eq!(next(&mut results).await, Some(Ok(7)));
        };
        table.row("scope::results::Results", stream).await;
        while !results.is_empty() {
            assert_eq!(results.next().await, Some(Ok(7)));
        }
        let (tx, rx) = oneshot::channel();
        results.push(s.spawn(async { Ok(rx.await.unwrap()) }));
        let send = || tx.send(8).unwrap();
        table.waits(name, results.next(), send).await;
        assert_eq!(results.next().await, Some(Ok(8)));
        Ok::<_, NoValue>(())
    })
    .await
    .unwrap();
}

async fn limited(table: &Table) {
    let name = "scope::limited::spawn";
    let started = Cell::new(0);
    let child = async || {
        started.set(started.get() + 1);
        Ok::<_, NoValue>(())
    };
    scope(async |s| {
        let many = s.limited(2048);
        let start = async || drop(many.spawn(child()).await);
        table.refuses(name, start()).await;
        assert_eq!(many.room(), 2048);
        table.repeats(name, start).await;
        Ok::<_, NoValue>(())
    })
    .await
    .unwrap();
    started.set(0);
    scope(async |s| {
        let one = s.limited(1);
        let (tx, rx) = oneshot::channel();
        let first = one.spawn(async {
            rx.await.unwrap();
            Ok(())
        });
        let first = first.await;
        let make_room = || tx.send(()).unwrap();
        table.waits(name, one.spawn(child()), make_room).await;
        first.await.unwrap();
        assert_eq!(one.room(), 1);
        Ok::<_, NoValue>(())
    })
    .await
    .unwrap();
    assert_eq!(started.get(), 0);
}

async fn tokens(table: &Table) {
    let token = CancelToken::new();
    let cancel = || drop(token.cancel());
    let name = "scope::token::WaitCancelled";
    table.waits(name, token.cancelled(), cancel).await;
    table.row(name, async || token.cancelled().await).await;
    table
        .row("scope::token::Ended", async || token.cancel().await)
        .await;
}
