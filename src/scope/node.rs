//! [`Node`]: what a cancel scope is to the rest of the tree. Scopes, children and tokens are views
//! of one.
//!
//! 1. A node is cancelled once, and with it all below it, those that come later included.
//! 2. A *hold* on a node keeps it and all above it from being dropped before a section below has
//!    ended (a shield, a clean-up, a child on another loop). A node that is cancelled *must end*
//!    once there is no hold on it.
//! 3. Those who run under a node *listen*: whoever cancels it, or lets the last hold of a cancelled
//!    one go, wakes them. They leave their waker first and look at the node then, under its lock as
//!    it does, so that one of the two sees the other.

use super::CancelReason;
use crate::sys::contained;
use crate::sys::lock;
use slab::Slab;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::Waker;

/// No deadline.
pub(super) const NEVER: u64 = u64::MAX;

pub(super) struct Node {
    /// Written under the lock of `state`; read without by every checkpoint.
    cancelled: AtomicBool,
    /// Rule 2.
    holds: AtomicUsize,
    /// How many run under this node or one below it.
    running: AtomicUsize,
    /// Nanoseconds of the loop's clock.
    deadline: AtomicU64,
    parent: Option<Place>,
    state: Mutex<State>,
}

/// Where a node stands below its parent.
struct Place {
    parent: Arc<Node>,
    key: usize,
}

#[derive(Default)]
struct State {
    reason: Option<CancelReason>,
    children: Slab<Weak<Node>>,
    /// Rule 3.
    listeners: Slab<Waker>,
    /// Those who wait until nobody runs here.
    until_quiet: Vec<Waker>,
}

impl Node {
    /// The root of a tree of its own.
    pub(super) fn root() -> Arc<Node> {
        Arc::new(Node::new(None, State::default()))
    }

    /// A node below `parent`, if there is one.
    pub(super) fn below(parent: Option<&Arc<Node>>) -> Arc<Node> {
        let Some(parent) = parent else {
            return Node::root();
        };
        let mut above = lock(&parent.state);
        let reason = above.reason.clone();
        let entry = above.children.vacant_entry();
        let place = Place {
            parent: parent.clone(),
            key: entry.key(),
        };
        let state = State {
            reason,
            ..State::default()
        };
        let node = Arc::new(Node::new(Some(place), state));
        entry.insert(Arc::downgrade(&node));
        node
    }

    fn new(parent: Option<Place>, state: State) -> Node {
        Node {
            cancelled: AtomicBool::new(state.reason.is_some()),
            holds: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            deadline: AtomicU64::new(NEVER),
            parent,
            state: Mutex::new(state),
        }
    }

    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Rule 2.
    #[inline]
    pub(super) fn must_end(&self) -> bool {
        self.is_cancelled() && self.holds.load(Ordering::Acquire) == 0
    }

    /// Why it is cancelled, if it is.
    pub(super) fn reason(&self) -> Option<CancelReason> {
        lock(&self.state).reason.clone()
    }

    pub(super) fn deadline(&self) -> u64 {
        self.deadline.load(Ordering::Relaxed)
    }

    /// The earliest deadline of this node and those above it.
    pub(super) fn effective_deadline(&self) -> u64 {
        self.lineage().map(Node::deadline).min().unwrap_or(NEVER)
    }

    /// Those who run under the node are woken, so that they set their timers anew.
    pub(super) fn set_deadline(&self, deadline: u64) {
        self.deadline.store(deadline, Ordering::Relaxed);
        self.wake_listeners();
    }

    /// Cancels this node and all below it; nothing if it was before.
    pub(super) fn cancel(self: &Arc<Self>, reason: CancelReason) {
        let mut wakers = Vec::new();
        let mut below = Vec::new();
        self.end(&reason, &mut below, &mut wakers);
        // Not by recursion: a tree may be deeper than a stack.
        while let Some(node) = below.pop() {
            node.end(&reason, &mut below, &mut wakers);
        }
        for waker in wakers {
            contained(|| waker.wake());
        }
    }

