//! How scopes end in the corners: runs under a token of another tree, children that had not begun,
//! destructors that panic, failures of what is cancelled already, very deep trees.

mod kit;

use futures_lite::future::poll_once;
use kit::driver::{apply, on_each_driver};
use kit::dropped::{Dropped, Guard};
use kit::wait::{here, soon, until};
use kit::{ON_PURPOSE, block_on, hush, occupy, runtime};
use ringmill::scope::{
    CancelReason, CancelScope, CancelToken, ErrorGroup, NoValue, Ready, Scope, checkpoint,
    effective_deadline, move_on_after, move_on_at, scope, shield, with_cleanup,
};
use ringmill::time::Instant;
use ringmill::{spawn, yield_now};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Panics when it is dropped.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a destructor, {ON_PURPOSE}");
        }
    }
}

#[apply(on_each_driver)]
fn a_run_under_a_foreign_token_is_in_the_scope_around_it_too() {
    block_on(async {
        // A shield in it holds out against the scope around.
        let token = CancelToken::new();
        let clean = Cell::new(false);
        let outer = CancelScope::new();
        let cancel = outer.token();
        let work = token.run(shield(async {
            cancel.cancel_because("outer");
            yield_now().await;
            yield_now().await;
            clean.set(true);
        }));
        let ended = outer.run(async {
            let _ = work.await;
            checkpoint().await;
        });
        assert!(soon("the end", ended).await.is_err());
        assert!(clean.get(), "the shield was dropped");

        // No operation begins in it once that is cancelled, and the deadline counts.
        let outer = CancelScope::new().deadline(Instant::now() + Duration::from_secs(3600));
        let cancel = outer.token();
        let begun = Cell::new(false);
        let ended = outer.run(async {
            let ended = token.run(async {
                assert!(effective_deadline().is_some());
                cancel.cancel();
                checkpoint().await;
                begun.set(true);
            });
            let _ = ended.await;
        });
        assert!(soon("the end", ended).await.is_err());
        assert!(!begun.get(), "began an operation in a cancelled scope");

        // The token ends it as ever, and the code around goes on.
        let outer = CancelScope::new();
        let waits = outer.run(async { token.run(pending::<()>()).await });
        let ends = async {
            yield_now().await;
            token.cancel_because("token").await;
        };
        let (ended, ()) = futures_util::future::join(waits, ends).await;
        let reason = ended.expect("not the outer").unwrap_err();
        assert_eq!(reason.reason(), &CancelReason::Because("token".into()));
    });
}

#[apply(on_each_driver)]
fn runs_under_one_token_do_not_hold_each_other_up() {
    block_on(async {
        // One inside of a shield of the other.
        let token = CancelToken::new();
        let ended = token.run(shield(async {
            let inner = token.run(async {
                drop(token.cancel());
                checkpoint().await;
            });
            inner.await.unwrap_err()
        }));
        let inner = soon("the end", ended).await.expect("it is shielded");
        assert_eq!(inner.reason(), &CancelReason::Requested);
        // One beside the other.
        let token = CancelToken::new();
        let shielded = spawn(token.run(shield(pending::<()>())));
        let other = spawn(token.run(pending::<()>()));
        yield_now().await;
        drop(token.cancel());
        assert!(soon("the end", other).await.unwrap().is_err());
        assert!(!shielded.is_finished());
        shielded.abort();
    });
}

#[apply(on_each_driver)]
fn a_childs_shield_holds_neither_the_body_nor_its_siblings_up() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let dropped = Dropped::default();
    runtime.block_on(async {
        let opened = scope(async |s| {
            for far in [false, true] {
                let seen = dropped.clone();
                let waits = move || async move {
                    shield(until("the others' ends", || seen.count() == 2)).await;
                };
                match far {
                    false => s.spawn(waits()),
                    true => s.spawn_on(&other, waits),
                };
            }
            let (guard, body_guard) = (dropped.guard(), dropped.guard());
            s.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            yield_now().await;
            let _guard = body_guard;
            drop(s.token().cancel());
            checkpoint().await;
            Ok::<_, Infallible>(())
        });
        assert!(soon("the end", opened).await.unwrap_err().is_cancelled());
    });
}

#[apply(on_each_driver)]
fn a_scopes_own_token_takes_a_deadline() {
    block_on(async {
        for body_waits in [true, false] {
            let opened = scope(async |s| {
                s.spawn(pending::<()>());
                s.token().set_deadline(Instant::now() + MS);
                if body_waits {
                    pending::<()>().await;
                }
                Ok::<_, Infallible>(())
            });
            let ended = soon("the deadline", opened).await;
            assert_eq!(ended.is_err(), body_waits);
        }
    });
}

