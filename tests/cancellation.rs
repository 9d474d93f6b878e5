//! Cancellation: futures of every kind, dropped after 0 to 3 polls with traffic all around, lose no
//! byte, no connection, no descriptor, no buffer; and nothing that the kernel has is freed (the
//! guard allocator would end the process).
//!
//! `RINGMILL_CANCELLATIONS` sets how many futures are dropped, `RINGMILL_SEED` repeats a run.

mod kit;

use kit::random::{Random, check, patterned};
use kit::wait::{soon, until};
use kit::{child, process, runtime};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::time::{Instant, interval, sleep, timeout};
use ringmill::{Drain, GuardAllocator, Handle, serve, spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::{Future, pending, poll_fn};
use std::io::{IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

#[global_allocator]
static GUARD: GuardAllocator = GuardAllocator;

/// A debug build drops this many in some seconds.
const CANCELLATIONS: u64 = 200_000;

/// What all tasks of one loop share: chance, and how many futures were dropped.
#[derive(Clone)]
struct Storm {
    random: Rc<RefCell<Random>>,
    /// Over all loops.
    dropped: Arc<AtomicU64>,
    goal: u64,
}

impl Storm {
    fn new(seed: u64, dropped: Arc<AtomicU64>, goal: u64) -> Self {
        Storm {
            random: Rc::new(RefCell::new(Random::with_seed(seed))),
            dropped,
            goal,
        }
    }

    fn rages(&self) -> bool {
        self.dropped.load(Ordering::Relaxed) < self.goal
    }

    fn below(&self, bound: usize) -> usize {
        self.random.borrow_mut().below(bound as u64) as usize
    }

    /// Polls a future 0 to 3 times and drops it, or (one time in five) lets it finish.
    async fn cut<F: Future>(&self, future: F) -> Option<F::Output> {
        let polls = self.below(5);
        if polls == 4 {
            return Some(soon("an operation", future).await);
        }
        // Between the polls the task comes back by itself, or the loop turns for real.
        let turn = self.below(4) == 0;
        let output = {
            let mut future = pin!(future);
            let mut output = None;
            for _ in 0..polls {
                let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
                if let Poll::Ready(ready) = polled {
                    output = Some(ready);
                    break;
                }
                if turn {
                    sleep(Duration::from_micros(20)).await;
                } else {
                    yield_now().await;
                }
            }
            output
        };
        if output.is_none() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        output
    }

    /// Reads in one of the ways, or is cut short.
    async fn read(&self, stream: &mut TcpStream) -> Option<Vec<u8>> {
        let mut first = vec![0; 1 + self.below(3_000)];
        match self.below(3) {
            0 => {
                let count = self.cut(stream.read(&mut first)).await?.unwrap();
                first.truncate(count);
                Some(first)
            }
            1 => {
                let mut second = vec![0; 1 + self.below(3_000)];
                let mut rooms = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
                let count = self.cut(stream.read_vectored(&mut rooms)).await?.unwrap();
                first.extend_from_slice(&second);
                if count > first.len() - second.len() {
                    first.truncate(count);
                } else {
                    first.truncate(count.min(first.len() - second.len()));
                }
                Some(first)
            }
            _ => {
                let lease = self.cut(stream.recv()).await?.unwrap();
                Some(lease.map_or(Vec::new(), |lease| lease.to_vec()))
            }
        }
    }
}

async fn pair(listener: &mut TcpListener) -> (TcpStream, TcpStream) {
    let client = spawn(TcpStream::connect(listener.local_addr().unwrap()));
    let (server, _) = soon("the accept", listener.accept()).await.unwrap();
    (client.await.unwrap().unwrap(), server)
}

// Bytes that are counted: what a dropped write did not report was not written.

async fn counted_writer(storm: Storm, mut stream: TcpStream) -> u64 {
    let mut written = 0;
    while storm.rages() {
        // Now and then enough for the socket to be offered the bytes directly.
        let len = 1 + storm.below(if storm.below(8) == 0 { 40_000 } else { 2_000 });
        let bytes = patterned(written, len);
        let (head, tail) = bytes.split_at(storm.below(len));
        let count = match storm.below(4) {
            0 => {
                let pieces = [IoSlice::new(head), IoSlice::new(tail)];
                storm.cut(stream.write_vectored(&pieces)).await
            }
            1 => {
                if let Some(flushed) = storm.cut(stream.flush()).await {
                    flushed.unwrap();
                }
                None
            }
            _ => storm.cut(stream.write(&bytes)).await,
        };
        written += count.map_or(0, |count| count.unwrap() as u64);
        yield_now().await;
    }
    // Dropped at once, staged bytes and all.
    written
}

async fn counted_reader(storm: Storm, mut stream: TcpStream) -> u64 {
    let mut read = 0;
    loop {
        if let Some(bytes) = storm.read(&mut stream).await {
            if bytes.is_empty() {
                return read;
            }
            check(&bytes, read);
            read += bytes.len() as u64;
        }
        if storm.below(50) == 0 {
            // A slow one: its queue fills, its receive is cancelled and armed again.
            sleep(Duration::from_micros(300)).await;
        }
    }
}

// Messages: a dropped `write_all` leaves a beginning of its message, a dropped `send` all or nothing.

/// Words of one message, each telling its message, its place in it, and how many there are.
const WORD: usize = 8;

fn message(id: u32, words: u16) -> Vec<u8> {
    let word = |place: u16| {
        let head = id.to_le_bytes();
        let (place, words) = (place.to_le_bytes(), words.to_le_bytes());
        [head[0], head[1], head[2], head[3], place[0], place[1], words[0], words[1]]
    };
    (0..words).flat_map(word).collect()
}

/// What a writer knows of its messages.
#[derive(Default)]
struct Sent {
    /// These must arrive whole.
    whole: HashSet<u32>,
    /// These must arrive whole or not at all.
    whole_or_none: HashSet<u32>,
}

async fn message_writer(storm: Storm, mut stream: TcpStream, sent: Rc<RefCell<Sent>>) {
    let mut id = 0;
    while storm.rages() {
        id += 1;
        let bytes = message(id, 1 + storm.below(1_200) as u16);
        match storm.below(4) {
            0 => {
                sent.borrow_mut().whole_or_none.insert(id);
                if let Some((result, buffer)) = storm.cut(stream.send(bytes.clone())).await {
                    result.unwrap();
                    assert!(buffer == bytes);
                    sent.borrow_mut().whole.insert(id);
                }
            }
            1 => {
                if let Some(flushed) = storm.cut(stream.flush()).await {
                    flushed.unwrap();
                }
            }
            _ => {
                if let Some(written) = storm.cut(stream.write_all(&bytes)).await {
                    written.unwrap();
                    sent.borrow_mut().whole.insert(id);
                }
            }
        }
    }
    while storm.cut(stream.shutdown(Shutdown::Write)).await.is_none() {}
    // The reader has its end now, and ends the other direction by its drop.
    assert_eq!(soon("the end", stream.read(&mut [0; 1])).await.unwrap(), 0);
}

async fn message_reader(storm: Storm, mut stream: TcpStream, sent: Rc<RefCell<Sent>>) {
    let mut rest = Vec::new();
    let mut current: Option<(u32, u16, u16)> = None;
    let over = |message: Option<(u32, u16, u16)>| {
        if let Some((id, arrived, words)) = message
            && sent.borrow().whole_or_none.contains(&id)
        {
            assert_eq!(arrived, words, "message {id} was sent in part");
        }
    };
    let mut arrived_whole = HashSet::new();
    loop {
        let Some(bytes) = storm.read(&mut stream).await else {
            continue;
        };
        if bytes.is_empty() {
            break;
        }
        rest.extend_from_slice(&bytes);
        let words = rest.len() / WORD;
        for word in rest.drain(..words * WORD).collect::<Vec<_>>().chunks(WORD) {
            let id = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            let place = u16::from_le_bytes([word[4], word[5]]);
            let words = u16::from_le_bytes([word[6], word[7]]);
            match current {
                Some((known, arrived, _)) if known == id => assert_eq!(place, arrived),
                before => {
                    over(before);
                    assert!(before.is_none_or(|(known, ..)| known < id));
                    assert_eq!(place, 0, "message {id} lost its beginning");
                }
            }
            current = Some((id, place + 1, words));
            if place + 1 == words {
                arrived_whole.insert(id);
            }
        }
    }
    over(current);
    assert!(rest.is_empty());
    let lost = sent.borrow().whole.difference(&arrived_whole).count();
    assert_eq!(lost, 0, "messages that had been written whole");
}

// Connections: whoever got through is answered.

/// Answers each connection's first byte, taking the server's end into account at random.
async fn answer(storm: Storm, mut stream: TcpStream, drain: Drain) {
    let mut room = [0; 1];
    loop {
        // The wait for the server's end is dropped again and again.
        let started = timeout(Duration::from_micros(50), drain.started());
        let _ = storm.cut(started).await;
        match storm.cut(stream.read(&mut room)).await {
            None => {}
            Some(Ok(1)) => break,
            // A client that gave its connect up, or went away after it.
            Some(Ok(_) | Err(_)) => return,
        }
    }
    // It may have gone meanwhile.
    let _ = stream.write_all(&room).await;
}

async fn connector(storm: Storm, address: SocketAddr) -> u64 {
    let mut answered = 0;
    while storm.rages() {
        let connected = match storm.below(64) {
            // A thread each: rarely.
            0 => storm.cut(TcpStream::connect(("localhost", address.port()))).await,
            _ => storm.cut(TcpStream::connect(address)).await,
        };
        let Some(stream) = connected else { continue };
        let mut stream = stream.unwrap();
        let asked = [storm.below(256) as u8];
        stream.write_all(&asked).await.unwrap();
        let mut room = [0; 1];
        loop {
            if let Some(read) = storm.cut(stream.read(&mut room)).await {
                assert_eq!(read.unwrap(), 1, "a connection was lost");
                assert_eq!(room, asked);
                break;
            }
        }
        answered += 1;
    }
    answered
}

/// Accepts under cancellation on a listener of its own, and drops it or closes it now and then.
async fn acceptor(storm: Storm) -> u64 {
    let mut accepted = 0;
    while storm.rages() {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..1 + storm.below(20))
            .map(|_| spawn(TcpStream::connect(address)))
            .collect();
        let mut streams = Vec::new();
        while streams.len() < clients.len() {
            if let Some(stream) = storm.cut(listener.accept()).await {
                streams.push(stream.unwrap().0);
            }
        }
        accepted += streams.len() as u64;
        for client in clients {
            drop(soon("a client", client).await.unwrap().unwrap());
        }
        // Some more that nobody takes, and an accept or a close that is cut short.
        let more = spawn(TcpStream::connect(address));
        let _ = storm.cut(listener.accept()).await;
        if storm.below(2) == 0 {
            let _ = storm.cut(listener.close()).await;
        } else {
            drop(listener);
        }
        // Refused, reset or connected: it ends in any case.
        let _ = soon("the last client", more).await.unwrap();
    }
    accepted
}

// What has no socket.

async fn timers(storm: Storm) {
    let period = Duration::from_micros(200);
    let mut every = interval(period);
    let mut last = None;
    while storm.rages() {
        let micros = Duration::from_micros(storm.below(400) as u64);
        match storm.below(4) {
            0 => {
                let start = Instant::now();
                if storm.cut(sleep(micros)).await.is_some() {
                    assert!(start.elapsed() >= micros);
                }
            }
            1 => {
                let ended = storm.cut(timeout(micros, pending::<()>())).await;
                assert!(ended.is_none_or(|ended| ended.is_err()));
            }
            2 => {
                let inner = sleep(Duration::from_micros(storm.below(400) as u64));
                let _ = storm.cut(timeout(micros, inner)).await;
            }
            _ => {
                if let Some(tick) = storm.cut(every.tick()).await {
                    if let Some(last) = last {
                        assert_eq!(tick - last, period, "a tick was lost");
                    }
                    last = Some(tick);
                }
            }
        }
    }
}

async fn joiners(storm: Storm, runtime: Handle) {
    let loops = runtime.loops().len();
    while storm.rages() {
        let number = storm.below(1_000);
        let turns = storm.below(4);
        let work = move || async move {
            for _ in 0..turns {
                yield_now().await;
            }
            number
        };
        let mut task = match storm.below(2) {
            0 => spawn(work()),
            _ => runtime.spawn_on(storm.below(loops), work),
        };
        let _ = storm.cut(yield_now()).await;
        match storm.below(4) {
            0 => drop(task.abort_on_drop()),
            1 => drop(task),
            _ => loop {
                if let Some(output) = storm.cut(&mut task).await {
                    assert_eq!(output.unwrap(), number);
                    break;
                }
            },
        }
    }
}

/// Everything at once on one loop; gives how many bytes and connections were checked.
async fn rage(storm: Storm, address: SocketAddr) -> (u64, u64) {
    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut writers, mut readers, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        let (near, far) = pair(&mut listener).await;
        writers.push(spawn(counted_writer(storm.clone(), near)));
        readers.push(spawn(counted_reader(storm.clone(), far)));
        let (near, far) = pair(&mut listener).await;
        let sent = Rc::new(RefCell::new(Sent::default()));
        others.push(spawn(message_writer(storm.clone(), near, sent.clone())));
        others.push(spawn(message_reader(storm.clone(), far, sent)));
        others.push(spawn(timers(storm.clone())));
        others.push(spawn(joiners(storm.clone(), Handle::current())));
    }
    let mut connections = Vec::new();
    for _ in 0..2 {
        connections.push(spawn(acceptor(storm.clone())));
        connections.push(spawn(connector(storm.clone(), address)));
    }
    let (mut bytes, mut connected) = (0, 0);
    for (writer, reader) in writers.into_iter().zip(readers) {
        let written = soon("a writer", writer).await.unwrap();
        assert_eq!(soon("a reader", reader).await.unwrap(), written);
        bytes += written;
    }
    for task in others {
        soon("a task", task).await.unwrap();
    }
    for task in connections {
        connected += soon("a task", task).await.unwrap();
    }
    (bytes, connected)
}

