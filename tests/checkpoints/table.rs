//! The table of operations, and what each of them has to do.

use crate::kit::wait::soon;
use ringmill::scope::{CancelScope, shield};
use ringmill::{LoopRef, assert_checkpoints, spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// How often the loop goes round, with what was submitted to the kernel, while something is looked at
/// that must not end.
const TICKS: u64 = 4;

/// How often something may be done in a row before another task had its turn: two budgets and some. The
/// task may have been woken before the other one was spawned, and so have a turn before it.
const IN_A_ROW: u32 = 300;

/// The operations that were looked at, by their places in the sources.
#[derive(Default)]
pub struct Table {
    refused: RefCell<BTreeSet<String>>,
    done: RefCell<BTreeSet<String>>,
}

impl Table {
    /// An operation that can be repeated: what `operation` awaits is it alone, and it checks what came
    /// of it.
    pub async fn row(&self, name: &str, mut operation: impl AsyncFnMut()) {
        self.refuses(name, operation()).await;
        self.repeats(name, operation).await;
    }

    /// One that cannot, or has to wait for what is made ready only afterwards.
    pub async fn waiting_row<F: Future>(
        &self,
        name: &str,
        mut operation: impl FnMut() -> F,
        make_ready: impl FnOnce(),
    ) {
        self.refuses(name, operation()).await;
        self.waits(name, operation(), make_ready).await;
    }

    /// In a scope that is cancelled before it begins, control does not come back, however often it
    /// is polled.
    pub async fn refuses(&self, name: &str, operation: impl Future) {
        println!("{name} in a scope that is cancelled");
        self.refused.borrow_mut().insert(name.to_owned());
        let scope = CancelScope::new();
        drop(scope.token().cancel());
        let inside = held(name, operation);
        let ended = soon(name, scope.run(inside)).await;
        assert!(ended.is_err(), "{name}");
    }

    /// One that is there to go on where it is cancelled.
    pub fn holds_out(&self, name: &str) {
        self.refused.borrow_mut().insert(name.to_owned());
    }

    /// Where it is ready, or comes to be by itself: it is a checkpoint each time it is polled, and lets
    /// others have their turns.
    pub async fn repeats(&self, name: &str, mut operation: impl AsyncFnMut()) {
        println!("{name} again and again");
        self.done.borrow_mut().insert(name.to_owned());
        let had_its_turn = Rc::new(Cell::new(false));
        let tell = had_its_turn.clone();
        let other = spawn(async move { tell.set(true) });
        let mut in_a_row = 0;
        while !had_its_turn.get() || in_a_row < 2 {
            assert!(in_a_row < IN_A_ROW, "{name} lets nobody else run");
            soon(name, checked(operation())).await;
            in_a_row += 1;
        }
        other.await.unwrap();
    }

    /// Where it has to wait: it is a checkpoint, and if it is cancelled meanwhile control does not come
    /// back, also if what it waited for comes.
    pub async fn waits(&self, name: &str, operation: impl Future, make_ready: impl FnOnce()) {
        println!("{name} is cancelled while it waits");
        self.done.borrow_mut().insert(name.to_owned());
        let scope = CancelScope::new();
        let token = scope.token();
        let inside = async {
            let mut operation = pin!(operation);
            // So that it waits for what it waits for, and not for its turn.
            for _ in 0..3 {
                poll_fn(|cx| {
                    let polled = assert_checkpoints!(operation.as_mut().poll(cx));
                    assert!(polled.is_pending(), "{name} does not wait");
                    Poll::Ready(())
                })
                .await;
                yield_now().await;
            }
            drop(token.cancel());
            make_ready();
            held(name, operation).await;
        };
        let ended = soon(name, scope.run(inside)).await;
        assert!(ended.is_err(), "{name}");
    }

    /// Both kinds of looks were had at these, and at no others.
    pub fn assert_is(&self, operations: &BTreeSet<String>) {
        for (what, looked) in [("refused", &self.refused), ("done", &self.done)] {
            let looked = looked.borrow();
            let missing: Vec<_> = operations.difference(&looked).collect();
            assert!(missing.is_empty(), "never {what}: {missing:#?}");
            let unknown: Vec<_> = looked.difference(operations).collect();
            assert!(
                unknown.is_empty(),
                "not in the sources any more: {unknown:#?}"
            );
        }
    }
}

/// Polls an operation all the time in a scope that is cancelled, and that something shielded keeps
/// from dropping it for a while.
async fn held(name: &str, operation: impl Future) {
    let mut operation = pin!(operation);
    let mut shielded = pin!(shield(async {
        let here = LoopRef::current().expect("a loop");
        let until = here.stats().ticks + TICKS;
        while here.stats().ticks < until {
            yield_now().await;
        }
    }));
    poll_fn(|cx| {
        let polled = operation.as_mut().poll(cx);
        assert!(polled.is_pending(), "{name} ends though it is cancelled");
        shielded.as_mut().poll(cx)
    })
    .await;
    pending().await
}

/// Asserts at each poll that it is a checkpoint.
fn checked<F: Future>(operation: F) -> impl Future<Output = F::Output> {
    let mut operation = Box::pin(operation);
    poll_fn(move |cx| assert_checkpoints!(operation.as_mut().poll(cx)))
}

/// The next item of a stream.
pub async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx: &mut Context<'_>| Pin::new(&mut *stream).poll_next(cx)).await
}
