//! Children: the test binary runs itself again, for what concerns a whole process.

use super::wait;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a child may be silent: longer than it waits for anything itself, so that it says why.
const NEVER: Duration = Duration::from_secs(wait::NEVER.as_secs() * 3 / 2);

/// Names the test that a child is to run.
const ALONE: &str = "RINGMILL_TEST_ALONE";

/// Whether this process is the child that runs the test `name`.
pub fn is_child(name: &str) -> bool {
    std::env::var(ALONE).is_ok_and(|alone| alone == name)
}

/// Runs `body` in a process of its own, with no other test's threads and descriptors in it. `name`
/// is the calling test's.
///
/// # Panics
///
/// If the child fails; its output goes along.
#[track_caller]
pub fn alone(name: &str, body: impl FnOnce()) {
    if is_child(name) {
        body();
        return;
    }
    let ended = Running::start(name).finish();
    assert!(
        ended.status.success(),
        "{name}, alone: {}\n{}",
        ended.status,
        ended.output
    );
    assert!(ended.output.contains("1 passed"), "no test named {name}");
    // What it skipped and which seed it had is worth showing here too.
    print!("{}", ended.output);
}

/// A child that runs one test.
pub struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    output: String,
}

/// What became of a child.
pub struct Ended {
    pub status: ExitStatus,
    /// What it printed, both streams mixed.
    pub output: String,
}

impl Running {
    /// Starts the test `name` of this binary as a child.
    pub fn start(name: &str) -> Self {
        Self::start_under(name, &[])
    }

    /// As [`start`](Running::start), by another program, which is given the command behind its own
    /// arguments.
    pub fn start_under(name: &str, program: &[&str]) -> Self {
        let this = std::env::current_exe().expect("a path");
        let mut command = match program {
            [] => Command::new(this),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(this);
                command
            }
        };
        command
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .arg("--include-ignored")
            .env(ALONE, name)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("this binary runs");
        let (sender, lines) = mpsc::channel();
        forward(child.stdout.take().expect("piped"), sender.clone());
        forward(child.stderr.take().expect("piped"), sender);
        Running {
            child,
            lines,
            output: String::new(),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that begins with `start`, and gives the rest of it.
    ///
    /// # Panics
    ///
    /// If it never comes.
    #[track_caller]
    pub fn line(&mut self, start: &str) -> String {
        loop {
            match self.lines.recv_timeout(NEVER) {
                Ok(line) => {
                    self.output.push_str(&line);
                    self.output.push('\n');
                    if let Some(at) = line.find(start) {
                        return line[at + start.len()..].trim().to_owned();
                    }
                }
                Err(_) => panic!("the child never said {start:?}; it said\n{}", self.output),
            }
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: plain integers; the child was not waited for, so the number is still its own.
        let sent = unsafe { libc::kill(self.pid() as i32, signal) };
        assert_eq!(sent, 0, "the child is there");
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it never ends; it is killed then.
    #[track_caller]
    pub fn finish(mut self) -> Ended {
        // Both streams end with the process.
        loop {
            match self.lines.recv_timeout(NEVER) {
                Ok(line) => {
                    self.output.push_str(&line);
                    self.output.push('\n');
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.child.kill().expect("a child");
                    panic!("the child hangs; it said\n{}", self.output);
                }
            }
        }
        let status = self.child.wait().expect("a child");
        let output = std::mem::take(&mut self.output);
        Ended { status, output }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where the test failed before the child ended. Both fail only if it has.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(stream: impl Read + Send + 'static, lines: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            if lines.send(line).is_err() {
                break;
            }
        }
    });
}
