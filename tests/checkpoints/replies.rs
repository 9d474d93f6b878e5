//! Replies, contexts, limits, and what is for tests.

use crate::table::{Table, next};
use ringmill::context::Context;
use ringmill::correlation::Waiters;
use ringmill::scope::{NoValue, Results, checkpoint, scope};
use ringmill::test_util::{Sequencer, wait_all_blocked};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

ringmill::task_local!(static NUMBER: u32);

pub async fn look_at(table: &Table) {
    let waiters = Waiters::<u64, u32>::new();
    let replied = async || {
        let id = waiters.next_id();
        let waiter = waiters.register(id, HOUR).unwrap();
        waiters.reply(id, 7).unwrap();
        assert_eq!(waiter.await, Ok(7));
    };
    table.row("correlation::waiter::Waiter", replied).await;
    assert_eq!(waiters.stats().in_flight, 0);

    // They run a future, and are checkpoints where that is one.
    let inside = async || NUMBER.scope(7, checkpoint()).await;
    table.row("context::task_local::Scope", inside).await;
    let inside = async || Context::current().attach(checkpoint()).await;
    table.row("context::attached::Attached", inside).await;

    children(table).await;

    let sequencer = Sequencer::new();
    let mut number = 0;
    table
        .refuses("test_util::sequencer::At", Sequencer::new().at(0))
        .await;
    let step = async || {
        drop(sequencer.at(number).await.unwrap());
        number += 1;
    };
    table.repeats("test_util::sequencer::At", step).await;
    let name = "test_util::all_blocked::AllBlocked";
    table.row(name, async || wait_all_blocked().await).await;
}

async fn children(table: &Table) {
    scope(async |s| {
        let limited = s.limited(1);
        let spawn = async || {
            let child = limited.spawn(async { Ok(7) }).await;
            assert_eq!(child.await, Ok(7));
        };
        table.refuses("scope::limited::spawn", spawn()).await;
        assert_eq!(limited.room(), 1);
        table.repeats("scope::limited::spawn", spawn).await;
        let mut results = Results::new();
        let came = async || {
            results.push(s.spawn(async { Ok(7) }));
            assert_eq!(results.next().await, Some(Ok(7)));
        };
        table.row("scope::results::next", came).await;
        while results.next().await.is_some() {}
        let none = async || assert!(next(&mut results).await.is_none());
        table.row("scope::results::Results", none).await;
        Ok::<_, NoValue>(())
    })
    .await
    .unwrap();
}
