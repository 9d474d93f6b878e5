//! Promise: whatever a tree of scopes does, it ends, with all its children, and leaves nothing; each
//! of its errors is told exactly once.
//!
//! Random trees of scopes, children here and on another loop, deadlines, shields, clean-ups, tokens
//! that everybody cancels, failures and panics. `RINGMILL_TREES` is how many on each number of loops,
//! `RINGMILL_SEED` which:
//!
//! ```text
//! RINGMILL_TREES=100000 cargo test --release --features test-util --test scope_trees
//! ```

#[path = "../kit/mod.rs"]
mod kit;
mod plan;
mod replay;
mod world;

use kit::driver::{apply, on_each_driver};
use kit::random::Random;
use kit::runtime;
use kit::wait::{NEVER, soon, until};
use plan::{Draw, Open, Place, Plan, Step};
use ringmill::scope::{Ready, Results, checkpoint, move_on_after, scope, shield, with_cleanup};
use ringmill::time::{Instant, sleep, timeout};
use ringmill::{Handle, LoopRef, yield_now};
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use world::{Alive, Flaw, World};

/// What code does that follows a plan.
fn follow<'a>(
    plan: &'a Plan,
    world: &'a Arc<World>,
) -> Pin<Box<dyn Future<Output = Result<(), Flaw>> + 'a>> {
    Box::pin(async move {
        for (number, step) in plan.steps.iter().enumerate() {
            world.note("a step", number);
            take(step, world).await?;
        }
        Ok(())
    })
}

async fn take(step: &Step, world: &Arc<World>) -> Result<(), Flaw> {
    match step {
        Step::Yield(turns) => {
            for _ in 0..*turns {
                yield_now().await;
            }
        }
        Step::Checkpoint => checkpoint().await,
        Step::Sleep(duration) => sleep(*duration).await,
        Step::Hang => pending().await,
        Step::Fail => return Err(world.flaw()),
        // Without the hook's report.
        Step::Panic => std::panic::resume_unwind(Box::new(world.flaw())),
        Step::Cancel(token) => drop(world.tokens[*token as usize].cancel()),
        Step::Deadline(token, now) => {
            let from_now = if *now { Duration::ZERO } else { Duration::MAX };
            world.tokens[*token as usize].set_deadline(Instant::now() + from_now);
        }
        Step::Open(open) => return follow_scope(open, world).await,
        Step::MoveOn(duration, inner) => {
            if let Some(ended) = move_on_after(*duration, follow(inner, world)).await {
                ended?;
            }
        }
        Step::Shield(inner) => shield(follow(inner, world)).await?,
        Step::Cleanup(work, cleanup) => {
            let guard = world.alive();
            let worked = with_cleanup(follow(work, world), async || {
                let _guard = guard;
                if let Err(flaw) = contained(cleanup, world).await {
                    flaw.tell();
                }
            });
            worked.await?;
        }
        Step::Under(token, inner) => {
            let run = world.tokens[*token as usize].run(follow(inner, world));
            if let Ok(ended) = run.await {
                ended?;
            }
        }
        Step::Timeout(duration, inner) => {
            if let Ok(ended) = timeout(*duration, follow(inner, world)).await {
                ended?;
            }
        }
    }
    Ok(())
}

/// What a clean-up does, whose panics end here: it would throw them in the midst of another's.
async fn contained(plan: &Plan, world: &Arc<World>) -> Result<(), Flaw> {
    let opened = scope(async |s| {
        s.spawn(follow(plan, world));
        Ok(())
    });
    opened.await.map_err(|group| {
        world.hear(group);
        world.flaw()
    })
}

