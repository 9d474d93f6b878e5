//! Loom models of the cancel tree: who runs, who cancels and who lets go, on threads of their own.
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib models`

use super::CancelReason;
use super::node::{Hold, Listener, Node, Running};
use loom::sync::Notify;
use loom::thread;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// A signal that a thread waits for.
struct Parked(Notify);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// Runs a future to its end; it is polled again only when it was woken.
fn block_on<F: Future>(future: F) -> F::Output {
    let parked = Arc::new(Parked(Notify::new()));
    let waker = Waker::from(parked.clone());
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => parked.0.wait(),
        }
    }
}

/// Runs under a node until it must end.
fn run_under(node: Arc<Node>) {
    let mut listener = Listener::new(node);
    block_on(poll_fn(|cx| {
        listener.listen(cx.waker());
        match listener.node().must_end() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }));
}

fn wait_until_quiet(node: &Node) {
    let mut key = None;
    block_on(poll_fn(|cx| match node.poll_quiet(&mut key, cx.waker()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    }));
    node.leave_quiet(key);
}

fn model(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn loom_who_runs_hears_of_the_end_of_a_node_above() {
    model(3, || {
        let root = Node::root();
        let above = root.clone();
        let cancel = thread::spawn(move || above.cancel(CancelReason::Requested));
        // Made before the cancel or after it.
        let node = Node::below(&root);
        run_under(node.clone());
        assert_eq!(node.reason(), Some(CancelReason::Requested));
        cancel.join().unwrap();
    });
}

#[test]
fn loom_the_last_hold_and_the_cancel_do_not_miss_each_other() {
    model(3, || {
        let root = Node::root();
        let node = Node::below(&root);
        let hold = Hold::on(&node);
        let release = thread::spawn(move || drop(hold));
        let above = root.clone();
        let cancel = thread::spawn(move || above.cancel(CancelReason::Requested));
        run_under(root);
        release.join().unwrap();
        cancel.join().unwrap();
    });
}

#[test]
fn loom_who_waits_for_quiet_hears_of_it() {
    model(3, || {
        let root = Node::root();
        let ends = [Node::below(&root), root.clone()].map(|node| {
            let running = Running::under(&node);
            thread::spawn(move || drop(running))
        });
        wait_until_quiet(&root);
        for end in ends {
            end.join().unwrap();
        }
        assert_eq!(root.remembered(), 0);
    });
}

#[test]
fn loom_a_node_below_two_ends_with_either() {
    model(3, || {
        let (first, second) = (Node::root(), Node::root());
        let above = second.clone();
        let cancel = thread::spawn(move || above.cancel(CancelReason::Requested));
        let node = Node::below_both(&first, &second);
        run_under(node);
        cancel.join().unwrap();
        assert_eq!(first.remembered() + second.remembered(), 0);
        assert!(!first.is_cancelled());
    });
}

#[test]
fn loom_deadlines_that_are_set_at_once_leave_the_earliest() {
    model(2, || {
        let root = Node::root();
        let node = Node::below(&root);
        let above = root.clone();
        let first = thread::spawn(move || above.set_deadline(2));
        let own = node.clone();
        let second = thread::spawn(move || own.set_deadline(3));
        let late = Node::below(&node);
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!(node.effective_deadline(), 2);
        assert_eq!(late.effective_deadline(), 2);
        root.set_deadline(5);
        assert_eq!(node.effective_deadline(), 3);
        assert_eq!(late.effective_deadline(), 3);
    });
}
