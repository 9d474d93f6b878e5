//! The children: started, listened to for a bounded time, and ended with the parent at the
//! latest (`confine::child` sees to that from inside).

use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::campaign::{Case, Plan};
use crate::cli::Pace;
use crate::during::During;
use crate::foreign;
use crate::load::Outcome;
use crate::micro;
use crate::peers::Peer;
use crate::server::{Announcement, Driver};

/// Until a server must have announced its port.
const START: Duration = Duration::from_secs(5);

/// Beyond warm-up and window: connecting, draining, a machine that is busy elsewhere.
const SLACK: Duration = Duration::from_secs(30);

/// How long to wait for the exit status of a child that has closed its output.
const EXIT: Duration = Duration::from_secs(2);

/// The program that has a peer: this one, or one beside it.
fn program(peer: &str) -> io::Result<PathBuf> {
    let own = env::current_exe().during("finding this program")?;
    Ok(match foreign::package(peer) {
        Some(package) => own.with_file_name(package),
        None => own,
    })
}

/// A child that is killed and reaped when dropped.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // Both fail only for a child that is reaped already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guarded {
    fn start(program: PathBuf, arguments: &[String]) -> io::Result<Self> {
        Command::new(program)
            .args(arguments)
            .args(["--parent", &process::id().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map(Self)
            .during("starting a child")
    }

    /// Runs `read` on the child's output in a thread of its own, so that it can be given up.
    fn output(
        &mut self,
        patience: Duration,
        read: fn(&mut dyn BufRead) -> io::Result<String>,
    ) -> io::Result<String> {
        let stdout = self.0.stdout.take();
        let stdout = stdout.ok_or_else(|| io::Error::other("the output is taken already"))?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let text = read(&mut BufReader::new(stdout));
            // A receiver that gave up wants no answer.
            let _ = sender.send(text);
        });
        receiver
            .recv_timeout(patience)
            .map_err(|_| io::Error::other(format!("silent for {} seconds", patience.as_secs())))?
    }

    /// All that a child prints which measures at this pace, and then ends.
    fn whole_output(&mut self, pace: Pace) -> io::Result<String> {
        // The last try of a warm-up may begin just before its end, and takes up to twice as long.
        let patience = SLACK + Duration::from_secs_f64(4.0 * pace.warm_up + 2.0 * pace.seconds);
        self.output(patience, |out| {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text)
        })
    }

    /// The status of a child that is ending, `None` if it goes on.
    fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + EXIT;
        loop {
            let status = self.0.try_wait()?;
            if status.is_some() || Instant::now() > deadline {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A server that has announced its port.
pub struct Server {
    child: Guarded,
    port: u16,
    /// Of a peer that has several.
    pub driver: Option<Driver>,
    name: String,
}

impl Server {
    /// # Errors
    /// When the child ends or stays silent instead; its own words are on stderr.
    pub fn start(peer: Peer, plan: &Plan) -> io::Result<Self> {
        let workload = plan.workload.name();
        let name = format!("the {workload} server of {peer}");
        let mut child = Guarded::start(
            program(&peer.to_string())?,
            &[
                String::from("__serve"),
                peer.to_string(),
                workload.to_owned(),
                format!("--driver={}", plan.driver),
                format!("--cpus={}", plan.server_cpu),
            ],
        )?;
        let line = child
            .output(START, |out| {
                let mut line = String::new();
                out.read_line(&mut line).map(|_| line)
            })
            .during(&name)?;
        match serde_json::from_str(&line) {
            Ok(Announcement { port, driver }) => Ok(Self {
                child,
                port,
                driver,
                name,
            }),
            Err(_) => Err(ended(&name, child.status()?, "announced no port")),
        }
    }

    /// Runs the generator against this server.
    ///
    /// # Errors
    /// When either of them ends early or the generator overruns its time.
    pub fn load(&mut self, plan: &Plan, case: Case) -> io::Result<Outcome> {
        let mut generator = Guarded::start(
            env::current_exe().during("finding this program")?,
            &[
                String::from("__load"),
                plan.workload.name().to_owned(),
                format!("--port={}", self.port),
                format!("--server-pid={}", self.child.0.id()),
                format!("--connections={}", case.connections),
                format!("--depth={}", case.depth),
                format!("--size={}", plan.size),
                format!("--warm-up={}", plan.pace.warm_up),
                format!("--seconds={}", plan.pace.seconds),
                format!("--cpu={}", plan.load_cpu),
            ],
        )?;
        let text = generator
            .whole_output(plan.pace)
            .during(format_args!("the load generator, against {}", self.name))?;
        serde_json::from_str(text.trim()).map_err(|_| self.blame(&mut generator))
    }

    /// Which of the two ended, when there is no outcome.
    fn blame(&mut self, generator: &mut Guarded) -> io::Error {
        match self.child.0.try_wait() {
            Ok(Some(status)) => ended(&self.name, Some(status), "is gone"),
            _ => {
                let status = generator.status().ok().flatten();
                let name = format!("the load generator, against {},", self.name);
                ended(&name, status, "gave no outcome")
            }
        }
    }
}

/// Measures one contender in a process of its own.
///
/// # Errors
/// When the child fails or overruns its time; its own words are on stderr.
pub fn measure(
    suite: &str,
    case: &str,
    peer: &str,
    plan: &micro::campaign::Plan,
) -> io::Result<micro::Lap> {
    let name = format!("{peer} in {case}");
    let mut child = Guarded::start(
        program(peer)?,
        &[
            String::from("__measure"),
            suite.to_owned(),
            case.to_owned(),
            peer.to_owned(),
            format!("--cpus={},{}", plan.cpus[0], plan.cpus[1]),
            format!("--directory={}", plan.directory.display()),
            format!("--warm-up={}", plan.pace.warm_up),
            format!("--seconds={}", plan.pace.seconds),
        ],
    )?;
    let text = child.whole_output(plan.pace).during(&name)?;
    serde_json::from_str(text.trim()).or_else(|_| {
        let status = child.status()?;
        Err(ended(&name, status, "gave no figures"))
    })
}

fn ended(name: &str, status: Option<ExitStatus>, what: &str) -> io::Error {
    let status = status.map_or_else(
        || String::from("still running"),
        |status| status.to_string(),
    );
    io::Error::other(format!("{name} {what} ({status})"))
}
