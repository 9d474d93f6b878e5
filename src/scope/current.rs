//! The cancel scope that the code of this thread runs in at the moment.

use super::node::{NEVER, Node};
use crate::task::budget::observe_cancellation;
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    static CURRENT: Cell<Option<Arc<Node>>> = const { Cell::new(None) };
}

/// Makes `node` the current scope until the guard is dropped; `None`: no scope at all.
pub(super) fn enter(node: Option<Arc<Node>>) -> Entered {
    Entered(replace(node))
}

pub(super) struct Entered(Option<Arc<Node>>);

impl Drop for Entered {
    fn drop(&mut self) {
        drop(replace(self.0.take()));
    }
}

fn replace(node: Option<Arc<Node>>) -> Option<Arc<Node>> {
    let observe: Option<fn() -> bool> = match node {
        Some(_) => Some(is_cancelled),
        None => None,
    };
    observe_cancellation(observe);
    CURRENT.replace(node)
}

/// The current scope's node, if there is a scope.
pub(super) fn current() -> Option<Arc<Node>> {
    look(|node| node.cloned())
}

/// Whether the current scope is cancelled: what every checkpoint asks.
pub(super) fn is_cancelled() -> bool {
    look(|node| node.is_some_and(|node| node.is_cancelled()))
}

/// The earliest deadline of all scopes around the caller.
pub(super) fn effective_deadline() -> u64 {
    look(|node| node.map_or(NEVER, |node| node.effective_deadline()))
}

fn look<R>(look: impl FnOnce(Option<&Arc<Node>>) -> R) -> R {
    let node = CURRENT.take();
    let result = look(node.as_ref());
    CURRENT.set(node);
    result
}
