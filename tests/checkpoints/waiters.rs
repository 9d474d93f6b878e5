//! What waits for a reply, or for the other tasks.

use crate::table::Table;
use ringmill::correlation::{WaitError, Waiters};
use ringmill::test_util::{Sequencer, wait_all_blocked};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

pub async fn look_at(table: &Table) {
    replies(table).await;
    steps(table).await;
}

async fn replies(table: &Table) {
    let name = "correlation::waiter::Waiter";
    let waiters = Waiters::new();
    let replied = async || {
        let id = waiters.next_id();
        let waiter = waiters.register(id, HOUR).unwrap();
        waiters.reply(id, 7).unwrap();
        assert_eq!(waiter.await, Ok(7));
    };
    table.row(name, replied).await;
    let late = async || {
        let waiter = waiters.register(0, Duration::ZERO).unwrap();
        assert_eq!(waiter.await, Err(WaitError::TimedOut));
    };
    table.row(name, late).await;
    let waiter = waiters.register(0, HOUR).unwrap();
    let reply = || waiters.reply(0, 7).unwrap();
    table.waits(name, waiter, reply).await;
}

async fn steps(table: &Table) {
    let name = "test_util::sequencer::At";
    let sequence = Sequencer::new();
    let mut number = 0;
    let step = async || {
        drop(sequence.at(number).await.unwrap());
        number += 1;
    };
    table.row(name, step).await;
    let before = sequence.at(number).await.unwrap();
    let end = || drop(before);
    table.waits(name, sequence.at(number + 1), end).await;

    let name = "test_util::all_blocked::AllBlocked";
    table.row(name, async || wait_all_blocked().await).await;
    table.waits(name, wait_all_blocked(), || ()).await;
}
