//! compio's tasks, timers and starts, each once: `versus-compio OPERATIONS`.

mod start;
mod task;
mod timer;

use std::env;
use std::io;

use versus::micro::Work;

fn main() -> io::Result<()> {
    let operations = env::args().nth(1).and_then(|number| number.parse().ok());
    let work = Work::new(operations.unwrap_or(100_000), [0, 1]);
    let measures = task::MEASURES.iter().chain(task::YIELDS);
    let measures = measures.chain(timer::MEASURES);
    for (suite, case, measure) in measures.chain(start::MEASURES) {
        println!("{suite} {case}: {:?}", measure(&work)?.figures());
    }
    Ok(())
}
