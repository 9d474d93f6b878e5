//! What a scope promises: its children end before it does, and what goes wrong comes back together.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::wait::{here, soon};
use kit::{ON_PURPOSE, block_on, hush, runtime};
use ringmill::scope::{
    CancelReason, CancelToken, Child, FailureKind, NoValue, Ready, Scope, checkpoint,
    move_on_after, scope, shield, with_cleanup,
};
use ringmill::{LoopRef, spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[apply(on_each_driver)]
fn children_have_ended_when_the_scope_does() {
    let ended = Cell::new(0);
    block_on(scope(async |s| {
        for turns in 0..100 {
            let ended = &ended;
            s.spawn(async move {
                for _ in 0..turns {
                    yield_now().await;
                }
                ended.set(ended.get() + 1);
            });
        }
        assert_eq!((s.len(), ended.get()), (100, 0));
        Ok::<_, Infallible>(())
    }))
    .unwrap();
    assert_eq!(ended.get(), 100);
}

#[apply(on_each_driver)]
fn children_borrow_what_lives_longer_than_the_scope() {
    let mut counts = [0; 8];
    let shared = RefCell::new(Vec::new());
    let sum = block_on(scope(async |s| {
        let children: Vec<Child<usize>> = counts
            .iter_mut()
            .enumerate()
            .map(|(i, count)| {
                let shared = &shared;
                s.spawn(async move {
                    yield_now().await;
                    *count += i;
                    shared.borrow_mut().push(i);
                    Ok(i)
                })
            })
            .collect();
        let mut sum = 0;
        for child in children {
            sum += child.await?;
        }
        Ok::<_, NoValue>(sum)
    }))
    .unwrap();
    assert_eq!((sum, counts.iter().sum::<usize>()), (28, 28));
    assert_eq!(shared.into_inner(), (0..8).collect::<Vec<_>>());
}

#[apply(on_each_driver)]
fn children_spawn_siblings_to_any_depth() {
    fn grow<'scope>(
        s: &'scope Scope<'scope, '_, Infallible>,
        depth: u32,
        leaves: &'scope Cell<u32>,
    ) {
        s.spawn(async move {
            yield_now().await;
            if depth == 0 {
                leaves.set(leaves.get() + 1);
            } else {
                grow(s, depth - 1, leaves);
                grow(s, depth - 1, leaves);
            }
        });
    }
    let leaves = Cell::new(0);
    block_on(scope(async |s| {
        grow(s, 10, &leaves);
        Ok(())
    }))
    .unwrap();
    assert_eq!(leaves.get(), 1024);
}

