//! Contexts and task-locals: those that run a future in one.

use crate::table::Table;
use ringmill::context::Context;
use ringmill::scope::checkpoint;
use ringmill::task_local;
use ringmill::time::sleep;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

task_local! {
    static NUMBER: u32;
}

/// They do nothing themselves, and are checkpoints where the future is one: what it shields goes on.
pub async fn look_at(table: &Table) {
    let name = "context::task_local::Scope";
    let one = async || NUMBER.scope(7, checkpoint()).await;
    table.row(name, one).await;
    table.waits(name, NUMBER.scope(7, sleep(HOUR)), || ()).await;

    let name = "context::attached::Attached";
    let attached = async || Context::current().attach(checkpoint()).await;
    table.row(name, attached).await;
    let waits = Context::current().attach(sleep(HOUR));
    table.waits(name, waits, || ()).await;
}
