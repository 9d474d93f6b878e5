//! [`Node`]: what a cancel scope is to the rest of the tree. Scopes, children and tokens are views
//! of one.
//!
//! 1. A node is cancelled once, and with it all below it, those that come later included.
//! 2. A *hold* on a node keeps it and all above it from being dropped before a section below has
//!    ended (a shield, a clean-up, a child on another loop). A node that is cancelled *must end*
//!    once there is no hold on it. Who lets the last one go looks under the lock whether the node is
//!    cancelled, and who cancels it takes the lock too: so one of the two sees the other.
//! 3. Those who run under a node *listen*: whoever cancels it, changes its deadline, or lets the last
//!    hold of a cancelled one go, wakes them. They leave their waker first and look at the node
//!    then, under its lock as it does, so that one of the two sees the other.
//! 4. A node's *effective deadline* is the earliest of its own and those above it. Who sets one goes
//!    down the tree and reckons anew, each node under its lock and from what those above it have at
//!    that time; so whoever comes last to a node leaves what is true.
//! 5. A node stands below one other or below two: what runs under a token and inside a scope that
//!    is no part of the token's tree ends with either.

use super::CancelReason;
use crate::sys::atomics::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, lock};
use crate::sys::contained;
use crate::task::WaitList;
use slab::Slab;
use std::collections::HashSet;
use std::sync::{Arc, Weak};
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
    /// Rule 4, in nanoseconds of the loop's clock. Written under the lock.
    effective: AtomicU64,
    /// Rule 5. The first is empty at a root, the second nearly always.
    above: [Option<Place>; 2],
    state: Mutex<State>,
}

/// Where a node stands below another.
struct Place {
    parent: Arc<Node>,
    key: usize,
}

struct State {
    reason: Option<CancelReason>,
    /// Its own.
    deadline: u64,
    children: Slab<Weak<Node>>,
    /// Rule 3.
    listeners: WaitList,
    /// Those who wait until nobody runs here.
    until_quiet: WaitList,
}

impl Node {
    /// The root of a tree of its own.
    pub(super) fn root() -> Arc<Node> {
        Arc::new(Node::new([None, None], None, NEVER))
    }

    /// A node below `parent`.
    pub(super) fn below(parent: &Arc<Node>) -> Arc<Node> {
        Node::place(parent, None)
    }

    /// A node below `parent`, or the root of a tree.
    pub(super) fn below_any(parent: Option<&Arc<Node>>) -> Arc<Node> {
        parent.map_or_else(Node::root, Node::below)
    }

    /// A node below both: rule 5.
    pub(super) fn below_both(first: &Arc<Node>, second: &Arc<Node>) -> Arc<Node> {
        let key = lock(&second.state).children.insert(Weak::new());
        let place = Place {
            parent: second.clone(),
            key,
        };
        let node = Node::place(first, Some(place));
        // From here on the second's changes come down to it; those before are seen now.
        let reason = {
            let mut above = lock(&second.state);
            above.children[key] = Arc::downgrade(&node);
            above.reason.clone()
        };
        node.reckon(&lock(&node.state));
        if let Some(reason) = reason {
            node.cancel(reason);
        }
        node
    }

    fn place(parent: &Arc<Node>, second: Option<Place>) -> Arc<Node> {
        let mut above = lock(&parent.state);
        let reason = above.reason.clone();
        let effective = parent.effective.load(Ordering::Acquire);
        let entry = above.children.vacant_entry();
        let first = Place {
            parent: parent.clone(),
            key: entry.key(),
        };
        let node = Arc::new(Node::new([Some(first), second], reason, effective));
        entry.insert(Arc::downgrade(&node));
        node
    }

