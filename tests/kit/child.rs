//! Children: the test binary runs itself again, for what concerns a whole process.

use super::driver::full_name;
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

/// Chooses the driver of runtimes whose builder does not.
pub const DRIVER: &str = "RINGMILL_DRIVER";

/// Whether this process is the child that runs the test `name`, on the same driver.
pub fn is_child(name: &str) -> bool {
    std::env::var(ALONE).is_ok_and(|alone| alone == full_name(name))
}

/// Runs `body` in a process of its own, with no other test's threads and descriptors in it. `name`
/// is the calling test's; the child is on the same driver.
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
    ended.assert_passed(name);
    // What it skipped and which seed it had is worth showing here too.
    print!("{}", ended.output);
}

/// A child that runs one test.
pub struct Running {
    child: Child,
    lines: mpsc::Receiver<Line>,
    output: String,
    errors: Vec<String>,
}

/// A line that a child printed.
struct Line {
    text: String,
    /// On the standard error.
    is_error: bool,
}

/// What became of a child.
pub struct Ended {
    pub status: ExitStatus,
    /// What it printed, both streams mixed.
    pub output: String,
    /// The lines of its standard error.
    pub errors: Vec<String>,
}

impl Ended {
    /// # Panics
    ///
    /// If it did not run the test `name`, or failed it; its output goes along.
    #[track_caller]
    pub fn assert_passed(&self, name: &str) {
        let (status, output) = (self.status, &self.output);
        assert!(status.success(), "{name}, alone: {status}\n{output}");
        assert!(output.contains("1 passed"), "no test named {name}");
    }
}

impl Running {
    /// Starts the test `name` of this binary as a child, on the driver that this test is on.
    pub fn start(name: &str) -> Self {
        Self::start_under(name, &[])
    }

    /// As [`start`](Running::start), by another program, which is given the command behind its own
    /// arguments.
    pub fn start_under(name: &str, program: &[&str]) -> Self {
        Self::spawn(name, program, None)
    }

    /// As [`start`](Running::start), with [`DRIVER`] set; it is not otherwise.
    pub fn start_with_driver(name: &str, value: &str) -> Self {
        Self::spawn(name, &[], Some(value))
    }

    fn spawn(name: &str, program: &[&str], driver: Option<&str>) -> Self {
        let name = full_name(name);
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
            .args([&name, "--exact", "--nocapture", "--test-threads=1"])
            .arg("--include-ignored")
            .env(ALONE, &name)
            .env_remove(DRIVER)
            .envs(driver.map(|value| (DRIVER, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("this binary runs");
        let (sender, lines) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        forward(stdout.expect("piped"), false, sender.clone());
        forward(stderr.expect("piped"), true, sender);
        Running {
            child,
            lines,
            output: String::new(),
            errors: Vec::new(),
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
                    self.keep(&line);
                    if let Some(at) = line.text.find(start) {
                        return line.text[at + start.len()..].trim().to_owned();
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
                Ok(line) => self.keep(&line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.child.kill().expect("a child");
                    panic!("the child hangs; it said\n{}", self.output);
                }
            }
        }
        let status = self.child.wait().expect("a child");
        Ended {
            status,
            output: std::mem::take(&mut self.output),
            errors: std::mem::take(&mut self.errors),
        }
    }

    fn keep(&mut self, line: &Line) {
        self.output.push_str(&line.text);
        self.output.push('\n');
        if line.is_error {
            self.errors.push(line.text.clone());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where the test failed before the child ended. Both fail only if it has.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(stream: impl Read + Send + 'static, is_error: bool, lines: mpsc::Sender<Line>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(text) = line else { break };
            if lines.send(Line { text, is_error }).is_err() {
                break;
            }
        }
    });
}