    fn end(&self, reason: &CancelReason, below: &mut Vec<Arc<Node>>, wakers: &mut Vec<Waker>) {
        let mut state = lock(&self.state);
        if state.reason.is_some() {
            return;
        }
        state.reason = Some(reason.clone());
        self.cancelled.store(true, Ordering::Release);
        below.extend(state.children.iter().filter_map(|(_, c)| c.upgrade()));
        wakers.extend(state.listeners.iter().map(|(_, waker)| waker.clone()));
    }

    /// Whether nobody runs under this node. If somebody does, `waker` is woken when that ends.
    pub(super) fn poll_quiet(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = lock(&self.state);
        let quiet = self.running.load(Ordering::Acquire) == 0;
        if !quiet && !state.until_quiet.iter().any(|w| w.will_wake(&waker)) {
            state.until_quiet.push(waker);
        }
        quiet
    }

    /// This node and those above it.
    fn lineage(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(Some(self), |node| {
            node.parent.as_ref().map(|place| &*place.parent)
        })
    }

    fn wake_listeners(&self) {
        let wakers: Vec<Waker> = {
            let state = lock(&self.state);
            state.listeners.iter().map(|(_, w)| w.clone()).collect()
        };
        for waker in wakers {
            contained(|| waker.wake());
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(Place { parent, key }) = &self.parent {
            lock(&parent.state).children.remove(*key);
        }
    }
}

/// A hold on a node and all above it: rule 2.
pub(super) struct Hold(Arc<Node>);

impl Hold {
    pub(super) fn on(node: &Arc<Node>) -> Hold {
        for node in node.lineage() {
            node.holds.fetch_add(1, Ordering::AcqRel);
        }
        Hold(node.clone())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        for node in self.0.lineage() {
            if node.holds.fetch_sub(1, Ordering::AcqRel) == 1 && node.is_cancelled() {
                node.wake_listeners();
            }
        }
    }
}

/// Somebody who hears of a node's end: rule 3.
pub(super) struct Listener {
    node: Arc<Node>,
    /// The place in the node's table, and a copy of the waker that is there.
    place: Option<(usize, Waker)>,
}

impl Listener {
    pub(super) fn new(node: Arc<Node>) -> Listener {
        Listener { node, place: None }
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Leaves the waker, in place of the one before. The caller then looks at the node.
    #[inline]
    pub(super) fn listen(&mut self, waker: &Waker) {
        match &self.place {
            Some((_, known)) if known.will_wake(waker) => {}
            _ => self.replace(waker),
        }
    }

    #[cold]
    fn replace(&mut self, waker: &Waker) {
        let (left, kept) = (waker.clone(), waker.clone());
        let before = self.place.take();
        let mut state = lock(&self.node.state);
        let (key, old) = match &before {
            None => (state.listeners.insert(left), None),
            Some((key, _)) => {
                let old = std::mem::replace(&mut state.listeners[*key], left);
                (*key, Some(old))
            }
        };
        drop(state);
        self.place = Some((key, kept));
        // Not under the lock: a waker's drop is foreign code.
        drop((old, before));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some((key, kept)) = self.place.take() {
            let left = lock(&self.node.state).listeners.remove(key);
            drop((left, kept));
        }
    }
}

/// Somebody who runs under a node, and so under all above it.
pub(super) struct Running(Arc<Node>);

impl Running {
    pub(super) fn under(node: &Arc<Node>) -> Running {
        for node in node.lineage() {
            node.running.fetch_add(1, Ordering::AcqRel);
        }
        Running(node.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for node in self.0.lineage() {
            if node.running.fetch_sub(1, Ordering::AcqRel) == 1 {
                let wakers = std::mem::take(&mut lock(&node.state).until_quiet);
                for waker in wakers {
                    contained(|| waker.wake());
                }
            }
        }
    }
}
