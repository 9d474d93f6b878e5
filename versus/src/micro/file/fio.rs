//! fio with its io_uring engine: the figure that a disk is usually judged by. It checks nothing of
//! what it reads.
//!
//! Its CPU time is by its own account, of the thread that submits, in percent of the time. Buffered
//! writes are carried out by threads of the kernel that are not in there; with them it is the CPU time
//! of the whole program, a start of some ten milliseconds included.

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::DEPTH;
use super::blocks::{self, BLOCK, LENGTH, PIECE, Target, WRITTEN};
use crate::confine;
use crate::during::{During, checked};
use crate::micro::Work;
use crate::micro::lap::Lap;

/// How many operations are submitted at a time.
#[derive(Clone, Copy)]
enum Batch {
    /// As fio does it by default: best for a disk, which then has something to do at once.
    One,
    /// As many as there are: best for the page cache, as there is a system call less for each.
    All,
}

/// One of its jobs.
struct Job<'run> {
    file: &'run Path,
    length: u64,
    kind: &'run str,
    size: usize,
    depth: u64,
    batch: Batch,
    direct: bool,
}

/// Whether there is a fio to run.
pub fn installed(_: &Path) -> Result<(), String> {
    let version = Command::new("fio")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    match version {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("does not work here ({status})")),
        Err(error) => Err(format!("is not installed ({error})")),
    }
}

pub fn installed_and_direct(directory: &Path) -> Result<(), String> {
    blocks::direct(directory).and_then(|()| installed(directory))
}

pub fn random_cached(work: &Work) -> io::Result<Lap> {
    random(work, false, Batch::All)
}

pub fn random_direct(work: &Work) -> io::Result<Lap> {
    random(work, true, Batch::One)
}

fn random(work: &Work, direct: bool, batch: Batch) -> io::Result<Lap> {
    let job = Job {
        file: &blocks::source(&work.directory),
        length: LENGTH,
        kind: "randread",
        size: BLOCK,
        depth: DEPTH,
        batch,
        direct,
    };
    run(work, &job)
}

pub fn sequential_read(work: &Work) -> io::Result<Lap> {
    let file = blocks::source(&work.directory);
    run(work, &sequential(&file, LENGTH, "read"))
}

pub fn sequential_write(work: &Work) -> io::Result<Lap> {
    let target = Target::new(work)?;
    run(work, &sequential(target.path(), WRITTEN, "write"))
}

fn sequential<'run>(file: &'run Path, length: u64, kind: &'run str) -> Job<'run> {
    Job {
        file,
        length,
        kind,
        size: PIECE,
        depth: 1,
        batch: Batch::One,
        direct: false,
    }
}

fn run(work: &Work, job: &Job<'_>) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let batch = match job.batch {
        Batch::One => 1,
        Batch::All => job.depth,
    };
    let before = children()?;
    let mut fio = Command::new("fio");
    // SAFETY: between fork and exec only prctl is called, which is safe for a signal handler to call
    // and touches no memory.
    unsafe { fio.pre_exec(confine::die_with_parent) };
    let output = fio
        .args(["--name=versus", "--ioengine=io_uring", "--thread"])
        // No random map, no clock read for each operation, and the page cache is left as it is.
        .args(["--norandommap", "--gtod_reduce=1", "--invalidate=0"])
        .arg(format!("--filename={}", job.file.display()))
        .arg(format!("--rw={}", job.kind))
        .arg(format!("--bs={}", job.size))
        .arg(format!("--size={}", job.length))
        .arg(format!("--io_size={}", work.operations * job.size as u64))
        .arg(format!("--iodepth={}", job.depth))
        .arg(format!("--iodepth_batch_submit={batch}"))
        .arg("--iodepth_batch_complete_min=1")
        .arg(format!("--iodepth_batch_complete_max={}", job.depth))
        .arg(format!("--direct={}", u8::from(job.direct)))
        .arg("--output-format=json")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .during("running fio")?;
    if !output.status.success() {
        return Err(io::Error::other(format!("fio: {}", output.status)));
    }
    let writes = job.kind == "write";
    let kind = if writes { "write" } else { "read" };
    let lap = lap(&output.stdout, kind);
    let mut lap = lap.ok_or_else(|| io::Error::other("fio has said something else"))?;
    if writes {
        lap.cpu_seconds = children()? - before;
    }
    Ok(lap)
}

/// Seconds of CPU time of the programs that were run and have ended.
fn children() -> io::Result<f64> {
    let mut usage = MaybeUninit::zeroed();
    // SAFETY: the kernel fills the rusage that the pointer names.
    checked(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) })
        .during("reading the CPU time of fio")?;
    // SAFETY: filled by the call, which has succeeded.
    let usage: libc::rusage = unsafe { usage.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

/// What the only job of a report took.
fn lap(report: &[u8], kind: &str) -> Option<Lap> {
    let report: Value = serde_json::from_slice(report).ok()?;
    let job = report.get("jobs")?.get(0)?;
    let figure = |value: &Value, name: &str| value.get(name).and_then(Value::as_f64);
    let of_kind = job.get(kind)?;
    let operations = figure(of_kind, "total_ios")?;
    let runtime = figure(job, "job_runtime")? / 1e3;
    let percent = figure(job, "usr_cpu")? + figure(job, "sys_cpu")?;
    Some(Lap {
        operations: operations as u64,
        // Finer than its run time in milliseconds.
        seconds: operations / figure(of_kind, "iops")?,
        cpu_seconds: percent / 100.0 * runtime,
        memory: None,
        driver: None,
    })
}

#[cfg(test)]
mod tests {
    use super::lap;

    #[test]
    fn a_report_is_read() {
        let report = br#"{"jobs": [{"job_runtime": 2000, "usr_cpu": 10.0, "sys_cpu": 15.0,
            "read": {"total_ios": 1000, "iops": 500.0}}]}"#;
        let lap = lap(report, "read").expect("all that is needed");
        assert_eq!(
            (lap.operations, lap.seconds, lap.cpu_seconds),
            (1_000, 2.0, 0.5)
        );
    }
}
