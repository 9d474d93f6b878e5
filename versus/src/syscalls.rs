//! How many system calls a server makes, by `strace -c`.
//!
//! A traced server is many times slower, so its system calls are counted in a run of their own,
//! never in one whose time counts. What is counted is right for a server that cannot keep up: more
//! is ready whenever it looks, so what takes many events with one call shows at its best.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::during::checked;

/// Until strace must have attached to all threads, and until it must have ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an ending strace is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// What strace says of each thread that it has taken.
const ATTACHED: &str = "attached";

/// System calls of all threads, between attaching and finishing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: u64,
    /// By name: `io_uring_enter`, `epoll_wait`.
    pub by_name: BTreeMap<String, u64>,
}

/// An strace at work; killed when dropped, which lets go of the server.
pub struct Tracer {
    strace: Child,
    summary: NamedTempFile,
}

impl Tracer {
    /// Attaches to a process and all of its threads, present and future; returns when it has.
    ///
    /// # Errors
    /// When strace is missing or may not trace, with the remedy.
    pub fn attach(pid: libc::pid_t) -> Result<Self, String> {
        let summary = NamedTempFile::new()
            .map_err(|error| format!("no file for the summary of system calls: {error}"))?;
        let mut strace = Command::new("strace")
            .args(["-c", "-f", "-p", &pid.to_string(), "-o"])
            .arg(summary.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(missing)?;
        let words = strace.stderr.take();
        // From here on the guard ends it.
        let tracer = Self { strace, summary };
        let words = words.ok_or_else(|| String::from("strace has no standard error"))?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || listen(BufReader::new(words), &sender));
        match receiver.recv_timeout(PATIENCE) {
            Ok(Ok(())) => Ok(tracer),
            Ok(Err(words)) => Err(refused(&words)),
            Err(_) => Err(format!(
                "strace has not attached within {} seconds",
                PATIENCE.as_secs()
            )),
        }
    }

    /// Lets the process go and reads what was counted.
    ///
    /// # Errors
    /// When strace does not end, or its summary is not to be understood.
    pub fn finish(mut self) -> Result<Counts, String> {
        let pid = self.strace.id() as libc::pid_t;
        // SAFETY: the child is not reaped yet, so the number is still its own; no memory is
        // touched.
        checked(unsafe { libc::kill(pid, libc::SIGINT) })
            .map_err(|error| format!("interrupting strace: {error}"))?;
        let begun = Instant::now();
        while self
            .strace
            .try_wait()
            .map_err(|error| format!("waiting for strace: {error}"))?
            .is_none()
        {
            if begun.elapsed() > PATIENCE {
                return Err(String::from("strace does not let go of the server"));
            }
            thread::sleep(PAUSE);
        }
        let summary = fs::read_to_string(self.summary.path())
            .map_err(|error| format!("reading strace's summary: {error}"))?;
        parse(&summary)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Both fail only for a child that is reaped already.
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// Reports the first line, which says "attached" or why not; the rest is read, so that strace never
/// waits for a reader.
fn listen(mut words: impl BufRead, sender: &mpsc::Sender<Result<(), String>>) {
    let mut line = String::new();
    let read = words.read_line(&mut line);
    let attached = read.is_ok() && line.contains(ATTACHED);
    // A receiver that gave up wants no answer.
    let _ = sender.send(if attached { Ok(()) } else { Err(line) });
    let _ = io::copy(&mut words, &mut io::sink());
}

fn missing(error: io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        String::from("system calls are not counted: install strace")
    } else {
        format!("system calls are not counted: strace cannot be started: {error}")
    }
}

fn refused(words: &str) -> String {
    let words = words.trim();
    let remedy = if words.contains("Operation not permitted") {
        "; allow tracing: sysctl kernel.yama.ptrace_scope=0, or CAP_SYS_PTRACE (docker run \
         --cap-add SYS_PTRACE), and no other tracer"
    } else {
        ""
    };
    format!("system calls are not counted: {words}{remedy}")
}

/// Reads the table: `% time, seconds, usecs/call, calls, errors, syscall`, where `errors` may be
/// blank, between two lines of dashes. A process that made no call leaves none.
fn parse(summary: &str) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let rows = summary
        .lines()
        .skip_while(|line| !is_rule(line))
        .skip(1)
        .take_while(|line| !is_rule(line));
    for row in rows {
        let words: Vec<&str> = row.split_whitespace().collect();
        let (Some(calls), Some(name), true) = (words.get(3), words.last(), words.len() >= 5) else {
            return Err(format!("strace's summary has a row {row:?}"));
        };
        let calls: u64 = calls
            .parse()
            .map_err(|_| format!("strace's summary has a row {row:?}"))?;
        counts.total += calls;
        *counts.by_name.entry((*name).to_owned()).or_default() += calls;
    }
    Ok(counts)
}

fn is_rule(line: &str) -> bool {
    line.starts_with("------")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::{Counts, Tracer, parse, refused};

    const SUMMARY: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.02    0.000036           0      1234           sendto
 38.98    0.000023           1       987        12 recvfrom
  0.00    0.000000           0         3           io_uring_enter
------ ----------- ----------- --------- --------- ----------------
100.00    0.000059           0      2224        12 total
";

    #[test]
    fn calls_are_summed_over_the_rows() {
        let counts = parse(SUMMARY).expect("a good summary");
        assert_eq!(counts.total, 2224);
        assert_eq!(counts.by_name["recvfrom"], 987);
        assert_eq!(counts.by_name["io_uring_enter"], 3);
    }

    #[test]
    fn no_calls_are_none_and_nonsense_is_an_error() {
        assert_eq!(parse(""), Ok(Counts::default()));
        assert!(parse("------\n 1.0 2.0 x y z\n").is_err());
    }

    #[test]
    fn a_refusal_names_the_remedy() {
        let words = "strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n";
        assert!(refused(words).contains("ptrace_scope"));
    }

    #[test]
    fn a_process_is_counted_between_attaching_and_finishing() {
        let mut cat = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cat");
        let mut input = cat.stdin.take().expect("a pipe");
        let mut output = cat.stdout.take().expect("a pipe");
        match Tracer::attach(cat.id() as libc::pid_t) {
            Ok(tracer) => {
                for _ in 0..10 {
                    input.write_all(b"x").expect("cat reads");
                    output.read_exact(&mut [0]).expect("cat writes");
                }
                let counts = tracer.finish().expect("a summary");
                assert!((9..=11).contains(&counts.by_name["write"]), "{counts:?}");
                assert!(counts.total >= 19, "{counts:?}");
            }
            // No strace, or no leave to trace: the remedy is all there is to see.
            Err(why) => assert!(why.contains("install") || why.contains("allow"), "{why}"),
        }
        drop(input);
        cat.wait().expect("cat ends with its input");
    }

    #[test]
    fn nobody_cannot_be_traced() {
        assert!(Tracer::attach(libc::pid_t::MAX).is_err());
    }
}
