//! What the cancel tree keeps: nothing of what has ended.

use super::node::Node;
use super::{CancelReason, CancelToken, scope};
use futures_util::future::poll_immediate;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

/// Polls a future a few times.
fn turn<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    futures_util::FutureExt::now_or_never(poll_immediate(future)).flatten()
}

#[test]
fn nodes_of_what_has_ended_are_forgotten() {
    let token = CancelToken::new();
    for _ in 0..100 {
        drop(token.child());
        assert_eq!(
            turn(pin!(token.run(async { 5 }))).and_then(Result::ok),
            Some(5)
        );
        assert!(turn(pin!(token.run(pending::<()>()))).is_none());
        assert!(turn(pin!(token.cancelled())).is_none());
    }
    assert_eq!(token.0.remembered(), 0);
    // Those who waited for the end, and went away.
    let mut held = Box::pin(token.run(super::shield(pending::<()>())));
    assert!(turn(held.as_mut()).is_none());
    let before = token.0.remembered();
    for _ in 0..100 {
        assert!(turn(pin!(token.cancel())).is_none());
    }
    assert_eq!(token.0.remembered(), before);
    drop(held);
    assert_eq!(token.0.remembered(), 0);
}

#[test]
fn a_scope_forgets_its_children() {
    let most = Cell::new(0);
    let mut opened = pin!(scope(async |s| {
        let node: Arc<Node> = s.token().0;
        for _ in 0..1_000 {
            for _ in 0..10 {
                drop(s.spawn(async {}));
            }
            while !s.is_empty() {
                crate::yield_now().await;
            }
            most.set(most.get().max(node.remembered()));
        }
        Ok::<_, Infallible>(())
    }));
    while turn(opened.as_mut()).is_none() {}
    assert!(most.get() < 20, "{}", most.get());
}

#[test]
fn the_ways_up_may_come_together_again() {
    let (root, other) = (Node::root(), Node::root());
    let mut node = Node::below(&root);
    for _ in 0..200 {
        let sideways = Node::below(&node);
        let run = Node::below_both(&Node::below(&node), &sideways);
        node = Node::below_both(&run, &other);
    }
    // Two to the power of 200 ways, each node but once.
    let hold = super::node::Hold::on(&node);
    other.cancel(CancelReason::Requested);
    assert!(node.is_cancelled() && !node.must_end() && !other.must_end());
    assert!(node.is_within(&root) && !root.is_within(&node));
    drop(hold);
    assert!(node.must_end());
    drop(node);
    assert_eq!(root.remembered() + other.remembered(), 0);
}
