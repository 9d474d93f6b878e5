//! Workloads with a server in a process of its own and a load generator in another.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::Once;

use clap::ValueEnum;

use super::{Case, Method, Workload};
use crate::campaign::Plan;
use crate::child::{LoadRequest, Server};
use crate::confine;
use crate::foreign;
use crate::load;
use crate::load::probe::{self, Probed};
use crate::peers::Peer;
use crate::results::{Figure, Sample};
use crate::statistics::Spread;
use crate::workload::Workload as Protocol;

/// Bytes in the message of every figure that is not about their number.
const SIZE: usize = 128;

/// Connections in every figure that is not about their number.
const CONNECTIONS: usize = 64;

/// Requests that an open loop lets a connection have outstanding before it holds the next back, with
/// its time running.
const OPEN_DEPTH: usize = 16;

/// Connections that rest beside the one that works.
const IDLE: usize = 10_000;

/// What a process has open besides its connections, with room to spare.
const OTHER_DESCRIPTORS: u64 = 64;

/// Times that the capacity is looked at; the median counts.
const CAPACITY_ROUNDS: usize = 3;

/// What the generator does to a server.
pub struct Load {
    pub protocol: Protocol,
    pub connections: usize,
    /// Requests outstanding on each.
    pub depth: usize,
    /// Bytes in a message; of no meaning to HTTP.
    pub size: usize,
    pub kind: Kind,
}

/// In which manner.
pub enum Kind {
    /// Each answer is followed by the next request at once.
    Closed,
    /// Requests come at a fixed rate, whatever becomes of the answers.
    AtPercent {
        percent: f64,
        /// Requests a second that Tokio answers; looked at once a run.
        capacity: Rc<OnceCell<f64>>,
    },
    /// Each request has a connection of its own.
    Churn,
    /// So many more connections are there and at rest.
    Idle(usize),
    /// All connections are such as the kernel gives to the first of two listeners.
    Skewed {
        /// Looked at once a run: the servers' port, and the clients' that go to its first listener.
        ports: Rc<OnceCell<Probed>>,
    },
}

/// All of them, in the order of `versus run`.
pub fn all() -> Vec<Workload> {
    vec![
        echo(&[], &[], &[]),
        http(&[], &[]),
        churn(),
        skewed(),
        latency(),
        idle(),
    ]
}

/// Of the sizes given, or those of every run.
pub fn echo(connections: &[usize], depths: &[usize], sizes: &[usize]) -> Workload {
    let cases: Vec<Load> = if connections.is_empty() && depths.is_empty() && sizes.is_empty() {
        let by_connections = [1, 8, 64, 1_000, 10_000].map(|count| (count, 1, SIZE));
        let by_depth = [4, 16].map(|depth| (CONNECTIONS, depth, SIZE));
        let by_size = [64, 1_024, 16 * 1_024, 128 * 1_024, 512 * 1_024];
        let by_size = by_size.map(|size| (CONNECTIONS, 1, size));
        let all = by_connections.into_iter().chain(by_depth).chain(by_size);
        all.map(|(connections, depth, size)| closed(Protocol::Echo, connections, depth, size))
            .collect()
    } else {
        product(connections, depths, sizes)
            .map(|(connections, depth, size)| closed(Protocol::Echo, connections, depth, size))
            .collect()
    };
    Workload {
        name: "echo",
        about: "TCP echo: every message comes back",
        cases: cases.into_iter().map(Load::into_case).collect(),
        prepare: None,
    }
}

/// Of the sizes given, or those of every run.
pub fn http(connections: &[usize], depths: &[usize]) -> Workload {
    let mut cases: Vec<Case> = if connections.is_empty() && depths.is_empty() {
        let all = [(CONNECTIONS, 1), (1_000, 1), (CONNECTIONS, 16)];
        let closed = |(connections, depth)| closed(Protocol::Http, connections, depth, 0);
        all.map(|one| closed(one).into_case()).into()
    } else {
        product(connections, depths, &[0])
            .map(|(connections, depth, _)| {
                closed(Protocol::Http, connections, depth, 0).into_case()
            })
            .collect()
    };
    if connections.is_empty() && depths.is_empty() {
        cases.push(churning(Protocol::Http));
    }
    Workload {
        name: "http",
        about: "HTTP/1.1 with hyper: GET /, a small fixed answer",
        cases,
        prepare: None,
    }
}

fn churn() -> Workload {
    Workload {
        name: "churn",
        about: "connect, one echo, close; all of it one operation",
        cases: vec![churning(Protocol::Echo)],
        prepare: None,
    }
}

