//! How late a loop is while it reads, writes and syncs files: a task on it asks to be woken every
//! millisecond, and notes how much later it is.
//!
//! ```text
//! cargo bench --bench files -- [DIRECTORY]
//! ```
//!
//! The first line of each driver is the loop with nothing else to do: what of the rest the machine is
//! to blame for. Stalls are ticks of more than a millisecond, by `LoopStats`; they count also when
//! something else has the processor: busy is the processor time of the loop in all, and a stall that
//! is longer than it was not the loop's own. What is read cold is taken out of the page cache by dd.

use ringmill::fs::{File, OpenOptions};
use ringmill::time::Instant;
use ringmill::{AlignedBuf, Builder, DriverKind, Handle, Watchdog, time};
use std::cell::RefCell;
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

/// Bytes of the file.
const LENGTH: u64 = 512 << 20;

/// Bytes of a sequential read or write.
const PIECE: u64 = 1 << 20;

/// Bytes of a random read.
const BLOCK: u64 = 4096;

/// How many random reads there are.
const BLOCKS: u64 = 32_768;

/// When the task that is to be late wants to be woken.
const PERIOD: Duration = Duration::from_millis(1);

/// Tasks of which each has one operation under way.
const TASKS: [u64; 2] = [1, 64];

fn main() -> io::Result<()> {
    // `--bench` comes from cargo.
    let directory = env::args().skip(1).find(|argument| argument != "--bench");
    let directory = directory.map_or_else(env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(directory)?;
    let path = directory.path().join("file");
    println!(
        "| driver | work | tasks | time | MiB/s | late: median | p99 | max | stalls | longest |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for driver in [DriverKind::Uring, DriverKind::Epoll] {
        let line = |name: &str, tasks| Line {
            driver,
            name: name.to_owned(),
            tasks,
        };
        line("nothing", 0).run(0, async || {
            time::sleep(Duration::from_secs(2)).await;
            Ok(())
        })?;
        for tasks in TASKS {
            let pieces = buffers(tasks, PIECE);
            line("write 1 MiB", tasks).run(LENGTH, async || write(&path, pieces).await)?;
            line("sync", 1).run(0, async || File::open(&path).await?.sync_all().await)?;
        }
        for tasks in TASKS {
            forget(&path)?;
            for name in ["read 1 MiB, cold", "read 1 MiB, cached"] {
                let pieces = buffers(tasks, PIECE);
                line(name, tasks).run(LENGTH, async || read(&path, pieces).await)?;
            }
        }
        for tasks in TASKS {
            forget(&path)?;
            for (name, direct) in [("read 4 KiB, cold", false), ("read 4 KiB, direct", true)] {
                let (bytes, blocks) = (BLOCKS * BLOCK, buffers(tasks, BLOCK));
                line(name, tasks).run(bytes, async || read_blocks(&path, blocks, direct).await)?;
            }
        }
    }
    Ok(())
}

/// Of the table.
struct Line {
    driver: DriverKind,
    name: String,
    tasks: u64,
}

impl Line {
    /// Does the work on a loop of its own, and prints how late that was meanwhile.
    fn run(self, bytes: u64, work: impl AsyncFnOnce() -> io::Result<()>) -> io::Result<()> {
        // What is late is in the table.
        let quiet = Watchdog::new(PERIOD).on_stall(|_| {});
        let runtime = Builder::new().loops(1).driver(self.driver).watchdog(quiet);
        let (late, took, stats) = runtime.build()?.block_on(async {
            let late = Rc::new(RefCell::new(Vec::new()));
            let watch = ringmill::spawn(watch(late.clone()));
            let start = Instant::now();
            work().await?;
            let took = start.elapsed();
            // A delay that is under way counts, too.
            time::sleep(2 * PERIOD).await;
            watch.abort();
            let mut late = late.take();
            late.sort();
            io::Result::Ok((late, took, Handle::current().stats().remove(0)))
        })?;
        let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
        println!(
            "| {} | {} | {} | {took:.0?} | {:.0} | {:.0?} | {:.0?} | {:.0?} | {} | {:.1?} | {:.0?} |",
            self.driver,
            self.name,
            self.tasks,
            bytes as f64 / took.as_secs_f64() / f64::from(1 << 20),
            at(0.5),
            at(0.99),
            at(1.0),
            stats.stalls,
            stats.longest_stall,
            stats.busy,
        );
        Ok(())
    }
}

/// Notes how late it is woken, each millisecond.
async fn watch(late: Rc<RefCell<Vec<Duration>>>) {
    loop {
        let deadline = Instant::now() + PERIOD;
        time::sleep_until(deadline).await;
        late.borrow_mut().push(deadline.elapsed());
    }
}

async fn write(path: &Path, pieces: Vec<AlignedBuf>) -> io::Result<()> {
    let file = Rc::new(File::create(path).await?);
    let last = file.clone();
    each(pieces, LENGTH / PIECE, async move |mut piece, numbers| {
        for number in numbers {
            let written;
            (written, piece) = file.write_all_at(piece, number * PIECE).await;
            written?;
        }
        Ok(())
    })
    .await?;
    // It may have been there before: see `File::close`.
    match Rc::into_inner(last) {
        Some(file) => file.close().await,
        None => Err(io::Error::other("a task has kept the file")),
    }
}

async fn read(path: &Path, pieces: Vec<AlignedBuf>) -> io::Result<()> {
    let file = Rc::new(File::open(path).await?);
    each(pieces, LENGTH / PIECE, async move |mut piece, numbers| {
        for number in numbers {
            let read;
            (read, piece) = file.read_exact_at(piece, number * PIECE).await;
            read?;
        }
        Ok(())
    })
    .await
}

async fn read_blocks(path: &Path, blocks: Vec<AlignedBuf>, direct: bool) -> io::Result<()> {
    let options = OpenOptions::new().read(true).direct(direct);
    let file = Rc::new(options.open(path).await?);
    each(blocks, BLOCKS, async move |mut block, numbers| {
        for number in numbers {
            // Multiplied by an odd number they are all over the file, and each once (Knuth, "The Art
            // of Computer Programming", 6.4).
            let place = number * 2_654_435_761 % (LENGTH / BLOCK) * BLOCK;
            let read;
            (read, block) = file.read_exact_at(block, place).await;
            read?;
        }
        Ok(())
    })
    .await
}

/// One for each task, and no page of them is new to the kernel when it is first used: that would be
/// in the figures.
fn buffers(tasks: u64, len: u64) -> Vec<AlignedBuf> {
    let buffer = || {
        let mut buffer = AlignedBuf::new(len as usize);
        buffer.fill(1);
        buffer
    };
    (0..tasks).map(|_| buffer()).collect()
}

/// The numbers of one task.
type Numbers = std::iter::StepBy<std::ops::Range<u64>>;

/// Deals the numbers below `count` to a task for each buffer, and waits for them.
async fn each<W>(buffers: Vec<AlignedBuf>, count: u64, work: W) -> io::Result<()>
where
    W: AsyncFn(AlignedBuf, Numbers) -> io::Result<()> + 'static,
{
    let work = Rc::new(work);
    let step = buffers.len();
    let tasks: Vec<_> = buffers
        .into_iter()
        .zip(0..)
        .map(|(buffer, task)| {
            let (work, numbers) = (work.clone(), (task..count).step_by(step));
            ringmill::spawn(async move { work(buffer, numbers).await })
        })
        .collect();
    for task in tasks {
        task.await.map_err(io::Error::other)??;
    }
    Ok(())
}

/// Takes the file out of the page cache.
fn forget(path: &Path) -> io::Result<()> {
    let mut file = std::ffi::OsString::from("if=");
    file.push(path);
    let status = Command::new("dd")
        .arg(file)
        .args(["iflag=nocache", "count=0", "status=none"])
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other("dd has failed")),
    }
}