#[apply(on_each_driver)]
fn a_failure_cancels_the_siblings_and_all_errors_come_together() {
    hush();
    let cancelled = Dropped::default();
    let group = block_on(scope(async |s| {
        let (first, second) = (cancelled.guard(), cancelled.guard());
        s.spawn(async move {
            pending::<()>().await;
            drop(first);
        });
        // Two that fail while they are cancelled, in a part that is shielded.
        s.spawn(async {
            shield(s.token().cancelled()).await;
            Err::<(), _>("second")
        });
        s.spawn(async {
            shield(async {
                s.token().cancelled().await;
                if true {
                    panic!("third, {ON_PURPOSE}");
                }
            })
            .await;
        });
        s.spawn(async {
            yield_now().await;
            Err::<(), _>("first")
        });
        pending::<()>().await;
        drop(second);
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(cancelled.count(), 2);
    assert_eq!(group.cancelled(), Some(&CancelReason::Failure));
    let mut errors: Vec<_> = group.errors().copied().collect();
    errors.sort_unstable();
    assert_eq!(errors, ["first", "second"]);
    assert!(group.is_panic() && !group.is_cancelled());
    let text = group.to_string();
    assert!(
        text.starts_with("3 failures: 1: first (spawned at tests/scope.rs:"),
        "{text}"
    );
    let panics = group
        .into_iter()
        .filter_map(|failure| match failure.into_kind() {
            FailureKind::Join(error) => error.try_into_panic().ok(),
            _ => None,
        });
    let payloads: Vec<_> = panics.map(|p| p.downcast::<String>().unwrap()).collect();
    assert_eq!(payloads, [Box::new(format!("third, {ON_PURPOSE}"))]);
}

#[apply(on_each_driver)]
fn an_error_or_a_panic_of_the_body_ends_the_children() {
    hush();
    let cancelled = Dropped::default();
    let child = async |guard| {
        let _guard = guard;
        pending::<()>().await;
    };
    let group = block_on(scope(async |s| {
        s.spawn(child(cancelled.guard()));
        yield_now().await;
        Err::<(), _>("body")
    }))
    .unwrap_err();
    assert_eq!(group.into_first_error(), Some("body"));
    let group = block_on(scope(async |s| {
        s.spawn(child(cancelled.guard()));
        yield_now().await;
        if true {
            panic!("{ON_PURPOSE}");
        }
        Ok::<_, Infallible>(())
    }))
    .unwrap_err();
    assert!(group.is_panic());
    assert_eq!(cancelled.count(), 2);
}

#[apply(on_each_driver)]
fn a_scope_that_is_cancelled_gives_what_its_body_returned_before() {
    let early = block_on(scope(async |s| {
        let token = s.token();
        s.spawn(async { pending::<()>().await });
        s.spawn(async move {
            yield_now().await;
            drop(token.cancel());
        });
        Ok::<_, Infallible>(7)
    }));
    assert_eq!(early.unwrap(), 7);
    let late = block_on(scope(async |s| {
        drop(s.token().cancel_because("enough"));
        checkpoint().await;
        Ok::<_, Infallible>(7)
    }))
    .unwrap_err();
    assert!(late.is_cancelled());
    assert_eq!(
        late.cancelled(),
        Some(&CancelReason::Because("enough".into()))
    );
    assert_eq!(late.to_string(), "the scope was cancelled: enough");
}

#[apply(on_each_driver)]
fn one_child_can_be_cancelled_and_waited_for() {
    let events = RefCell::new(Vec::new());
    block_on(scope(async |s| {
        let child = s.spawn(with_cleanup(pending::<()>(), async || {
            yield_now().await;
            events.borrow_mut().push("clean");
        }));
        let sibling = s.spawn(async {
            yield_now().await;
            Ok(5)
        });
        checkpoint().await;
        yield_now().await;
        child.cancel().await;
        events.borrow_mut().push("ended");
        assert_eq!(child.await, Err(NoValue::Cancelled));
        assert_eq!(sibling.await, Ok(5));
        Ok::<_, Infallible>(())
    }))
    .unwrap();
    assert_eq!(*events.borrow(), ["clean", "ended"]);
}

#[apply(on_each_driver)]
fn a_child_says_when_it_is_ready_and_with_what() {
    block_on(scope(async |s| {
        let value = s
            .start(async |ready: Ready<u32>| {
                yield_now().await;
                ready.set(42);
                pending::<()>().await;
            })
            .await;
        assert_eq!(value, Ok(42));
        let never = s.start(async |ready: Ready<u32>| drop(ready)).await;
        assert_eq!(never, Err(NoValue::NeverReady));
        // Given up before it was ready, it is cancelled.
        let dropped = Dropped::default();
        let guard = dropped.guard();
        let slow = s.start(async move |_ready: Ready<u32>| {
            let _guard = guard;
            pending::<()>().await;
        });
        assert_eq!(move_on_after(MS, slow).await, None);
        soon("the child's end", async {
            while dropped.count() == 0 {
                yield_now().await;
            }
        })
        .await;
        s.token().cancel().await;
        Ok::<_, Infallible>(())
    }))
    .unwrap_err();
    let failed = block_on(scope(async |s| {
        let error = s
            .start(async |ready: Ready<u32>| {
                let _ready = ready;
                Err::<(), _>("no port")
            })
            .await;
        assert!(error.is_err());
        Ok(())
    }));
    assert_eq!(failed.unwrap_err().into_first_error(), Some("no port"));
}

#[apply(on_each_driver)]
fn children_on_other_loops_end_before_the_scope_too() {
    let runtime = runtime(2);
    let loops: Vec<LoopRef> = runtime.handle().loops().to_vec();
    let running = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(AtomicUsize::new(0));
    let sum = runtime
        .block_on(scope(async |s| {
            let children: Vec<_> = (0..64)
                .map(|i| {
                    let index = i % 2;
                    s.spawn_on(&loops[index], move || async move {
                        yield_now().await;
                        assert_eq!(LoopRef::current().unwrap().index(), index);
                        Ok(i)
                    })
                })
                .collect();
            let mut sum = 0;
            for child in children {
                sum += child.await?;
            }
            Ok::<_, NoValue>(sum)
        }))
        .unwrap();
    assert_eq!(sum, 2016);

    // A failure on this loop ends those on the other, whose clean-ups the scope waits for.
    let group = runtime
        .block_on(scope(async |s| {
            for _ in 0..16 {
                let (running, seen) = (running.clone(), seen.clone());
                s.spawn_on(&loops[1], move || async move {
                    running.fetch_add(1, Ordering::Relaxed);
                    with_cleanup(pending::<()>(), async || {
                        yield_now().await;
                        running.fetch_sub(1, Ordering::Relaxed);
                    })
                    .await;
                    seen.fetch_add(1, Ordering::Relaxed);
                });
            }
            while running.load(Ordering::Relaxed) < 16 {
                yield_now().await;
            }
            Err::<(), _>("here")
        }))
        .unwrap_err();
    assert_eq!(running.load(Ordering::Relaxed), 0);
    assert_eq!(seen.load(Ordering::Relaxed), 0, "went on after its end");
    assert_eq!(group.failures().len(), 1);
}

#[apply(on_each_driver)]
fn a_cancel_scope_around_waits_for_children_on_other_loops() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let ended = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        let clean = ended.clone();
        let work = scope(async |s| {
            let clean = clean.clone();
            s.spawn_on(&other, move || {
                with_cleanup(pending::<()>(), async move || {
                    for _ in 0..100 {
                        yield_now().await;
                    }
                    clean.store(true, Ordering::Relaxed);
                })
            });
            pending::<()>().await;
            Ok::<_, Infallible>(())
        });
        assert!(move_on_after(MS, work).await.is_none());
        assert!(ended.load(Ordering::Relaxed), "left before its child");
    });
}

