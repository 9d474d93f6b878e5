//! Checkpoints: each asynchronous operation of the crate gives others a turn when its task's own is
//! up, and where it is cancelled it does not happen.
//!
//! The table is complete: an operation that is in the sources and not here fails the test. To add
//! one, see [`table::Table::row`].

mod by_pool;
mod channels;
mod contexts;
mod files;
mod http;
#[path = "../kit/mod.rs"]
mod kit;
mod net;
mod operations;
mod pipes;
mod scopes;
#[path = "../source/mod.rs"]
#[allow(dead_code, reason = "it is for the house rules")]
mod source;
mod sync;
mod table;
mod time;
mod turns;
mod waiters;

use kit::block_on;
use kit::driver::{apply, on_each_driver};
use table::Table;

#[apply(on_each_driver)]
fn every_operation_yields_and_does_not_happen_where_it_is_cancelled() {
    block_on(async {
        let table = Table::default();
        channels::look_at(&table).await;
        time::look_at(&table).await;
        by_pool::look_at(&table).await;
        net::look_at(&table).await;
        pipes::look_at(&table).await;
        files::look_at(&table).await;
        scopes::look_at(&table).await;
        sync::look_at(&table).await;
        contexts::look_at(&table).await;
        waiters::look_at(&table).await;
        http::look_at(&table).await;
        table.assert_is(&operations::in_the_sources());
    });
}