fn skewed() -> Workload {
    let load = Load {
        protocol: Protocol::Work,
        connections: 16,
        depth: 1,
        size: SIZE,
        kind: Kind::Skewed {
            ports: Rc::default(),
        },
    };
    Workload {
        name: "skewed",
        about: "two loops, and connections that the kernel all gives to the first; a request takes \
                some 50 µs of the server's CPU. The generator runs beside the second loop",
        cases: vec![Case {
            name: String::from("16 connections, all to one listener"),
            headline: Figure::Throughput,
            ..load.into_case()
        }],
        prepare: None,
    }
}

fn latency() -> Workload {
    let capacity: Rc<OnceCell<f64>> = Rc::default();
    let case = |percent: f64| {
        let load = Load {
            protocol: Protocol::Echo,
            connections: CONNECTIONS,
            depth: OPEN_DEPTH,
            size: SIZE,
            kind: Kind::AtPercent {
                percent,
                capacity: capacity.clone(),
            },
        };
        Case {
            name: format!("{percent} % of capacity"),
            about: String::from(
                "echo of 128 bytes, 64 connections, at fixed rates that are the same for all: so \
                 much of what Tokio can do here; from the intended time to the answer",
            ),
            headline: Figure::P99,
            axes: [(String::from("percent"), percent)].into(),
            ..load.into_case()
        }
    };
    Workload {
        name: "latency",
        about: "latency at fixed rates",
        cases: [10.0, 50.0, 80.0].map(case).into(),
        prepare: None,
    }
}

fn idle() -> Workload {
    let load = Load {
        protocol: Protocol::Echo,
        connections: 1,
        depth: 1,
        size: SIZE,
        kind: Kind::Idle(IDLE),
    };
    Workload {
        name: "idle",
        about: "connections at rest",
        cases: vec![Case {
            name: String::from("10,000 connections at rest"),
            about: String::from(
                "memory: what each takes of the server's resident set, without the kernel's part; \
                 CPU: of a request on one more connection",
            ),
            headline: Figure::Memory,
            ..load.into_case()
        }],
        prepare: None,
    }
}

fn closed(protocol: Protocol, connections: usize, depth: usize, size: usize) -> Load {
    Load {
        protocol,
        connections,
        depth,
        size,
        kind: Kind::Closed,
    }
}

fn churning(protocol: Protocol) -> Case {
    let load = Load {
        protocol,
        connections: CONNECTIONS,
        depth: 1,
        size: if protocol == Protocol::Http { 0 } else { SIZE },
        kind: Kind::Churn,
    };
    Case {
        name: String::from("a connection for each request, 64 at a time"),
        axes: BTreeMap::new(),
        ..load.into_case()
    }
}

/// Every combination; what is not given is as in most figures.
fn product(
    connections: &[usize],
    depths: &[usize],
    sizes: &[usize],
) -> impl Iterator<Item = (usize, usize, usize)> {
    let or = |given: &[usize], usual| match given {
        [] => vec![usual],
        given => given.to_vec(),
    };
    let (connections, depths) = (or(connections, CONNECTIONS), or(depths, 1));
    let sizes = or(sizes, SIZE);
    connections.into_iter().flat_map(move |connections| {
        let sizes = sizes.clone();
        let depths = depths.clone();
        depths.into_iter().flat_map(move |depth| {
            let sizes = sizes.clone();
            sizes
                .into_iter()
                .map(move |size| (connections, depth, size))
        })
    })
}

impl Load {
    fn into_case(self) -> Case {
        let mut name = match self.connections {
            1 => String::from("1 connection"),
            many => format!("{many} connections"),
        };
        let mut axes: BTreeMap<String, f64> = BTreeMap::new();
        axes.insert(String::from("connections"), self.connections as f64);
        axes.insert(String::from("depth"), self.depth as f64);
        if self.depth > 1 {
            name += &format!(", {} deep", self.depth);
        }
        if self.size > 0 {
            name += &format!(", {} bytes", self.size);
            axes.insert(String::from("bytes"), self.size as f64);
        }
        let peers = Peer::value_variants().iter();
        Case {
            name,
            about: String::new(),
            headline: Figure::Cpu,
            axes,
            contenders: peers
                .filter(|peer| peer.serving(self.protocol).is_some())
                .map(Peer::to_string)
                .collect(),
            method: Method::Served(self),
        }
    }