#[apply(on_each_driver)]
fn dropping_a_scope_drops_its_children_here_and_cancels_those_elsewhere() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let (here, there) = (Dropped::default(), Dropped::default());
    runtime.block_on(async {
        let (guard, body_guard) = (here.guard(), here.guard());
        let remote = there.guard();
        let opened = scope(async |s| {
            s.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            s.spawn_on(&other, move || async move {
                let _guard = remote;
                pending::<()>().await;
            });
            let _guard = body_guard;
            pending::<()>().await;
            Ok::<_, Infallible>(())
        });
        assert!(ringmill::time::timeout(MS, opened).await.is_err());
        assert_eq!(here.count(), 2);
        soon("the end of the other loop's child", async {
            while there.count() == 0 {
                yield_now().await;
            }
        })
        .await;
    });
}

/// A destructor that spawns into the scope that is being dropped.
#[apply(on_each_driver)]
fn nothing_is_left_by_children_that_are_spawned_while_the_scope_is_dropped() {
    struct SpawnOnDrop<'scope, 'env> {
        s: &'scope Scope<'scope, 'env, Infallible>,
        dropped: Dropped,
    }
    impl Drop for SpawnOnDrop<'_, '_> {
        fn drop(&mut self) {
            let guard = self.dropped.guard();
            self.s.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
        }
    }
    let dropped = Dropped::default();
    block_on(async {
        let opened = scope(async |s| {
            let spawner = SpawnOnDrop {
                s,
                dropped: dropped.clone(),
            };
            s.spawn(async move {
                let _spawner = spawner;
                pending::<()>().await;
            });
            pending::<()>().await;
            Ok(())
        });
        assert!(ringmill::time::timeout(MS, opened).await.is_err());
    });
    assert_eq!(dropped.count(), 1);
}

#[apply(on_each_driver)]
fn many_children_that_are_always_ready_let_the_loop_turn() {
    block_on(async {
        let others = spawn(async {
            let mut turns = 0_u64;
            loop {
                yield_now().await;
                turns += 1;
                if turns == 20 {
                    break turns;
                }
            }
        });
        let done = Cell::new(0);
        let opened = scope(async |s| {
            for _ in 0..10_000 {
                s.spawn(async { done.set(done.get() + 1) });
            }
            soon("the other task's turns", async {
                while !others.is_finished() {
                    yield_now().await;
                }
            })
            .await;
            assert!(done.get() < 10_000, "the children ran in one turn");
            Ok::<_, Infallible>(())
        });
        opened.await.unwrap();
        assert_eq!(done.get(), 10_000);
    });
}

/// Scopes need no loop: they are futures like others.
#[test]
fn a_scope_runs_on_any_executor() {
    let token = CancelToken::new();
    let cancelled = here(
        "the scope's end",
        token.run(scope(async |s| {
            s.spawn(async { drop(token.cancel()) });
            pending::<()>().await;
            Ok::<_, Infallible>(())
        })),
    );
    assert_eq!(cancelled.unwrap_err().reason(), &CancelReason::Requested);
}
