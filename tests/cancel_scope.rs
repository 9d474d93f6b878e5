//! Cancel scopes, tokens and deadlines: who is cancelled, when, why, and what is waited for.
//!
//! No time is asserted: deadlines that have to pass are milliseconds, those that must not are hours.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::wait::{here, soon, until};
use kit::{ON_PURPOSE, block_on, hush, runtime};
use ringmill::channel::{mpsc, oneshot};
use ringmill::scope::{
    CancelReason, CancelScope, CancelToken, Cancelled, checkpoint, effective_deadline, fail_after,
    is_cancelled, move_on_after, scope, shield, with_cleanup,
};
use ringmill::time::{Instant, sleep, timeout};
use ringmill::{spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What the examples in Trio's documentation count in seconds.
const UNIT: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn reason<T>(ended: Result<T, Cancelled>) -> Option<CancelReason> {
    ended.err().map(|cancelled| cancelled.reason().clone())
}

fn because(why: &'static str) -> Option<CancelReason> {
    Some(CancelReason::Because(why.into()))
}

#[apply(on_each_driver)]
fn of_nested_deadlines_the_earliest_counts() {
    block_on(async {
        let log = RefCell::new(vec!["starting"]);
        let say = |what| log.borrow_mut().push(what);
        move_on_after(5 * UNIT, async {
            move_on_after(10 * UNIT, async {
                sleep(20 * UNIT).await;
                say("slept");
            })
            .await;
            say("the inner is done");
        })
        .await;
        say("the outer is done");
        assert_eq!(log.take(), ["starting", "the outer is done"]);

        // The other way round the inner one ends alone.
        let outer = move_on_after(HOUR, async {
            let inner = move_on_after(UNIT, pending::<()>()).await;
            (inner, sleep(UNIT).await)
        });
        assert_eq!(outer.await, Some((None, ())));
    });
}

#[apply(on_each_driver)]
fn the_effective_deadline_is_the_earliest_around() {
    block_on(async {
        let start = Instant::now();
        let at = |hours: u32| Some(start + hours * HOUR);
        assert_eq!(effective_deadline(), None);
        let outer = CancelScope::new().deadline(start + 2 * HOUR);
        let token = outer.token();
        let inner = async {
            assert_eq!(effective_deadline(), at(2));
            let inner = CancelScope::new().deadline(start + 3 * HOUR);
            let inner_token = inner.token();
            let innermost = async {
                assert_eq!(effective_deadline(), at(2));
                inner_token.set_deadline(start + HOUR);
                assert_eq!(effective_deadline(), at(1));
                token.set_deadline(start + 4 * HOUR);
                inner_token.set_deadline(start + 5 * HOUR);
                assert_eq!(effective_deadline(), at(4));
                shield(async { assert_eq!(effective_deadline(), None) }).await;
                let mine = spawn(async { effective_deadline() }).await;
                assert_eq!(mine.unwrap(), None, "a task of its own");
                let opened = scope(async |s| {
                    let child = s.spawn(async { Ok::<_, Infallible>(effective_deadline()) });
                    s.token().set_deadline(start + HOUR);
                    assert_eq!(effective_deadline(), at(1));
                    assert_eq!(child.await, Ok(at(1)));
                    Ok(())
                });
                opened.await.unwrap();
            };
            assert!(inner.run(innermost).await.is_ok());
        };
        assert!(outer.run(inner).await.is_ok());
    });
}

#[apply(on_each_driver)]
fn a_deadline_moves_backwards_and_forwards() {
    block_on(async {
        let scope = CancelScope::new().deadline(Instant::now() + HOUR);
        let token = scope.token();
        let run = spawn(scope.run(pending::<()>()));
        for _ in 0..10 {
            // Sooner and later again, before it could pass or after it was looked at.
            token.set_deadline(Instant::now() + UNIT / 4);
            token.set_deadline(Instant::now() + 2 * HOUR);
            yield_now().await;
            token.set_deadline(Instant::now() + HOUR);
            yield_now().await;
            token.set_deadline(Instant::now() + Duration::MAX);
            sleep(UNIT).await;
        }
        assert!(!token.is_cancelled());
        token.set_deadline(Instant::now());
        let ended = soon("the end", run).await.unwrap();
        assert_eq!(reason(ended), Some(CancelReason::Deadline));
        token.set_deadline(Instant::now() + HOUR);
        assert!(token.is_cancelled(), "it came back");
    });
}

/// Every operation ends in a scope that is cancelled, also those that need not wait.
#[apply(on_each_driver)]
fn being_cancelled_is_a_state() {
    /// Runs the operation in a scope that is cancelled; it must not be done.
    async fn ends<F: Future>(what: &str, operation: F) {
        let scope = CancelScope::new();
        let token = scope.token();
        let ended = scope.run(async {
            drop(token.cancel());
            operation.await;
        });
        assert!(soon(what, ended).await.is_err(), "{what} went on");
    }
    block_on(async {
        ends("checkpoint", checkpoint()).await;
        ends("yield_now", yield_now()).await;
        ends("sleep", sleep(Duration::ZERO)).await;
        ends("timeout", timeout(UNIT, pending::<()>())).await;
        ends("join", spawn(async {})).await;
        let (sender, mut receiver) = mpsc::channel(4);
        ends("send", sender.send(1)).await;
        sender.send(2).await.unwrap();
        ends("receive", receiver.recv()).await;
        assert_eq!(receiver.recv().await, Some(2), "the message was lost");
        let (sender, receiver) = oneshot::channel();
        sender.send(3).unwrap();
        ends("oneshot", receiver).await;
        ends("scope", scope(async |_| Ok::<_, Infallible>(()))).await;
        ends("race", ringmill::scope::race([async {}])).await;
        ends("connect", ringmill::net::TcpStream::connect("127.0.0.1:1")).await;
        ends("open", ringmill::fs::File::open("/dev/null")).await;
        ends("call", ringmill::blocking::spawn_blocking(|| ())).await;

        // One that ignores what it gets.
        let turns = Cell::new(0);
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        drop(sender);
        let endless = async {
            loop {
                let _ = receiver.recv().await;
                turns.set(turns.get() + 1);
            }
        };
        let ended = soon("the end", move_on_after(UNIT, endless)).await;
        assert_eq!((ended, turns.get() > 0), (None::<()>, true));
    });
}

#[apply(on_each_driver)]
fn a_deadline_of_no_time_ends_at_the_first_checkpoint() {
    block_on(async {
        let steps = Cell::new(0);
        let ended = move_on_after(Duration::ZERO, async {
            assert!(is_cancelled());
            steps.set(1);
            checkpoint().await;
            steps.set(2);
        });
        assert_eq!((ended.await, steps.get()), (None, 1));
        // One that comes to none is done.
        assert_eq!(move_on_after(Duration::ZERO, async { 7 }).await, Some(7));
        assert!(!is_cancelled());
    });
}

#[apply(on_each_driver)]
fn a_shield_ends_by_its_own_deadline_only() {
    block_on(async {
        let log = RefCell::new(Vec::new());
        let scope = CancelScope::new();
        let token = scope.token();
        let work = async {
            drop(token.cancel());
            let shielded = shield(async {
                sleep(UNIT).await;
                log.borrow_mut().push("slept");
                let own = move_on_after(UNIT, pending::<()>()).await;
                log.borrow_mut().push("own deadline");
                own
            });
            assert_eq!(shielded.await, None);
            log.borrow_mut().push("still here");
            checkpoint().await;
            log.borrow_mut().push("never");
        };
        assert!(soon("the end", scope.run(work)).await.is_err());
        assert_eq!(log.take(), ["slept", "own deadline", "still here"]);

        // Two of them side by side, one of which is dropped.
        let scope = CancelScope::new();
        let token = scope.token();
        let work = async {
            let never = shield(pending::<()>());
            let short = shield(async {
                yield_now().await;
                drop(token.cancel());
                yield_now().await;
                log.borrow_mut().push("short");
            });
            futures_util::future::select(Box::pin(never), Box::pin(short)).await;
            checkpoint().await;
            log.borrow_mut().push("never");
        };
        assert!(soon("the end", scope.run(work)).await.is_err());
        assert_eq!(log.take(), ["short"]);

        // Beside something that is not shielded.
        let scope = CancelScope::new();
        let token = scope.token();
        let shielded = shield(async {
            yield_now().await;
            log.borrow_mut().push("shielded");
        });
        let plain = async {
            drop(token.cancel());
            checkpoint().await;
            log.borrow_mut().push("never");
        };
        let both = futures_util::future::join(plain, shielded);
        assert!(soon("the end", scope.run(both)).await.is_err());
        assert_eq!(log.take(), ["shielded"]);
    });
}

#[apply(on_each_driver)]
fn the_first_reason_stands_and_goes_to_all_below() {
    block_on(async {
        let token = CancelToken::new();
        let child = token.child();
        assert_eq!((token.reason(), child.is_cancelled()), (None, false));
        drop(child.cancel_because("child"));
        assert!(!token.is_cancelled(), "it went up");
        drop(token.cancel_because("first"));
        drop(token.cancel());
        assert_eq!(token.reason(), because("first"));
        assert_eq!(child.reason(), because("child"));
        let late = token.child().child();
        assert_eq!(late.reason(), because("first"));
        assert_eq!(reason(late.run(checkpoint()).await), because("first"));
        let slow = CancelScope::new().deadline(Instant::now() + UNIT);
        let ended = slow.run(pending::<()>()).await.unwrap_err();
        assert_eq!(ended.to_string(), "cancelled by its deadline");
        assert_eq!(io::Error::from(ended).kind(), io::ErrorKind::TimedOut);
        let ended = token.run(checkpoint()).await.unwrap_err();
        assert_eq!(ended.to_string(), "cancelled: first");
        assert_eq!(io::Error::from(ended).kind(), io::ErrorKind::Other);
        assert!(fail_after(UNIT, pending::<()>()).await.is_err());
        assert_eq!(fail_after(HOUR, async { 7 }).await, Ok(7));
    });
}

#[apply(on_each_driver)]
fn a_token_cancels_on_all_loops_and_from_any_thread() {
    let runtime = runtime(2);
    let loops = runtime.handle().loops().to_vec();
    for round in 0..20 {
        let token = CancelToken::new();
        let clean = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..16)
            .map(|i| {
                let (token, clean) = (token.child(), clean.clone());
                loops[i % 2].spawn(move || async move {
                    let work = with_cleanup(pending::<()>(), async || {
                        for _ in 0..i {
                            yield_now().await;
                        }
                        clean.fetch_add(1, Ordering::SeqCst);
                    });
                    token.run(work).await
                })
            })
            .collect();
        // Round by round, tasks that have begun and tasks that have not.
        if round % 2 == 0 {
            runtime.block_on(until("the tasks", || {
                loops.iter().all(|l| l.stats().tasks >= 8)
            }));
        }
        let canceller = token.clone();
        let plain = std::thread::spawn(move || drop(canceller.cancel_because("plain thread")));
        runtime.block_on(soon("the end of all that had begun", async {
            token.cancelled().await;
            token.cancel().await;
        }));
        here("what has come already", token.cancelled());
        plain.join().unwrap();
        for task in tasks {
            let ended = runtime.block_on(task).unwrap();
            assert_eq!(reason(ended), because("plain thread"));
        }
        assert_eq!(clean.load(Ordering::SeqCst), 16);
    }
}

