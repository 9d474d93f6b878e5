//! Task-locals follow the work wherever it goes, and go nowhere else.

mod kit;

use kit::driver::{apply, carried, on_each_driver};
use kit::dropped::{Dropped, Guard};
use kit::wait::{here, soon, until};
use kit::{block_on, builder, hush, runtime};
use ringmill::blocking::{Pool, compute, spawn_blocking};
use ringmill::channel::oneshot;
use ringmill::context::{Context, TaskLocal};
use ringmill::{LoopRef, spawn, spawn_anywhere, task_local, yield_now};
use std::future::pending;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

task_local! {
    static NAME: &'static str;
    static NUMBER: u32;
    static GUARD: Arc<Guard>;
}

fn name() -> Option<&'static str> {
    NAME.try_get().ok()
}

fn number() -> Option<u32> {
    NUMBER.try_get().ok()
}

/// Notes the name that it is dropped under.
#[derive(Clone, Default)]
struct Epitaphs(Arc<Mutex<Vec<Option<&'static str>>>>);

impl Epitaphs {
    fn mortal(&self) -> Mortal {
        Mortal(self.clone())
    }

    fn all(&self) -> Vec<Option<&'static str>> {
        self.0.lock().unwrap().clone()
    }
}

struct Mortal(Epitaphs);

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().push(name());
    }
}

#[apply(on_each_driver)]
fn a_value_follows_into_tasks_on_every_loop() {
    let runtime = runtime(3);
    let handle = runtime.handle().clone();
    let everywhere = NAME.scope("ada", async {
        let task = spawn(async {
            yield_now().await;
            // From a task of a task, too.
            (name(), spawn(async { name() }).await.unwrap())
        });
        assert_eq!(
            soon("a task", task).await.unwrap(),
            (Some("ada"), Some("ada"))
        );
        for target in handle.loops() {
            // In the closure that makes the future, and in the future.
            let make = || {
                let made = name();
                async move {
                    yield_now().await;
                    (made, name())
                }
            };
            let both = (Some("ada"), Some("ada"));
            assert_eq!(soon("a task", target.spawn(make)).await.unwrap(), both);
            assert_eq!(soon("a call", target.call(make)).await.unwrap(), both);
            let task = handle.spawn_on(target.index(), make);
            assert_eq!(soon("a task", task).await.unwrap(), both);
        }
        for _ in 0..100 {
            let task = spawn_anywhere(|| async { name() });
            assert_eq!(soon("a task", task).await.unwrap(), Some("ada"));
        }
        let all = handle.for_each_loop(|_| async { name() });
        assert_eq!(soon("all", all).await.unwrap(), [Some("ada"); 3]);
    });
    runtime.block_on(everywhere);
    let after = handle.for_each_loop(|_| async { name() });
    assert_eq!(runtime.block_on(after).unwrap(), [None; 3]);
}

#[apply(on_each_driver)]
fn a_value_follows_into_pools_and_back_to_the_loops() {
    let runtime = runtime(2);
    let target = runtime.handle().loops()[1].clone();
    let own = Pool::builder("own").threads(1).build();
    let work = move || (name(), target.call_blocking(|| async { name() }).unwrap());
    runtime.block_on(async {
        let found = (Some("ada"), Some("ada"));
        let jobs = NAME.sync_scope("ada", || {
            let (work, again) = (work.clone(), work.clone());
            [
                spawn_blocking(work),
                compute(again),
                own.spawn(work_of(&own)),
            ]
        });
        for job in jobs {
            assert_eq!(soon("a job", job).await.unwrap(), found);
        }
        // The same threads, and nothing is left on them.
        for job in [spawn_blocking(name), compute(name), own.spawn(name)] {
            assert_eq!(soon("a job", job).await.unwrap(), None);
        }
    });

    fn work_of(_: &Pool) -> impl FnOnce() -> (Option<&'static str>, Option<&'static str>) + use<> {
        let home = LoopRef::current().unwrap();
        move || (name(), home.call_blocking(|| async { name() }).unwrap())
    }
}