#[apply(on_each_driver)]
fn a_tokens_deadline_counts_for_what_runs_below_it() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    runtime.block_on(async {
        let token = CancelToken::new();
        let (here, there) = (token.child(), token.child().child());
        let local = spawn(here.run(pending::<()>()));
        let remote = other.spawn(move || there.run(pending::<()>()));
        yield_now().await;
        token.set_deadline(Instant::now() + MS);
        let ended = soon("the end here", local).await.unwrap();
        assert_eq!(ended.unwrap_err().reason(), &CancelReason::Deadline);
        let ended = soon("the end there", remote).await.unwrap();
        assert_eq!(ended.unwrap_err().reason(), &CancelReason::Deadline);
    });
}

#[apply(on_each_driver)]
fn cancel_waits_for_children_that_had_not_begun() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let hold_up = occupy(runtime.handle(), 1);
    let begun = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        let local = Cell::new(false);
        scope(async |s| {
            let child = s.spawn(async { local.set(true) });
            child.cancel().await;
            assert!(local.get(), "it begins after all of it has ended");
            let there = begun.clone();
            let child = s.spawn_on(&other, move || async move {
                there.store(true, Ordering::SeqCst);
            });
            let ended = child.cancel();
            drop(hold_up);
            ended.await;
            assert!(begun.load(Ordering::SeqCst), "it begins after its end");
            Ok::<_, Infallible>(())
        })
        .await
        .unwrap();
    });
}

#[apply(on_each_driver)]
fn a_destructor_that_panics_is_a_failure_of_its_child_alone() {
    hush();
    let others = Dropped::default();
    let wait = async |_guard: Guard| pending::<()>().await;
    let group: ErrorGroup<Infallible> = block_on(scope(async |s| {
        let fragile = s.spawn(async {
            let _fragile = Fragile;
            pending::<()>().await;
        });
        // Its value is wanted by nobody.
        drop(s.spawn(async { Ok::<_, Infallible>(Fragile) }));
        let guard = others.guard();
        s.spawn(wait(guard));
        checkpoint().await;
        yield_now().await;
        fragile.cancel().await;
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(group.failures().len(), 2, "{group}");
    assert!(group.is_panic());
    assert_eq!(others.count(), 1);
    // As the scope is dropped, it keeps nobody else from its own.
    block_on(async {
        let opened = scope(async |s| {
            for i in 0..10 {
                let guard = others.guard();
                s.spawn(async move {
                    let (_guard, _fragile) = (guard, (i % 2 == 0).then(|| Fragile));
                    pending::<()>().await;
                });
            }
            pending::<()>().await;
            Ok::<_, Infallible>(())
        });
        assert!(ringmill::time::timeout(MS, opened).await.is_err());
    });
    assert_eq!(others.count(), 11);
}

#[apply(on_each_driver)]
fn deadlines_that_pass_together_end_the_outermost() {
    block_on(async {
        let between = Cell::new(0);
        for _ in 0..20 {
            let deadline = Instant::now() + MS;
            let inner = async {
                move_on_at(deadline, pending::<()>()).await;
                between.set(between.get() + 1);
            };
            assert!(move_on_at(deadline, inner).await.is_none());
        }
        assert_eq!(between.get(), 0, "the code between them went on");
    });
}

#[apply(on_each_driver)]
fn failures_of_what_is_cancelled_already_are_not_lost() {
    hush();
    block_on(async {
        let outer = CancelScope::new();
        let token = outer.token();
        let opened = scope(async |s| {
            s.spawn(pending::<()>());
            // More than a scope takes note of in one turn.
            for i in 0..200 {
                let cancelled = token.cancelled();
                s.spawn(async move {
                    shield(cancelled).await;
                    Err::<(), _>(i)
                });
            }
            s.spawn(async {
                shield(token.cancelled()).await;
                if true {
                    panic!("{ON_PURPOSE}");
                }
            });
            yield_now().await;
            drop(token.cancel());
            checkpoint().await;
            Ok(())
        });
        let group = soon("the end", outer.run(opened)).await;
        let group = group.expect("the failures").unwrap_err();
        assert_eq!(group.failures().len(), 201);
        assert_eq!(group.errors().count(), 200);

        // One that has nothing to tell gives no answer where the scope around ends as well.
        let outer = CancelScope::new();
        let token = outer.token();
        let went_on = Cell::new(false);
        let ended = outer.run(async {
            let opened = scope(async |s| {
                s.spawn(shield(yield_now()));
                drop(token.cancel());
                checkpoint().await;
                Ok::<_, Infallible>(())
            });
            let _ = opened.await;
            went_on.set(true);
        });
        assert!(soon("the end", ended).await.is_err());
        assert!(!went_on.get());
    });
}

#[apply(on_each_driver)]
fn a_child_that_ends_with_its_ready_elsewhere_is_not_waited_for() {
    block_on(scope(async |s| {
        let start = s.start(async |ready: Ready<u32>| std::mem::forget(ready));
        assert_eq!(soon("its end", start).await, Err(NoValue::NeverReady));
        Ok::<_, Infallible>(())
    }))
    .unwrap();
}

#[apply(on_each_driver)]
fn trees_may_be_deeper_than_a_stack() {
    const DEPTH: usize = 200_000;
    let root = CancelToken::new();
    let mut leaf = root.child();
    for _ in 0..DEPTH {
        leaf = leaf.child();
    }
    let ended = block_on(async {
        let run = spawn(leaf.run(pending::<()>()));
        yield_now().await;
        root.set_deadline(Instant::now() + Duration::from_secs(3600));
        root.cancel_because("root").await;
        run.await.unwrap()
    });
    assert_eq!(
        ended.unwrap_err().reason(),
        &CancelReason::Because("root".into())
    );
    drop(root);
    drop(leaf);
}

/// One that is cancelled before it begins runs up to its first checkpoint.
#[apply(on_each_driver)]
fn a_run_that_is_cancelled_before_it_begins_comes_to_its_first_checkpoint() {
    block_on(async {
        let token = CancelToken::new();
        let steps = Cell::new(0);
        let work = token.run(async {
            steps.set(1);
            checkpoint().await;
            steps.set(2);
        });
        drop(token.cancel());
        assert!(soon("the end", work).await.is_err());
        assert_eq!(steps.get(), 1);
        // One without a checkpoint is done.
        assert_eq!(token.run(async { 7 }).await, Ok(7));
    });
}

/// A scope that is leaked runs its children no more, and holds nobody up.
#[apply(on_each_driver)]
fn a_scope_that_is_leaked_holds_nobody_up() {
    let dropped = Dropped::default();
    block_on(async {
        let work = async {
            let mut opened = Box::pin(scope(async |s| {
                let guard = dropped.guard();
                s.spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                });
                pending::<()>().await;
                Ok::<_, Infallible>(())
            }));
            assert!(poll_once(&mut opened).await.is_none());
            std::mem::forget(opened);
            pending::<()>().await;
        };
        let ended = soon("the end", move_on_after(MS, work)).await;
        assert!(ended.is_none());
    });
    assert_eq!(dropped.count(), 0);
}

/// Clean-ups that open scopes, and scopes whose children open scopes.
#[apply(on_each_driver)]
fn scopes_nest_in_children_and_in_clean_ups() {
    type Count<'scope> = &'scope Cell<u32>;
    fn nest<'scope>(
        s: &'scope Scope<'scope, '_, Infallible>,
        depth: u32,
        begun: Count<'scope>,
        ends: Count<'scope>,
    ) {
        s.spawn(async move {
            let inner = scope(async |s| {
                if depth > 0 {
                    nest(s, depth - 1, begun, ends);
                    nest(s, depth - 1, begun, ends);
                }
                let work = async {
                    begun.set(begun.get() + 1);
                    pending::<()>().await;
                };
                s.spawn(with_cleanup(work, async || {
                    let cleaning = scope(async |s| {
                        s.spawn(yield_now());
                        Ok::<_, Infallible>(())
                    });
                    cleaning.await.unwrap();
                    ends.set(ends.get() + 1);
                }));
                Ok(())
            });
            inner.await.unwrap();
        });
    }
    let (begun, ends) = (Cell::new(0), Cell::new(0));
    block_on(async {
        let outer = CancelScope::new();
        let token = outer.token();
        let work = scope(async |s| {
            nest(s, 6, &begun, &ends);
            until("all of them", || begun.get() == 127).await;
            drop(token.cancel());
            Ok(())
        });
        let ended = soon("the end", outer.run(work)).await;
        assert!(ended.is_err(), "{ended:?}");
    });
    assert_eq!(ends.get(), 127);
}

