//! `#[ringmill::test]` on what it is not for, and told what it does not know.

#[ringmill::test]
fn not_async() {}

#[ringmill::test]
async fn with_arguments(_: u32) {}

#[ringmill::test]
#[test]
async fn a_test_already() {}

#[ringmill::test(drivers = "both")]
async fn drivers() {}

#[ringmill::test(drivers = "all", driver = "uring")]
async fn one_or_all() {}

#[ringmill::test(clock = "virtual")]
async fn clock() {}

#[ringmill::test(timeout = "5")]
async fn no_unit() {}

#[ringmill::test(timeout = 5)]
async fn no_text() {}

#[ringmill::test(seed = "7")]
async fn seed() {}

#[ringmill::test]
async unsafe fn not_safe() {}

#[ringmill::test]
async fn bounded()
where
    String: Clone,
{
}

fn main() {}