/// A thread of the CPU pool that yields runs another job in the middle of the first.
#[apply(on_each_driver)]
fn a_job_that_runs_within_another_has_its_own_context() {
    let runtime = kit::build(builder(1).compute_threads(1));
    let handle = runtime.handle().clone();
    let done = Arc::new(AtomicBool::new(false));
    let is_done = done.clone();
    let outer = NAME.sync_scope("outer", || {
        handle.compute(move || {
            while !is_done.load(Ordering::SeqCst) {
                rayon_core::yield_now();
            }
            name()
        })
    });
    let inner = handle.compute(move || {
        let found = name();
        done.store(true, Ordering::SeqCst);
        found
    });
    assert_eq!(here("the inner job", inner).unwrap(), None);
    assert_eq!(here("the outer job", outer).unwrap(), Some("outer"));
}

#[apply(on_each_driver)]
fn tasks_that_take_turns_keep_their_own_values() {
    block_on(async {
        let task = |own: Option<u32>| async move {
            for _ in 0..10 {
                assert_eq!(number(), own);
                yield_now().await;
            }
        };
        let tasks: Vec<_> = (0..30)
            .map(|n| match n % 3 {
                0 => spawn(task(None)),
                1 => NUMBER.sync_scope(n, || spawn(task(Some(n)))),
                // Not the task's, but a part of it has it.
                _ => spawn(NUMBER.scope(n, task(Some(n)))),
            })
            .collect();
        for task in tasks {
            soon("a task", task).await.unwrap();
        }
    });
}

#[apply(on_each_driver)]
fn an_inner_scope_hides_the_outer_one_and_leaves_the_others() {
    block_on(NAME.scope("ada", async {
        // It knows where it is polled, and not where it was made.
        let made_outside = NUMBER.scope(1, async {
            assert_eq!((name(), number()), (Some("eve"), Some(1)));
            yield_now().await;
            assert_eq!((name(), number()), (Some("eve"), Some(1)));
            NUMBER.with(|outer| {
                NUMBER.sync_scope(2, || assert_eq!(number(), Some(2)));
                assert_eq!(*outer, 1);
            });
            assert_eq!(number(), Some(1));
        });
        NAME.scope("eve", made_outside).await;
        assert_eq!((name(), number()), (Some("ada"), None));
    }));
    assert_eq!(name(), None);
}

#[apply(on_each_driver)]
fn a_panic_leaves_no_context_behind() {
    hush();
    block_on(async {
        let fails = NAME.sync_scope("ada", || {
            spawn(async { panic!("{} {:?}", kit::ON_PURPOSE, name()) })
        });
        assert!(soon("an end", fails).await.unwrap_err().is_panic());
        assert_eq!(name(), None);
        assert_eq!(soon("a task", spawn(async { name() })).await.unwrap(), None);
        let fails = catch_unwind(|| {
            NAME.sync_scope("ada", || panic!("{}", kit::ON_PURPOSE));
        });
        assert!(fails.is_err());
        assert_eq!(name(), None);
        let fails = spawn(NAME.scope("ada", async { panic!("{}", kit::ON_PURPOSE) }));
        assert!(soon("an end", fails).await.unwrap_err().is_panic());
        assert_eq!(soon("a task", spawn(async { name() })).await.unwrap(), None);
    });
}

#[apply(on_each_driver)]
fn a_runtime_within_a_context_runs_only_its_own_future_in_it() {
    let runtime = runtime(1);
    let (sender, receiver) = oneshot::channel();
    let before = runtime.handle().spawn_on(0, || async move {
        receiver.await.unwrap();
        name()
    });
    runtime.block_on(yield_now());
    // Synchronously from one to the other, so the future is a part of the same work.
    let (inside, task) = NAME.sync_scope("ada", || {
        runtime.block_on(async {
            sender.send(()).unwrap();
            let other = soon("the other task", before).await.unwrap();
            assert_eq!(other, None);
            (
                name(),
                soon("a task", spawn(async { name() })).await.unwrap(),
            )
        })
    });
    assert_eq!((inside, task), (Some("ada"), Some("ada")));
    assert_eq!(runtime.block_on(async { name() }), None);
}

#[apply(on_each_driver)]
fn a_runtime_in_a_job_of_another_has_the_jobs_context() {
    let work = carried(|| block_on(async { (name(), spawn(async { name() }).await.unwrap()) }));
    let found = block_on(NAME.scope("ada", async {
        let job = spawn_blocking(work);
        soon("the job", job).await.unwrap()
    }));
    assert_eq!(found, (Some("ada"), Some("ada")));
}

