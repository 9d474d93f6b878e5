//! Told what it does not know there is a `main` all the same, and no second error about that.

#[ringmill::main(threads = 2)]
async fn main() {}
