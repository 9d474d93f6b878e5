//! A runtime from its making to its end, with an empty future in between.
//!
//! ```text
//! cargo bench --bench start
//! ```

use criterion::{Criterion, criterion_group, criterion_main};
use ringmill::{Builder, DriverKind};
use std::hint::black_box;
use std::thread;

/// With one loop, and with one for each processor, on each driver that there is here.
fn cycle(c: &mut Criterion) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    for driver in [DriverKind::Uring, DriverKind::Epoll] {
        for (name, loops) in [("one loop", 1), ("a loop a processor", processors)] {
            let builder = || Builder::new().loops(loops).driver(driver);
            if let Err(error) = builder().build() {
                eprintln!("{driver} is left out: {error}");
                continue;
            }
            c.bench_function(&format!("{name}, {driver}"), |b| {
                b.iter(|| {
                    let runtime = builder().build();
                    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
                    runtime.block_on(async { black_box(()) });
                });
            });
        }
    }
}

criterion_group!(benches, cycle);
criterion_main!(benches);