#[apply(on_each_driver)]
fn the_tasks_of_a_runtime_that_is_dropped_in_a_context_are_not_in_it() {
    let epitaphs = Epitaphs::default();
    let doomed = runtime(1);
    let (plain, named) = (epitaphs.mortal(), epitaphs.mortal());
    doomed.block_on(async {
        let forever = |mortal: Mortal| async move {
            let _mortal = mortal;
            pending::<()>().await;
        };
        drop(spawn(forever(plain)));
        NAME.sync_scope("its own", || drop(spawn(forever(named))));
        yield_now().await;
    });
    runtime(1).block_on(NAME.scope("another's", async {
        drop(doomed);
        assert_eq!(name(), Some("another's"));
    }));
    let mut found = epitaphs.all();
    found.sort();
    assert_eq!(found, [None, Some("its own")]);
}

#[apply(on_each_driver)]
fn destructors_run_in_the_context_of_their_future() {
    let epitaphs = Epitaphs::default();
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    // Its runtime is gone.
    let dead = kit::runtime(1).handle().loops()[0].clone();
    runtime.block_on(async {
        let forever = |mortal: Mortal| async move {
            let _mortal = mortal;
            pending::<()>().await;
        };
        let m = || epitaphs.mortal();
        // It ended by itself, was aborted after its first poll, and before.
        let ends = NAME.sync_scope("ended", || {
            let mortal = m();
            spawn(async move { drop(mortal) })
        });
        soon("its end", ends).await.unwrap();
        let aborted = NAME.sync_scope("aborted", || spawn(forever(m())));
        yield_now().await;
        aborted.abort();
        soon("its end", aborted).await.unwrap_err();
        let unpolled = NAME.sync_scope("unpolled", || spawn(forever(m())));
        unpolled.abort();
        soon("its end", unpolled).await.unwrap_err();
        // On another loop, and on one that is gone: the closure.
        let (mortal, begun) = (m(), Arc::new(AtomicBool::new(false)));
        let begins = begun.clone();
        let away = NAME.sync_scope("away", || {
            other.spawn(move || {
                begins.store(true, Ordering::SeqCst);
                forever(mortal)
            })
        });
        until("its beginning", || begun.load(Ordering::SeqCst)).await;
        away.abort();
        soon("its end", away).await.unwrap_err();
        let mortal = m();
        let lost = NAME.sync_scope("lost", || dead.spawn(move || forever(mortal)));
        soon("its end", lost).await.unwrap_err();
        // Parts of a task.
        let mut part = Box::pin(NAME.scope("part", forever(m())));
        assert!(futures_lite::future::poll_once(&mut part).await.is_none());
        drop(part);
        drop(NAME.scope("unpolled part", forever(m())));
        drop(Context::empty().attach(forever(m())));
    });
    let found = epitaphs.all();
    let expected = [
        "ended",
        "aborted",
        "unpolled",
        "away",
        "lost",
        "part",
        "unpolled part",
    ];
    assert_eq!(found[..7], expected.map(Some));
    assert_eq!(found[7..], [None]);
}

#[apply(on_each_driver)]
fn a_job_that_is_dropped_elsewhere_is_dropped_in_its_own_context() {
    let epitaphs = Epitaphs::default();
    block_on(async {
        let pool = Pool::builder("own").threads(1).queue(1).build();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let busy = pool.spawn(move || {
            begun.send(()).unwrap();
            may_go_on.recv().is_err()
        });
        until("the first job", || has_begun.try_recv().is_ok()).await;
        let queued = pool.spawn(|| ());
        let (plain, named) = (epitaphs.mortal(), epitaphs.mortal());
        // Outside of the full queue.
        let plain = pool.spawn(move || drop(plain));
        let named = NAME.sync_scope("its own", || pool.spawn(move || drop(named)));
        NAME.sync_scope("another's", || drop((plain, named)));
        drop(go_on);
        soon("the first job", busy).await.unwrap();
        soon("the second", queued).await.unwrap();
    });
    assert_eq!(epitaphs.all(), [None, Some("its own")]);
}

