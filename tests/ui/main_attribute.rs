//! `#[ringmill::main]` on what it is not for, and told what it does not know.

#[ringmill::main]
fn not_async() {}

#[ringmill::main]
async fn with_arguments(_: u32) {}

#[ringmill::main]
async fn generic<T>() {}

#[ringmill::main]
struct NoFunction;

#[ringmill::main(threads = 2)]
async fn unknown() {}

#[ringmill::main(loops = 0)]
async fn no_loops() {}

#[ringmill::main(loops = 1, loops = 2)]
async fn twice() {}

#[ringmill::main(driver = "kqueue")]
async fn driver() {}

#[ringmill::main(2)]
async fn no_name() {}

#[ringmill::main]
async unsafe fn not_safe() {}

#[ringmill::main]
async fn bounded()
where
    String: Clone,
{
}

#[ringmill::main]
async fn wrong_type() -> u32 {
    "seven"
}

fn main() {}