#[test]
fn scopes_end_on_any_executor() {
    let seen = Cell::new(0);
    here("the end", async {
        let token = CancelToken::new();
        let work = token.run(with_cleanup(
            async {
                drop(token.cancel());
                checkpoint().await;
            },
            async || seen.set(1),
        ));
        assert!(work.await.is_err());
    });
    assert_eq!(seen.get(), 1);
}

/// Nobody is left who waits, and nothing of those who waited.
#[apply(on_each_driver)]
fn a_task_may_be_aborted_at_any_point_of_a_scope() {
    let dropped = Dropped::default();
    block_on(async {
        for turns in 0..20 {
            let guards = dropped.clone();
            let task = spawn(async move {
                let guards = &guards;
                let _ = scope(async |s| {
                    for i in 0..4 {
                        let guard = guards.guard();
                        s.spawn(async move {
                            let _guard = guard;
                            for _ in 0..i * 3 {
                                yield_now().await;
                            }
                        });
                        yield_now().await;
                    }
                    Ok::<_, Infallible>(())
                })
                .await;
            });
            for _ in 0..turns {
                yield_now().await;
            }
            task.abort();
            let _ = task.await;
        }
    });
    let count = dropped.count();
    assert!((4..=80).contains(&count), "{count}");
    block_on(until("nothing", || true));
}
