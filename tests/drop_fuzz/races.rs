//! Races: bytes and connections come without pause, and the futures that wait for them are cancelled
//! without pause. Bytes in are bytes out, in order; connections in are connections out.

use crate::chance::Storm;
use crate::kit::random::Random;
use crate::kit::tcp::{ANY, megabytes};
use crate::kit::wait::soon;
use ringmill::net::{TcpListener, TcpStream};
use ringmill::scope::{CancelToken, move_on_after};
use ringmill::time::timeout;
use ringmill::{Runtime, spawn, yield_now};
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Peers on each loop.
const PEERS: usize = 2;

/// Connections that a peer has open at a time.
const OPEN: usize = 32;

/// What all races have in common.
struct Course {
    /// So many are to be cancelled.
    goal: u64,
    /// Futures that were raced, those of them that lost, and of these the ones that had waited: what
    /// they waited for may have been on its way.
    raced: AtomicU64,
    cancelled: AtomicU64,
    waited: AtomicU64,
}

impl Course {
    fn new(goal: u64) -> Arc<Self> {
        Arc::new(Course {
            goal,
            raced: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        })
    }

    fn is_on(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) < self.goal
    }

    fn report(&self, what: &str, came: u64, start: Instant) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (raced, cancelled) = (count(&self.raced), count(&self.cancelled));
        let (waited, time) = (count(&self.waited), start.elapsed());
        println!(
            "{raced} futures raced, {cancelled} cancelled, {waited} of them while they waited, \
             {came} {what}, in {time:.1?}"
        );
        assert!(cancelled >= self.goal && came > 0);
        // Else nothing was raced.
        assert!(waited > cancelled / 4);
    }
}

/// Races the futures of one task.
struct Racer {
    storm: Storm,
    course: Arc<Course>,
    /// Cancels from a thread.
    canceller: mpsc::Sender<CancelToken>,
}

impl Racer {
    fn new(seed: u64, course: Arc<Course>) -> Self {
        let (canceller, tokens) = mpsc::channel::<CancelToken>();
        thread::spawn(move || {
            for token in tokens {
                drop(token.cancel());
            }
        });
        Racer {
            storm: Storm::new(seed, Arc::default(), u64::MAX),
            course,
            canceller,
        }
    }

    /// Races a future against one of the ways in which it is cancelled; `None` if it lost.
    async fn race<F: Future>(&self, future: F) -> Option<F::Output> {
        self.course.raced.fetch_add(1, Ordering::Relaxed);
        let has_waited = Cell::new(false);
        let output = self.race_counted(watched(future, &has_waited)).await;
        if output.is_none() {
            self.course.cancelled.fetch_add(1, Ordering::Relaxed);
            let waited = u64::from(has_waited.get());
            self.course.waited.fetch_add(waited, Ordering::Relaxed);
        }
        output
    }

    async fn race_counted<F: Future>(&self, future: F) -> Option<F::Output> {
        let soon = Duration::from_micros(self.storm.below(60) as u64);
        match self.storm.below(16) {
            0..2 => timeout(soon, future).await.ok(),
            2..4 => move_on_after(soon, future).await,
            4 => {
                let token = CancelToken::new();
                self.canceller.send(token.clone()).unwrap();
                token.run(future).await.ok()
            }
            5..8 => {
                let token = CancelToken::new();
                let turns = self.storm.below(3);
                drop(spawn({
                    let token = token.clone();
                    async move {
                        for _ in 0..turns {
                            yield_now().await;
                        }
                        drop(token.cancel());
                    }
                }));
                token.run(future).await.ok()
            }
            _ => self.storm.cut(future).await,
        }
    }
}

/// Tells whether a future has waited.
async fn watched<F: Future>(future: F, has_waited: &Cell<bool>) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        has_waited.set(has_waited.get() || polled.is_pending());
        polled
    })
    .await
}

/// Writes numbered bytes until it is told to stop; gives how many.
fn write(address: SocketAddr, seed: u64, stop: &AtomicBool) -> u64 {
    let mut random = Random::with_seed(seed);
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let (bytes, mut written) = (megabytes(), 0);
    while !stop.load(Ordering::Relaxed) {
        let at = (written % bytes.len() as u64) as usize;
        // Mostly so few that they are soon read, and the next are waited for.
        let most = if random.once_in(16) { 8_000 } else { 60 };
        let len = (1 + random.below(most) as usize).min(bytes.len() - at);
        stream.write_all(&bytes[at..at + len]).unwrap();
        written += len as u64;
    }
    written
}

