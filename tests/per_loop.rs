//! Loops as addresses: calls to another loop, and a value on each.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::wait::{eventually, soon, until};
use kit::{hush, runtime};
use ringmill::{LoopRef, PerLoop, yield_now};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

#[apply(on_each_driver)]
fn a_call_is_answered_by_the_loop_that_was_asked() {
    let runtime = runtime(3);
    let loops = runtime.handle().loops().to_vec();
    runtime.block_on(async {
        for index in [1, 2, 0, 2] {
            let call = loops[index].call(move || async move {
                yield_now().await;
                LoopRef::current().unwrap().index()
            });
            assert_eq!(soon("an answer", call).await.unwrap(), index);
        }
    });
}

#[apply(on_each_driver)]
fn a_call_that_is_dropped_ends_what_it_began() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let dropped = Dropped::default();
    runtime.block_on(async {
        let (begun, has_begun) = mpsc::channel();
        let guard = dropped.guard();
        let call = other.call(move || async move {
            let _guard = guard;
            begun.send(()).unwrap();
            pending::<()>().await;
        });
        until("the call", || has_begun.try_recv().is_ok()).await;
        assert_eq!(dropped.count(), 0);
        drop(call);
        until("its end", || dropped.count() == 1).await;
    });
}

#[apply(on_each_driver)]
fn calls_to_a_loop_that_ends_or_has_ended_fail() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let (begun, has_begun) = mpsc::channel();
    let waiting = other.call(move || async move {
        begun.send(()).unwrap();
        pending::<()>().await;
    });
    has_begun.recv().unwrap();
    drop(runtime);
    let late = other.call(|| async { 1 });
    let error = kit::wait::here("the answer", waiting).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    let error = kit::wait::here("the answer", late).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

#[apply(on_each_driver)]
fn all_loops_are_asked_at_once_and_answer_in_their_order() {
    let runtime = runtime(3);
    let handle = runtime.handle().clone();
    runtime.block_on(async move {
        // The first loop's answer needs the last one's future to have begun.
        let (sender, receiver) = ringmill::channel::watch::channel(0);
        let answers = handle.for_each_loop(move |index| async move {
            if index == 2 {
                sender.send(1).unwrap();
            }
            let mut receiver = receiver;
            receiver.wait_for(|begun| *begun == 1).await.unwrap();
            (index, LoopRef::current().unwrap().index())
        });
        let answers = soon("the answers", answers).await.unwrap();
        assert_eq!(answers, [(0, 0), (1, 1), (2, 2)]);
    });
}

#[apply(on_each_driver)]
fn a_panic_on_one_loop_ends_what_runs_on_the_others() {
    hush();
    let runtime = runtime(3);
    let handle = runtime.handle().clone();
    let dropped = Dropped::default();
    let guards = dropped.clone();
    runtime.block_on(async {
        // None is cancelled before it has begun.
        let all_begin = Arc::new(Barrier::new(3));
        let answers = handle.for_each_loop(move |index| async move {
            let _guard = guards.guard();
            all_begin.wait();
            assert_ne!(index, 0, "{}", kit::ON_PURPOSE);
            pending::<()>().await;
        });
        let error = soon("an error", answers).await.unwrap_err();
        assert!(error.is_panic(), "{error}");
        until("their ends", || dropped.count() == 3).await;
        // The same by dropping it.
        let (guards, begun) = (dropped.clone(), Arc::new(AtomicUsize::new(0)));
        let begins = begun.clone();
        let answers = handle.for_each_loop(move |_| async move {
            let _guard = guards.guard();
            begins.fetch_add(1, Ordering::SeqCst);
            pending::<()>().await;
        });
        until("their beginnings", || begun.load(Ordering::SeqCst) == 3).await;
        drop(answers);
        until("their ends", || dropped.count() == 6).await;
    });
}