    fn new(above: [Option<Place>; 2], reason: Option<CancelReason>, effective: u64) -> Node {
        Node {
            cancelled: AtomicBool::new(reason.is_some()),
            holds: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            effective: AtomicU64::new(effective),
            above,
            state: Mutex::new(State {
                reason,
                deadline: NEVER,
                children: Slab::new(),
                listeners: WaitList::new(),
                until_quiet: WaitList::new(),
            }),
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

    /// The earliest deadline of this node and those above it.
    #[inline]
    pub(super) fn effective_deadline(&self) -> u64 {
        self.effective.load(Ordering::Acquire)
    }

    /// Those who run below are woken, so that they set their timers anew.
    pub(super) fn set_deadline(self: &Arc<Self>, deadline: u64) {
        lock(&self.state).deadline = deadline;
        self.descend(|node, state| node.reckon(state));
    }

    /// Rule 4. Whether it has changed.
    fn reckon(&self, state: &State) -> bool {
        let above = self.parents().map(|parent| parent.effective_deadline());
        let effective = above.fold(state.deadline, u64::min);
        self.effective.swap(effective, Ordering::AcqRel) != effective
    }

    /// Cancels those of this node and the ones above it whose deadlines have passed.
    #[cold]
    pub(super) fn expire(self: &Arc<Self>, now: u64) {
        let mut due = Vec::new();
        self.each_above(|node| {
            if lock(&node.state).deadline <= now {
                due.push(node.clone());
            }
        });
        for node in due {
            node.cancel(CancelReason::Deadline);
        }
    }

    /// Cancels this node and all below it; nothing if it was before.
    pub(super) fn cancel(self: &Arc<Self>, reason: CancelReason) {
        self.descend(|node, state| {
            let first = state.reason.is_none();
            if first {
                state.reason = Some(reason.clone());
                node.cancelled.store(true, Ordering::Release);
            }
            first
        });
    }

    /// Changes this node and those below it, under their locks, down to those where nothing is to
    /// change, and wakes who listens at the others. A tree may be deeper than a stack.
    fn descend(self: &Arc<Self>, mut change: impl FnMut(&Node, &mut State) -> bool) {
        let mut wakers = Vec::new();
        let mut below: Vec<Arc<Node>> = Vec::new();
        let mut visit = |node: &Node, below: &mut Vec<Arc<Node>>| {
            let mut state = lock(&node.state);
            if change(node, &mut state) {
                below.extend(state.children.iter().filter_map(|(_, c)| c.upgrade()));
                wakers.append(&mut state.listeners.wakers());
            }
        };
        visit(self, &mut below);
        while let Some(node) = below.pop() {
            visit(&node, &mut below);
        }
        wake(wakers);
    }

    /// Whether nobody runs under this node. If somebody does, `waker` is left in the place `key`, and
    /// is woken when that ends.
    pub(super) fn poll_quiet(&self, key: &mut Option<usize>, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = lock(&self.state);
        let quiet = self.running.load(Ordering::Acquire) == 0;
        let old = if quiet {
            state.until_quiet.leave(key.take())
        } else {
            state.until_quiet.enter(key, waker)
        };
        drop(state);
        drop(old);
        quiet
    }

    /// Gives the place of a [`poll_quiet`](Self::poll_quiet) up.
    pub(super) fn leave_quiet(&self, key: Option<usize>) {
        let old = lock(&self.state).until_quiet.leave(key);
        drop(old);
    }

    /// Whether this is `other`, or stands below it.
    pub(super) fn is_within(self: &Arc<Self>, other: &Arc<Node>) -> bool {
        let mut found = false;
        self.each_above(|node| found |= Arc::ptr_eq(node, other));
        found
    }

    fn parents(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.above.iter().flatten().map(|place| &place.parent)
    }

    /// Visits this node and all above it, each once.
    fn each_above(self: &Arc<Self>, mut visit: impl FnMut(&Arc<Node>)) {
        let mut node = self;
        loop {
            visit(node);
            match &node.above {
                [Some(place), None] => node = &place.parent,
                [None, _] => return,
                _ => return node.each_above_two(visit),
            }
        }
    }

    /// The ways up from two may come together again.
    #[cold]
    fn each_above_two(&self, mut visit: impl FnMut(&Arc<Node>)) {
        let mut seen = HashSet::new();
        let mut above: Vec<_> = self.parents().collect();
        while let Some(node) = above.pop() {
            if seen.insert(Arc::as_ptr(node)) {
                visit(node);
                above.extend(node.parents());
            }
        }
    }

    fn wake_listeners(&self) {
        let wakers = lock(&self.state).listeners.wakers();
        wake(wakers);
    }

    /// For tests: how much it remembers of others.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        let state = lock(&self.state);
        state.children.len() + state.listeners.wakers().len() + state.until_quiet.wakers().len()
    }
}

fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        contained(|| waker.wake());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Not by recursion: a tree may be deeper than a stack.
        let mut left = Vec::new();
        let mut places = self.above.each_mut().map(Option::take);
        loop {
            for Place { parent, key } in places.into_iter().flatten() {
                lock(&parent.state).children.remove(key);
                left.extend(Arc::into_inner(parent));
            }
            match left.pop() {
                Some(mut node) => places = node.above.each_mut().map(Option::take),
                None => return,
            }
        }
    }
}

/// A hold on a node and all above it: rule 2.
pub(super) struct Hold(Arc<Node>);

impl Hold {
    pub(super) fn on(node: &Arc<Node>) -> Hold {
        node.each_above(|node| {
            node.holds.fetch_add(1, Ordering::AcqRel);
        });
        Hold(node.clone())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.each_above(|node| {
            if node.holds.fetch_sub(1, Ordering::AcqRel) == 1 {
                let cancelled = lock(&node.state).reason.is_some();
                if cancelled {
                    node.wake_listeners();
                }
            }
        });
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
        let mut key = before.as_ref().map(|(key, _)| *key);
        let old = lock(&self.node.state).listeners.enter(&mut key, left);
        self.place = key.map(|key| (key, kept));
        // Not under the lock: a waker's drop is foreign code.
        drop((old, before));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some((key, kept)) = self.place.take() {
            let left = lock(&self.node.state).listeners.leave(Some(key));
            drop((left, kept));
        }
    }
}

/// Somebody who runs under a node, and so under all above it.
pub(super) struct Running(Arc<Node>);

impl Running {
    pub(super) fn under(node: &Arc<Node>) -> Running {
        node.each_above(|node| {
            node.running.fetch_add(1, Ordering::AcqRel);
        });
        Running(node.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.each_above(|node| {
            if node.running.fetch_sub(1, Ordering::AcqRel) == 1 {
                let wakers = lock(&node.state).until_quiet.wakers();
                wake(wakers);
            }
        });
    }
}