/// Reads to the end, by futures that are raced as long as the course is on; gives how many bytes.
async fn read(racer: &Racer, mut stream: TcpStream, stop: &AtomicBool) -> u64 {
    let bytes = megabytes();
    let (mut room, mut read) = (vec![0; 16 * 1024], 0);
    loop {
        let count = match racer.course.is_on() {
            true => match racer.race(stream.read(&mut room)).await {
                Some(count) => count.unwrap(),
                None => continue,
            },
            false => {
                stop.store(true, Ordering::Relaxed);
                soon("bytes", stream.read(&mut room)).await.unwrap()
            }
        };
        if count == 0 {
            return read;
        }
        let at = (read % bytes.len() as u64) as usize;
        let first = count.min(bytes.len() - at);
        let right =
            room[..first] == bytes[at..at + first] && room[first..count] == bytes[..count - first];
        assert!(right, "of the {count} bytes from {read} on");
        read += count as u64;
    }
}

/// Receives.
pub fn receives(runtime: &Runtime, random: &mut Random, goal: u64) {
    let start = Instant::now();
    let course = Course::new(goal);
    let seed = random.next();
    let came = runtime.block_on(async {
        let course = course.clone();
        let tasks = runtime.handle().spawn_on_each(move |index| async move {
            let mut random = Random::with_seed(seed + index as u64);
            let mut listener = TcpListener::bind(ANY).await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut tasks = Vec::new();
            for _ in 0..PEERS {
                let stop = Arc::new(AtomicBool::new(false));
                let (seed, theirs) = (random.next(), stop.clone());
                let writer = thread::spawn(move || write(address, seed, &theirs));
                let (stream, _) = listener.accept().await.unwrap();
                let racer = Racer::new(random.next(), course.clone());
                let reading = spawn(async move { read(&racer, stream, &stop).await });
                tasks.push((reading, writer));
            }
            let mut came = 0;
            for (reading, writer) in tasks {
                let read = reading.await.unwrap();
                // It has ended: the end of its stream was read.
                assert_eq!(read, writer.join().unwrap());
                came += read;
            }
            came
        });
        let mut came = 0;
        for task in tasks {
            came += task.await.unwrap();
        }
        came
    });
    course.report("bytes came", came, start);
}

/// Connects, sends the number of the connection, and waits for its end, until it is told to stop; gives
/// how many.
fn connect(address: SocketAddr, stop: &AtomicBool) -> u64 {
    let (mut open, mut count) = (VecDeque::new(), 0_u64);
    let finish = |mut stream: std::net::TcpStream| {
        // The other end resets it, so that no port waits for its second use.
        let mut room = [0; 1];
        assert!(!matches!(stream.read(&mut room), Ok(1)));
    };
    while !stop.load(Ordering::Relaxed) {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(&count.to_le_bytes()).unwrap();
        open.push_back(stream);
        count += 1;
        if open.len() == OPEN {
            open.pop_front().map(finish);
        }
    }
    open.into_iter().for_each(finish);
    count
}

/// Serves one connection; gives its number.
async fn take(mut stream: TcpStream) -> usize {
    let mut number = [0; 8];
    soon("the number", stream.read_exact(&mut number))
        .await
        .unwrap();
    stream.set_linger(Some(Duration::ZERO)).unwrap();
    u64::from_le_bytes(number) as usize
}

/// Accepts.
pub fn accepts(runtime: &Runtime, random: &mut Random, goal: u64) {
    let start = Instant::now();
    let course = Course::new(goal);
    let seed = random.next();
    let came = runtime.block_on(async {
        let course = course.clone();
        let tasks = runtime.handle().spawn_on_each(move |index| async move {
            let mut listener = TcpListener::bind(ANY).await.unwrap();
            let address = listener.local_addr().unwrap();
            // One of its own: it goes on for as long as anybody here waits for a connection.
            let stop = Arc::new(AtomicBool::new(false));
            let theirs = stop.clone();
            let peer = thread::spawn(move || connect(address, &theirs));
            let racer = Racer::new(seed + index as u64, course.clone());
            let seen = Rc::new(Cell::new(Vec::new()));
            let see = |stream| {
                let seen = seen.clone();
                drop(spawn(async move {
                    let number = take(stream).await;
                    let mut all = seen.take();
                    all.resize(all.len().max(number + 1), 0_u8);
                    all[number] += 1;
                    seen.set(all);
                }));
            };
            while course.is_on() {
                if let Some(accepted) = racer.race(listener.accept()).await {
                    see(accepted.unwrap().0);
                }
            }
            stop.store(true, Ordering::Relaxed);
            while !peer.is_finished() {
                if let Ok(accepted) = timeout(Duration::from_millis(1), listener.accept()).await {
                    see(accepted.unwrap().0);
                }
            }
            let count = peer.join().unwrap();
            let seen = seen.take();
            assert_eq!(seen.len() as u64, count);
            assert!(
                seen.iter().all(|&times| times == 1),
                "lost, or accepted twice"
            );
            count
        });
        let mut came = 0;
        for task in tasks {
            came += task.await.unwrap();
        }
        came
    });
    course.report("connections came", came, start);
}
