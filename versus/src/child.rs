//! The children: started, listened to for a bounded time, and ended with the parent at the
//! latest (`confine::child` sees to that from inside).

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ringmill::DriverKind;

use crate::campaign::Plan;
use crate::during::During;
use crate::foreign;
use crate::load::Outcome;
use crate::micro;
use crate::peers::Peer;
use crate::results::Figure;
use crate::server::{Announcement, Driver};
use crate::syscalls::Tracer;
use crate::workload::Workload;

/// Until a server must have announced its port.
const START: Duration = Duration::from_secs(5);

/// Beyond warm-up and window: connecting, draining, a machine that is busy elsewhere.
const SLACK: Duration = Duration::from_secs(30);

/// How long to wait for the exit status of a child that has closed its output.
const EXIT: Duration = Duration::from_secs(2);

/// A child that is killed and reaped when dropped.
struct Guarded(Child, LastWords);

/// The last line that a child has written to its standard error.
#[derive(Clone, Default)]
struct LastWords(Arc<Mutex<String>>);

impl LastWords {
    /// Passes on what the child says, in a thread of its own.
    fn listen(&self, stderr: ChildStderr) {
        let words = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprintln!("{line}");
                *words.0.lock().unwrap_or_else(PoisonError::into_inner) = line;
            }
        });
    }

    fn get(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // Both fail only for a child that is reaped already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guarded {
    fn start(program: &Path, arguments: &[String]) -> io::Result<Self> {
        Command::new(program)
            .args(arguments)
            .args(["--parent", &process::id().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(Self::new)
            .during(format_args!("starting {}", program.display()))
    }

    fn new(mut child: Child) -> Self {
        let words = LastWords::default();
        if let Some(stderr) = child.stderr.take() {
            words.listen(stderr);
        }
        Self(child, words)
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
    fn whole_output(&mut self, warm_up: f64, seconds: f64) -> io::Result<String> {
        // The last try of a warm-up may begin just before its end, and takes up to twice as long.
        let patience = SLACK + Duration::from_secs_f64(4.0 * warm_up + 2.0 * seconds);
        self.output(patience, |out| {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text)
        })
    }

    /// What became of a child that has not done what it should.
    fn ended(&mut self, name: &str, what: &str) -> io::Error {
        let status = match self.status() {
            Ok(Some(status)) => status.to_string(),
            Ok(None) => String::from("still running"),
            Err(error) => error.to_string(),
        };
        io::Error::other(format!("{name} {what} ({status}): {}", self.1.get()))
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

/// What the generator is to do.
#[derive(Clone, Debug)]
pub struct LoadRequest {
    pub protocol: Workload,
    pub connections: usize,
    /// Requests outstanding on each.
    pub depth: usize,
    /// Bytes in a message.
    pub size: usize,
    /// Requests a second, whatever becomes of the answers.
    pub rate: Option<f64>,
    /// A connection for each request.
    pub churn: bool,
    /// So many more connections at rest.
    pub idle: usize,
    /// One for each connection; empty: the kernel chooses.
    pub source_ports: Vec<u16>,
    pub warm_up: f64,
    pub seconds: f64,
    pub cpu: usize,
}

impl Server {
    /// A server on these processors; port 0: the kernel chooses.
    ///
    /// # Errors
    /// When the child ends or stays silent instead; its own words are on stderr.
    pub fn start(
        peer: Peer,
        protocol: Workload,
        driver: DriverKind,
        cpus: &[usize],
        port: u16,
    ) -> io::Result<Self> {
        let name = format!("the {} server of {peer}", protocol.name());
        let cpus: Vec<String> = cpus.iter().map(usize::to_string).collect();
        let mut child = Guarded::start(
            &program(&peer.to_string())?,
            &[
                String::from("__serve"),
                peer.to_string(),
                protocol.name().to_owned(),
                format!("--driver={driver}"),
                format!("--cpus={}", cpus.join(",")),
                format!("--port={port}"),
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
            Err(_) => Err(child.ended(&name, "announced no port")),
        }
    }

    /// Runs the generator against this server.
    ///
    /// # Errors
    /// When either of them ends early, the generator overruns its time, or nothing is answered.
    pub fn load(&mut self, request: &LoadRequest) -> io::Result<BTreeMap<Figure, f64>> {
        Ok(self.outcome(request)?.figures())
    }

    fn outcome(&mut self, request: &LoadRequest) -> io::Result<Outcome> {
        let mut arguments = vec![
            String::from("__load"),
            request.protocol.name().to_owned(),
            format!("--port={}", self.port),
            format!("--server-pid={}", self.child.0.id()),
            format!("--connections={}", request.connections),
            format!("--depth={}", request.depth),
            format!("--size={}", request.size),
            format!("--warm-up={}", request.warm_up),
            format!("--seconds={}", request.seconds),
            format!("--cpu={}", request.cpu),
        ];
        arguments.extend(request.rate.map(|rate| format!("--rate={rate}")));
        arguments.extend(request.churn.then(|| String::from("--churn")));
        if request.idle > 0 {
            arguments.push(format!("--idle={}", request.idle));
        }
        if !request.source_ports.is_empty() {
            let ports: Vec<String> = request.source_ports.iter().map(u16::to_string).collect();
            arguments.push(format!("--source-ports={}", ports.join(",")));
        }
        let mut generator = Guarded::start(&own_program()?, &arguments)?;
        let text = generator
            .whole_output(request.warm_up, request.seconds)
            .during(format_args!("the load generator, against {}", self.name))?;
        let outcome: Outcome =
            serde_json::from_str(text.trim()).map_err(|_| self.blame(&mut generator))?;
        if outcome.requests == 0 {
            return Err(io::Error::other(format!("{} answered nothing", self.name)));
        }
        Ok(outcome)
    }

    /// System calls a request, over a stretch of load of its own.
    ///
    /// # Errors
    /// When the server cannot be traced; the error names the remedy.
    pub fn syscalls(&mut self, request: &LoadRequest) -> io::Result<f64> {
        let pid = self.child.0.id() as libc::pid_t;
        let tracer = Tracer::attach(pid).map_err(io::Error::other)?;
        let requests = self.outcome(request)?.requests_overall;
        let counts = tracer.finish().map_err(io::Error::other)?;
        Ok(counts.total as f64 / requests as f64)
    }

    /// Which of the two ended, when there is no outcome.
    fn blame(&mut self, generator: &mut Guarded) -> io::Error {
        match self.child.0.try_wait() {
            Ok(Some(_)) => self.child.ended(&self.name, "is gone"),
            _ => {
                let name = format!("the load generator, against {},", self.name);
                generator.ended(&name, "gave no outcome")
            }
        }
    }
}

/// Measures one contender in a process of its own.
///
/// # Errors
/// When the child fails or overruns its time; its own words are on stderr.
pub fn measure(suite: &str, case: &str, peer: &str, plan: &Plan) -> io::Result<micro::Lap> {
    let name = format!("{peer} in {case}");
    let arguments = [
        String::from("__measure"),
        suite.to_owned(),
        case.to_owned(),
        peer.to_owned(),
        format!("--cpus={},{}", plan.cpus[0], plan.cpus[1]),
        format!("--directory={}", plan.directory.display()),
        format!("--warm-up={}", plan.pace.warm_up),
        format!("--seconds={}", plan.pace.seconds),
    ];
    let mut child = Guarded::start(&program(peer)?, &arguments)?;
    let text = child
        .whole_output(plan.pace.warm_up, plan.pace.seconds)
        .during(&name)?;
    serde_json::from_str(text.trim()).map_err(|_| child.ended(&name, "gave no figures"))
}

/// This program.
fn own_program() -> io::Result<PathBuf> {
    env::current_exe().during("finding this program")
}

/// The program that has a peer: this one, or one beside it.
fn program(peer: &str) -> io::Result<PathBuf> {
    let own = own_program()?;
    Ok(match foreign::package(peer) {
        Some(package) => own.with_file_name(package),
        None => own,
    })
}