async fn follow_scope(open: &Open, world: &Arc<World>) -> Result<(), Flaw> {
    let opened = scope(async |s| {
        let few = s.limited(2);
        let mut results = Results::new();
        let mut tokens = Vec::new();
        if let Some(deadline) = open.deadline {
            s.token().set_deadline(Instant::now() + deadline);
        }
        for (place, plan) in &open.children {
            let alive = world.alive();
            let child = match (place, &world.there) {
                (Place::Here, _) => s.spawn(child(plan, world, alive)),
                (Place::Limited, _) => few.spawn(child(plan, world, alive)).await,
                (Place::Started, _) => {
                    let started = s.start(async move |ready: Ready<()>| {
                        yield_now().await;
                        ready.set(());
                        child(plan, world, alive).await
                    });
                    // It has no value if the child was cancelled or has failed.
                    let _ = started.await;
                    continue;
                }
                (Place::Task | Place::There, there) => {
                    let there = match (place, there) {
                        (Place::There, Some(there)) => there.clone(),
                        _ => LoopRef::current().expect("a loop"),
                    };
                    let (plan, world) = (plan.clone(), world.clone());
                    let make = async move || child(&plan, &world, alive).await;
                    s.spawn_on(&there, make)
                }
            };
            tokens.push(child.token());
            results.push(child);
        }
        if let Some(token) = open.cancels.and_then(|child| tokens.get(child)) {
            drop(token.cancel());
        }
        if open.cancels_all {
            drop(s.token().cancel());
        }
        follow(&open.body, world).await?;
        if !open.contained {
            // Some come before the scope ends, others are left.
            results.next().await;
        }
        Ok(())
    });
    match opened.await {
        Ok(()) => Ok(()),
        Err(group) => {
            let cancelled = group.is_cancelled();
            world.hear(group);
            match open.contained || cancelled {
                true => Ok(()),
                false => Err(world.flaw()),
            }
        }
    }
}

async fn child(plan: &Plan, world: &Arc<World>, alive: Alive) -> Result<(), Flaw> {
    let _alive = alive;
    follow(plan, world).await
}

/// After how many trees the loops are looked at.
const LOOK_EVERY: u64 = 20;

/// What lives on each loop: tasks, timers, operations.
fn living(handle: &Handle) -> Vec<[u64; 3]> {
    let stats = handle.stats();
    let lives = stats
        .iter()
        .map(|loop_| [loop_.tasks, loop_.timers, loop_.slots]);
    lives.collect()
}

fn trees() -> u64 {
    match std::env::var("RINGMILL_TREES") {
        Ok(trees) => trees.parse().expect("RINGMILL_TREES is a number"),
        Err(_) => 400,
    }
}

/// Follows a plan to its end, that of all its children included.
async fn end(plan: &Plan, world: &Arc<World>, may_lose: bool, said: &str) {
    let root = scope(async |s| {
        s.spawn(follow(plan, world));
        Ok(())
    });
    if let Err(group) = soon(said, root).await {
        world.hear(group);
    }
    // Something that was dropped has left its children on other loops behind.
    if may_lose {
        until(said, || world.is_settled()).await;
    }
}

fn grow(loops: usize) {
    let runtime = runtime(loops);
    let handle = runtime.handle().clone();
    let there = handle.loops().get(1).cloned();
    let mut random = Random::seeded();
    let (mut children, mut errors) = (0, 0);
    runtime.block_on(async {
        // Each loop has been at work and at rest.
        for loop_ in handle.loops() {
            let rests = loop_.spawn(|| sleep(Duration::from_millis(1)));
            rests.await.expect("a loop");
        }
        // As seen from a task that has just slept, as those of `until` have.
        sleep(Duration::from_millis(2)).await;
        let before = living(&handle);
        for tree in 0..trees() {
            let seed = random.next();
            let (plan, may_lose) = Draw::tree(seed);
            let world = World::new(there.clone());
            let said = format!("the end of tree {tree}, seed {seed}: {plan:?}");
            end(&plan, &world, may_lose, &said).await;
            // Loops tell of it a turn later, so not at every tree.
            if tree % LOOK_EVERY == 0 {
                let start = Instant::now();
                while living(&handle) != before {
                    let now = living(&handle);
                    assert!(
                        start.elapsed() < NEVER,
                        "{before:?} became {now:?} by {said}"
                    );
                    sleep(Duration::from_millis(1)).await;
                }
            }
            let checked = std::panic::catch_unwind(|| world.check(may_lose));
            assert!(checked.is_ok(), "{said}");
            let (born, flaws) = world.counts();
            children += born;
            errors += flaws;
        }
    });
    println!("{} trees, {children} children, {errors} errors", trees());
}

#[apply(on_each_driver)]
fn trees_on_one_loop_end_and_leave_nothing() {
    grow(1);
}

#[apply(on_each_driver)]
fn trees_on_two_loops_end_and_leave_nothing() {
    grow(2);
}