#[apply(on_each_driver)]
fn each_loop_has_its_own_value_and_calls_reach_the_others() {
    let runtime = runtime(3);
    let handle = runtime.handle().clone();
    runtime.block_on(async move {
        // Neither `Send` nor `Sync`.
        let shards = PerLoop::new(&handle, |index| Rc::new(RefCell::new(vec![index])));
        let shards = soon("the values", shards).await.unwrap();
        assert_eq!(shards.loops(), 3);
        for index in 0..3 {
            for n in 0..10 {
                let len = shards.call_on(index, move |shard| async move {
                    yield_now().await;
                    shard.borrow_mut().push(n);
                    shard.borrow().len()
                });
                assert_eq!(soon("an answer", len).await.unwrap(), n + 2);
            }
        }
        shards.with(|shard| assert_eq!(shard.borrow().len(), 11));
        for (index, first) in shards
            .spawn_on_each(|index, shard| async move { (index, shard.borrow()[0]) })
            .into_iter()
            .enumerate()
        {
            assert_eq!(soon("a value", first).await.unwrap(), (index, index));
        }
    });
}

#[apply(on_each_driver)]
fn values_are_dropped_on_their_loops_with_the_last_handle() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let dropped = Dropped::default();
    let makes = dropped.clone();
    let first = runtime.block_on(async move {
        let here = thread::current().id();
        let values = PerLoop::new(&handle, move |_| (makes.guard(), thread::current().id()));
        let values = soon("the values", values).await.unwrap();
        let clone = values.clone();
        drop(values);
        assert_eq!(clone.with(|value| value.1), here);
        // From a thread that is no loop.
        thread::spawn(move || drop(clone)).join().unwrap();
        here
    });
    let counted = dropped.clone();
    runtime.block_on(until("the drops", || counted.count() == 2));
    assert!(dropped.by().is_some());
    assert_eq!(first, thread::current().id());
}

#[apply(on_each_driver)]
fn values_that_outlive_their_runtime_are_dropped_with_it() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let dropped = Dropped::default();
    let makes = dropped.clone();
    let values = runtime.block_on(async move {
        let values = PerLoop::new(&handle, move |_| makes.guard());
        soon("the values", values).await.unwrap()
    });
    drop(runtime);
    eventually("the drops", || dropped.count() == 2);
    drop(values);
}

#[apply(on_each_driver)]
fn a_value_that_cannot_be_made_is_an_error_and_leaves_none() {
    hush();
    let runtime = runtime(3);
    let handle = runtime.handle().clone();
    let dropped = Dropped::default();
    let makes = dropped.clone();
    let counted = dropped.clone();
    runtime.block_on(async move {
        // None is cancelled before it has begun.
        let all_begin = Arc::new(Barrier::new(3));
        let made = PerLoop::new(&handle, move |index| {
            all_begin.wait();
            assert!(index != 1, "{}", kit::ON_PURPOSE);
            makes.guard()
        });
        let error = soon("the values", made).await.unwrap_err();
        assert!(error.is_panic(), "{error}");
        until("the drops", || counted.count() == 2).await;
    });
}

#[apply(on_each_driver)]
fn a_value_is_not_to_be_had_elsewhere() {
    hush();
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    let values = runtime.block_on(async move {
        let values = PerLoop::new(&handle, |_| Cell::new(1));
        soon("the values", values).await.unwrap()
    });
    let outside = catch_unwind(AssertUnwindSafe(|| values.with(Cell::get)));
    assert!(outside.is_err());
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("{}", kit::ON_PURPOSE);
    }
}

#[apply(on_each_driver)]
fn a_value_that_panics_as_it_is_dropped_does_not_disturb_the_end_of_the_runtime() {
    hush();
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let dropped = Dropped::default();
    let guards = dropped.clone();
    let values = runtime.block_on(async move {
        let values = PerLoop::new(&handle, |_| PanicsWhenDropped);
        let others = PerLoop::new(&handle, move |_| guards.guard());
        (
            soon("the values", values).await.unwrap(),
            soon("the values", others).await.unwrap(),
        )
    });
    drop(runtime);
    assert_eq!(dropped.count(), 2);
    drop(values);
}