#[apply(on_each_driver)]
fn cancel_waits_for_clean_ups_and_for_other_loops() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let there = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        let token = CancelToken::new();
        let clean = std::rc::Rc::new(Cell::new(false));
        let mine = clean.clone();
        let run = token.run(async move {
            with_cleanup(pending::<()>(), async move || {
                sleep(UNIT).await;
                mine.set(true);
            })
            .await;
        });
        let local = spawn(run);
        let (begun, has_begun) = oneshot::channel();
        let (below, seen) = (token.child(), there.clone());
        let remote = other.spawn(move || {
            below.run(async move {
                begun.send(()).unwrap();
                with_cleanup(pending::<()>(), async move || {
                    sleep(UNIT).await;
                    seen.store(true, Ordering::SeqCst);
                })
                .await;
            })
        });
        has_begun.await.unwrap();
        yield_now().await;
        token.cancel().await;
        assert!(clean.get() && there.load(Ordering::SeqCst));
        assert!(local.await.unwrap().is_err() && remote.await.unwrap().is_err());
        // Again, with nobody there.
        token.cancel().await;
    });
}

#[apply(on_each_driver)]
fn a_clean_up_runs_on_success_on_panic_and_on_cancel() {
    hush();
    block_on(async {
        let clean = Cell::new(0);
        let cleanup = async || {
            yield_now().await;
            assert!(!is_cancelled() && effective_deadline().is_none());
            clean.set(clean.get() + 1);
        };
        assert_eq!(with_cleanup(async { 7 }, cleanup).await, 7);
        assert_eq!(clean.get(), 1);

        let panics = scope(async |_| {
            with_cleanup(async { panic!("{ON_PURPOSE}") }, cleanup).await;
            Ok::<_, Infallible>(())
        });
        assert!(panics.await.unwrap_err().is_panic());
        assert_eq!(clean.get(), 2);

        let slow = move_on_after(UNIT, with_cleanup(pending::<()>(), cleanup));
        assert_eq!((soon("the end", slow).await, clean.get()), (None, 3));

        // Cancelled before it begins.
        let ended = move_on_after(Duration::ZERO, with_cleanup(checkpoint(), cleanup));
        assert_eq!((soon("the end", ended).await, clean.get()), (None, 4));

        // Nested: from the inside out.
        let log = RefCell::new(Vec::new());
        let say = async |what| {
            yield_now().await;
            log.borrow_mut().push(what);
        };
        let nested = with_cleanup(
            with_cleanup(pending::<()>(), async || say("inner").await),
            async || say("outer").await,
        );
        assert_eq!(soon("the end", move_on_after(UNIT, nested)).await, None);
        assert_eq!(log.take(), ["inner", "outer"]);

        // A destructor of the work that panics does not keep it from running.
        struct Fragile;
        impl Drop for Fragile {
            fn drop(&mut self) {
                panic!("{ON_PURPOSE}");
            }
        }
        let fragile = scope(async |s| {
            let work = async {
                let _fragile = Fragile;
                pending::<()>().await;
            };
            let child = s.spawn(with_cleanup(work, cleanup));
            yield_now().await;
            child.cancel().await;
            Ok::<_, Infallible>(())
        });
        assert!(fragile.await.unwrap_err().is_panic());
        assert_eq!(clean.get(), 5);

        // Dropped by something else than a scope, it does not run.
        let dropped = Dropped::default();
        let guard = dropped.guard();
        let work = with_cleanup(pending::<()>(), async || {
            drop(guard);
            clean.set(99);
        });
        assert!(timeout(UNIT, work).await.is_err());
        assert_eq!((clean.get(), dropped.count()), (5, 1));
    });
}

#[apply(on_each_driver)]
fn a_loop_that_is_run_in_a_cancelled_scope_is_no_part_of_it() {
    let token = CancelToken::new();
    let seen = Cell::new(None);
    let ended = futures_lite::future::block_on(token.run(async {
        drop(token.cancel());
        let inner = block_on(async {
            checkpoint().await;
            let bounded = move_on_after(Duration::from_secs(3600), checkpoint()).await;
            // Behind a scope of its own it is none of the outer one again.
            yield_now().await;
            spawn(checkpoint()).await.unwrap();
            (bounded.is_some(), is_cancelled())
        });
        seen.set(Some((inner, is_cancelled())));
        checkpoint().await;
        unreachable!("its scope is cancelled");
    }));
    assert!(ended.is_err());
    assert_eq!(seen.get(), Some(((true, false), true)));
}
