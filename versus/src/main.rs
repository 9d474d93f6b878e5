//! The benchmark kit's program; everything is in the library, which the peers share.

use std::process::ExitCode;

fn main() -> ExitCode {
    versus::main()
}