#[apply(on_each_driver)]
fn a_value_ends_with_the_last_task_that_has_it() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let dropped = Dropped::default();
    let counted = dropped.clone();
    runtime.block_on(async move {
        let scope = GUARD.scope(Arc::new(dropped.guard()), async {
            let (go_on, may_go_on) = oneshot::channel::<()>();
            let task = other.spawn(|| async move { may_go_on.await.is_ok() });
            (go_on, task)
        });
        let (go_on, task) = scope.await;
        assert_eq!(counted.count(), 0);
        // A handle and what it keeps of a task do not count: the task has ended.
        let aborts = task.abort_handle();
        go_on.send(()).unwrap();
        assert!(soon("its end", task).await.unwrap());
        assert_eq!(counted.count(), 1);
        drop(aborts);
    });
}

#[apply(on_each_driver)]
fn a_value_that_panics_as_it_is_dropped_ends_no_loop() {
    struct Bad;

    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("{}", kit::ON_PURPOSE);
        }
    }

    task_local!(static BAD: Bad);

    hush();
    block_on(async {
        let task = Context::empty().with(&BAD, Bad).run(|| spawn(yield_now()));
        // Whoever drops the last reference: here the task, as the context above is gone.
        soon("its end", task).await.unwrap();
        assert_eq!(soon("a task", spawn(async { 1 })).await.unwrap(), 1);
    });
}

#[apply(on_each_driver)]
fn a_context_goes_over_channels_and_threads_where_it_is_taken_along() {
    block_on(async {
        let (sender, mut receiver) = ringmill::channel::mpsc::channel::<(Context, u32)>(8);
        let worker = spawn(async move {
            let mut found = Vec::new();
            while let Some((context, work)) = receiver.recv().await {
                assert_eq!(name(), None);
                let done = context.attach(async move {
                    yield_now().await;
                    (name(), spawn(async { name() }).await.unwrap(), work)
                });
                found.push(done.await);
            }
            found
        });
        for (name, work) in [("ada", 1), ("eve", 2)] {
            let sent = NAME.scope(name, async {
                sender.send((Context::current(), work)).await
            });
            assert!(sent.await.is_ok());
        }
        drop(sender);
        let found = soon("the work", worker).await.unwrap();
        assert_eq!(
            found,
            [(Some("ada"), Some("ada"), 1), (Some("eve"), Some("eve"), 2)]
        );
    });
    let context = NAME.sync_scope("ada", Context::current);
    let thread = thread::spawn(move || (name(), context.run(name), name()));
    assert_eq!(thread.join().unwrap(), (None, Some("ada"), None));
}

#[test]
fn a_context_holds_one_value_for_each_task_local() {
    let dropped = Dropped::default();
    let first = Context::empty()
        .with(&NUMBER, 1)
        .with(&GUARD, Arc::new(dropped.guard()))
        .with(&NAME, "ada");
    let second = first.with(&GUARD, Arc::new(dropped.guard()));
    assert_eq!(
        format!("{second:?}"),
        r#"Context {"NUMBER", "GUARD", "NAME"}"#
    );
    assert_eq!(
        (second.get(&NUMBER), second.get(&NAME)),
        (Some(&1), Some(&"ada"))
    );
    drop(first);
    assert_eq!(dropped.count(), 1, "what is hidden is not kept");
    drop(second);
    assert_eq!(dropped.count(), 2);
    assert!(Context::default().is_empty() && Context::current().is_empty());
    // Nothing of the outer context is seen in another.
    NAME.sync_scope("ada", || {
        Context::empty()
            .with(&NUMBER, 1)
            .run(|| assert_eq!((name(), number()), (None, Some(1))));
        Context::empty().run(|| assert!(Context::current().is_empty()));
    });
}

#[test]
fn looking_where_there_is_no_value_says_which() {
    static UNSET: TaskLocal<u32> = TaskLocal::new(kit::ON_PURPOSE);
    let error = UNSET.try_get().unwrap_err();
    let text = format!("the task-local {} has no value here", kit::ON_PURPOSE);
    assert_eq!(error.to_string(), text);
    hush();
    let panic = catch_unwind(|| UNSET.get()).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>(), Some(&text));
}