    /// See [`Method::missing`].
    pub fn missing(&self, contender: &str) -> Option<String> {
        let idle = if let Kind::Idle(count) = self.kind {
            count
        } else {
            0
        };
        let needed = (self.connections + idle) as u64 + OTHER_DESCRIPTORS;
        match confine::descriptor_limit() {
            Ok(limit) if limit.rlim_max < needed => Some(format!(
                "needs {needed} descriptors, and may have {}: raise the hard limit (ulimit -Hn, \
                 LimitNOFILE=, /etc/security/limits.conf)",
                limit.rlim_max
            )),
            _ => {
                let churn = matches!(self.kind, Kind::Churn);
                let generator = load::possible(churn);
                let cannot = |error| format!("needs a load generator, and that {error}");
                generator
                    .map_err(cannot)
                    .and_then(|()| foreign::build(contender))
                    .err()
            }
        }
    }

    /// See [`Method::measure`].
    pub fn measure(&self, contender: &str, round: usize, plan: &Plan) -> io::Result<Sample> {
        let peer = Peer::from_str(contender, false).map_err(io::Error::other)?;
        let mut request = self.request(plan)?;
        let mut server = self.start(peer, plan)?;
        let mut sample = Sample {
            round,
            driver: server.driver.take(),
            figures: server.load(&request)?,
        };
        if round == 0 && !plan.quick && self.is_traced() {
            request.seconds = request.seconds.min(0.3);
            // What strace costs is paid after the measured window; without it the figure is absent.
            match server.syscalls(&request) {
                Ok(syscalls) => {
                    sample.figures.insert(Figure::Syscalls, syscalls);
                }
                Err(error) => untraced(&error),
            }
        }
        Ok(sample)
    }

    /// Whether its system calls are counted: of many connections, those that open and close them
    /// would be most of what a short stretch has.
    fn is_traced(&self) -> bool {
        match self.kind {
            Kind::Closed => self.connections <= CONNECTIONS,
            Kind::Churn => true,
            Kind::AtPercent { .. } | Kind::Idle(_) | Kind::Skewed { .. } => false,
        }
    }

    /// A server as this load needs it.
    fn start(&self, peer: Peer, plan: &Plan) -> io::Result<Server> {
        let (cpus, port) = match &self.kind {
            Kind::Skewed { ports } => (&plan.cpus[..], ports.get().map_or(0, |one| one.port)),
            _ => (&plan.cpus[..1], 0),
        };
        Server::start(peer, self.protocol, plan.driver, cpus, port)
    }

    fn request(&self, plan: &Plan) -> io::Result<LoadRequest> {
        // A 99th percentile wants more of them.
        let stretch = match self.kind {
            Kind::AtPercent { .. } => 2.0,
            _ => 1.0,
        };
        let mut request = LoadRequest {
            protocol: self.protocol,
            connections: self.connections,
            depth: self.depth,
            size: self.size,
            rate: None,
            churn: false,
            idle: 0,
            source_ports: Vec::new(),
            warm_up: plan.pace.warm_up,
            seconds: stretch * plan.pace.seconds,
            cpu: plan.cpus[1],
        };
        match &self.kind {
            Kind::Closed => {}
            Kind::AtPercent { percent, capacity } => {
                if capacity.get().is_none() {
                    // Nobody else sets it meanwhile.
                    let _ = capacity.set(self.capacity(plan)?);
                }
                request.rate = capacity.get().map(|all| all * percent / 100.0);
            }
            Kind::Churn => request.churn = true,
            Kind::Idle(count) => request.idle = *count,
            Kind::Skewed { ports } => {
                if ports.get().is_none() {
                    let _ = ports.set(probe::probe(0, self.connections)?);
                }
                if let Some(probed) = ports.get() {
                    request.source_ports = probed.source_ports.clone();
                }
            }
        }
        Ok(request)
    }

    /// Requests a second that Tokio answers in a closed loop.
    fn capacity(&self, plan: &Plan) -> io::Result<f64> {
        let closed = closed(self.protocol, self.connections, 1, self.size);
        let request = closed.request(plan)?;
        let mut rates = Vec::new();
        for _ in 0..CAPACITY_ROUNDS {
            let mut server = closed.start(Peer::Tokio, plan)?;
            rates.extend(server.load(&request)?.remove(&Figure::Throughput));
        }
        Spread::of(rates)
            .map(|spread| spread.median)
            .ok_or_else(|| io::Error::other("no capacity was found"))
    }
}

/// Says once a run why there are no system calls in it.
fn untraced(error: &io::Error) {
    static SAID: Once = Once::new();
    SAID.call_once(|| eprintln!("versus: system calls are not counted: {error}"));
}
