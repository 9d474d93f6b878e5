//! The cancel scope that the code of this thread runs in at the moment.

use super::node::{NEVER, Node};
use crate::task::budget::{Observe, is_cancellable, observe_cancellation};
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    static CURRENT: Cell<Option<Arc<Node>>> = const { Cell::new(None) };
}

/// Makes `node` the current scope until the guard is dropped; `None`: no scope at all.
pub(super) fn enter(node: Option<Arc<Node>>) -> Entered {
    let observe: Observe = match node {
        Some(_) => Some(is_cancelled),
        None => None,
    };
    Entered {
        observed: observe_cancellation(observe),
        node: CURRENT.replace(node),
    }
}

/// What was current before.
pub(super) struct Entered {
    node: Option<Arc<Node>>,
    observed: Observe,
}

impl Drop for Entered {
    fn drop(&mut self) {
        observe_cancellation(self.observed);
        drop(CURRENT.replace(self.node.take()));
    }
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
    if !is_cancellable() {
        // The code is in a loop's run, which was begun in the scope and is no part of it.
        return look(None);
    }
    let node = CURRENT.take();
    let result = look(node.as_ref());
    CURRENT.set(node);
    result
}
