//! One scripted conversation, told by each driver: the two must tell the same, event for event.
//!
//! The script runs on one loop; plain blocking sockets play the peers, in step with it. Every event
//! that has a cause is a line of the log. What the kernel is free to choose (the pieces of a long
//! transfer, how much fits a buffer) goes in as a total or not at all, so the log is the same on
//! every run.

mod connections;
mod ends;
#[path = "../kit/mod.rs"]
mod kit;
mod log;
mod peer;
mod pipes;
mod talk;
mod waits;

use kit::{driver, runtime};
use log::Log;
use ringmill::DriverKind;

/// Runs the whole script on one loop with this driver.
fn transcript(kind: DriverKind) -> Vec<String> {
    let runtime = driver::on(kind, || runtime(1));
    let log = Log::default();
    let peer = runtime.block_on(async {
        talk::bytes_there_and_back(&log).await;
        talk::leases_and_owned_buffers(&log).await;
        talk::both_ways_at_once(&log).await;
        talk::wakes_from_outside(&log).await;
        ends::one_side_ends_first(&log).await;
        ends::halves_end_alone(&log).await;
        ends::resets(&log).await;
        ends::drops(&log).await;
        ends::numbers_come_back(&log).await;
        waits::reads_given_up(&log).await;
        waits::reads_out_of_time(&log).await;
        waits::owned_sends_given_up(&log).await;
        waits::a_peer_that_takes_nothing(&log).await;
        waits::both_halves_wait(&log).await;
        waits::a_reader_that_takes_nothing(&log).await;
        connections::accepts(&log).await;
        connections::connects(&log).await;
        connections::listeners_end(&log).await;
        pipes::pipes(&log).await;
        talk::last_words(&log).await
    });
    let hearing = std::thread::spawn(move || peer.rest_here());
    drop(runtime);
    let heard = hearing.join().expect("a peer");
    log.outcome("peer read to the end", heard.map(|all| all.len()));
    log.lines()
}

/// Fails with the first line in which two logs differ, and what led up to it.
#[track_caller]
fn assert_same(one: (&str, &[String]), other: (&str, &[String])) {
    let (ours, theirs) = (one.1, other.1);
    let longest = ours.len().max(theirs.len());
    let Some(at) = (0..longest).find(|&line| ours.get(line) != theirs.get(line)) else {
        return;
    };
    let before = ours[at.saturating_sub(12)..at].join("\n  ");
    let line = |log: &[String]| log.get(at).map_or("(its end)", String::as_str).to_owned();
    panic!(
        "after\n  {before}\n{} tells: {}\n{} tells: {}",
        one.0,
        line(ours),
        other.0,
        line(theirs)
    );
}

/// What each scene is there to show, in order; between these lines there may be others.
const KEY_LINES: [&str; 83] = [
    "== bytes there and back",
    "write: 5",
    r#"peer read: 5 bytes "hello""#,
    "read_exact of more than comes: UnexpectedEof",
    "peer read to the end: []",
    "== leases and owned buffers",
    r#"recv: 12 bytes "leased bytes""#,
    r#"it comes back: 5 bytes "owned""#,
    r#"peer read: 23 bytes "owned, written and sent""#,
    r#"recv of what the read left: 4 bytes "cdef""#,
    "== both ways at once",
    "peer read 3145728 bytes",
    "read 3145728 bytes",
    "== wakes from outside",
    "spawned from outside: Some(42)",
    "server ended: true",
    "== one side ends first",
    r#"read after the shutdown: 11 bytes "late answer""#,
    "write and flush on a connection without its way out: BrokenPipe",
    r#"peer read: 5 bytes "still""#,
    "shutdown of reading: ok",
    "== halves end alone",
    r#"peer read to the end: 13 bytes "from the half""#,
    r#"peer read: 13 bytes "still written""#,
    "== resets",
    "read after a reset: ConnectionReset",
    "read after a reset: end",
    "write and flush on a connection without its way out: BrokenPipe",
    "write and flush on a connection without its way out: ConnectionReset",
    "a read that waits: ConnectionReset",
    "a writer that waits ends by the reset: true",
    "== drops",
    "peer read 1048576 bytes to the end",
    "drop without linger, peer read: ConnectionReset",
    "== numbers come back",
    "50 of 50 went as they should",
    "== reads given up",
    r#"read: 4 bytes "late""#,
    r#"recv: 5 bytes "later""#,
    "cancelled at read with bytes on the way",
    r#"read: 9 bytes "overtaken""#,
    "cancelled at read with the end on the way",
    "== reads out of time",
    "read_exact of more than is there: TimedOut",
    r#"read: 3 bytes "def""#,
    "== owned sends given up",
    "cancelled at send",
    "peer read all of the buffer that was dropped in flight",
    r#"and then: 7 bytes "tailend""#,
    "== a peer that takes nothing",
    "a write waits for room",
    "send: TimedOut",
    r#"read: 5 bytes "go on""#,
    "peer read every byte that was accepted",
    r#"and then: 7 bytes "at last""#,
    "== both halves wait",
    "the writer is done: false",
    r#"read: 13 bytes "to the reader""#,
    "the writer is done: false",
    "the reader is done: false",
    r#"read: 6 bytes "answer""#,
    "== a reader that takes nothing",
    "read all of it: true",
    "== accepts",
    "cancelled at accept with a connection on the way",
    r#"read: 4 bytes "gone""#,
    "== connects",
    "connect where nobody listens: ConnectionRefused, naming the address: true",
    "connect_timeout: TimedOut",
    "== listeners end",
    "closed with 2 pending",
    "dropped with one pending, which ended: true",
    "== pipes",
    "cancelled at read",
    r#"read: 4 bytes "late""#,
    "cancelled at read with bytes on the way",
    r#"read: 9 bytes "overtaken""#,
    "write: 65536",
    "cancelled at write",
    "read_to_end: 65536",
    "a write that waits: BrokenPipe",
    "== the end of the runtime",
    "peer read to the end: 50000",
];

/// How often the script runs for [`the_log_is_the_same_on_every_run`]; `RINGMILL_TRANSCRIPTS` asks
/// for more.
const RUNS: usize = 3;

#[test]
fn both_drivers_tell_the_same() {
    let uring = transcript(DriverKind::Uring);
    let mut rest = uring.iter();
    for key in KEY_LINES {
        assert!(
            rest.any(|line| line == key),
            "missing or out of place: {key}\n{uring:#?}"
        );
    }
    let epoll = transcript(DriverKind::Epoll);
    assert_same(("io_uring", &uring), ("epoll", &epoll));
}

#[test]
fn the_log_is_the_same_on_every_run() {
    let runs = match std::env::var("RINGMILL_TRANSCRIPTS") {
        Ok(count) => count.parse().expect("a number"),
        Err(_) => RUNS,
    };
    for kind in [DriverKind::Uring, DriverKind::Epoll] {
        let first = transcript(kind);
        for _ in 1..runs {
            assert_same(("one run", &first), ("another", &transcript(kind)));
        }
    }
}
