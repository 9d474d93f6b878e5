//! What the attributes `#[ringmill::main]` and `#[ringmill::test]` (feature `macros`) come to. Not
//! for other use: it changes with the macros.

mod test;

pub use test::Test;

use crate::runtime::{Builder, Runtime};
use std::future::Future;

/// Runs a program's main future; where there can be no runtime, the program ends.
#[track_caller]
pub fn run_main<F: Future>(builder: Builder, main: F) -> F::Output {
    match builder.build() {
        Ok(runtime) => Runtime::block_on(&runtime, main),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