#[test]
fn dropped_futures_lose_nothing_and_leave_nothing() {
    child::alone("dropped_futures_lose_nothing_and_leave_nothing", || {
        let goal = match std::env::var("RINGMILL_CANCELLATIONS") {
            Ok(count) => count.parse().expect("a number"),
            Err(_) => CANCELLATIONS,
        };
        let mut random = Random::seeded();
        let runtime = runtime(2);
        let handle = runtime.handle().clone();
        let before = (process::descriptors(), process::threads());

        let dropped = Arc::new(AtomicU64::new(0));
        let seeds = [random.next(), random.next(), random.next()];
        let storm_on = {
            let dropped = dropped.clone();
            move |index: usize| Storm::new(seeds[index], dropped.clone(), goal)
        };
        let checked = runtime.block_on(async {
            let (ready, address) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
            let stop = Rc::new(Cell::new(false));
            let server = spawn({
                let (address, stop, ready) = (address.clone(), stop.clone(), ready.clone());
                let storm_on = storm_on.clone();
                let answer = move |stream, drain| answer(storm_on(2), stream, drain);
                let server = serve("127.0.0.1:0", answer)
                    .signals(false)
                    .on_ready(move |bound| address.set(Some(bound)))
                    .until(async move { until("the end", || stop.get()).await });
                async move {
                    ready.set(Some(()));
                    server.await
                }
            });
            until("the server", || address.get().is_some()).await;
            let address = address.get().unwrap();
            let mut checked = (0, 0);
            for task in handle.spawn_on_each(move |index| rage(storm_on(index), address)) {
                let (bytes, connected) = task.await.unwrap();
                checked = (checked.0 + bytes, checked.1 + connected);
            }
            stop.set(true);
            soon("the server's end", server).await.unwrap().unwrap();
            checked
        });

        let dropped = dropped.load(Ordering::Relaxed);
        assert!(dropped >= goal);
        assert!(checked.0 > 0 && checked.1 > 0);
        println!(
            "{dropped} futures dropped, {} bytes and {} connections checked",
            checked.0, checked.1
        );
        kit::wait::eventually("everything is given back", || {
            runtime.block_on(yield_now());
            let stats = handle.stats();
            stats.iter().all(|stats| {
                // The one slot listens for wake-ups.
                (stats.slots, stats.leased, stats.tasks, stats.timers) == (1, 0, 0, 0)
            }) && (process::descriptors(), process::threads()) == before
        });
    });
}
