//! The same seed gives the same log, alone on a loop under a mock clock.

use crate::end;
use crate::kit::driver::{apply, on_each_driver};
use crate::kit::random::Random;
use crate::kit::{build, builder};
use crate::plan::Draw;
use crate::world::{Event, World};
use ringmill::test_util::MockClock;
use std::collections::HashSet;

const TREES: u64 = 100;

/// Of each tree.
const REPLAYS: usize = 4;

fn log(seed: u64) -> Vec<Event> {
    let clock = MockClock::autojump();
    let settings = builder(1).mock_clock(&clock).seed(seed).shuffle(true);
    let runtime = build(settings.ring_entries(64).buffer_pool(8, 256));
    runtime.block_on(async {
        let (plan, may_lose) = Draw::tree(seed);
        let world = World::new(None);
        end(&plan, &world, may_lose, &format!("the end of tree {seed}")).await;
        world.check(may_lose);
        world.log()
    })
}

#[apply(on_each_driver)]
fn a_seed_gives_the_same_log() {
    let mut random = Random::seeded();
    let mut different = HashSet::new();
    for _ in 0..TREES {
        let seed = random.next();
        let first = log(seed);
        for _ in 0..REPLAYS {
            assert_eq!(log(seed), first, "seed {seed}");
        }
        different.insert(first);
    }
    assert!(different.len() as u64 > TREES / 2, "most trees are alike");
}
