//! The generator against servers within the test's own process.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process;
use std::thread;
use std::time::Duration;

use super::{Outcome, check, probe};
use crate::cli::LoadArguments;
use crate::workload::Workload;

/// Serves each connection in a thread of its own, for as long as the process lives.
fn serve(connection: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = connection.clone();
            thread::spawn(move || connection(stream));
        }
    });
    port
}

/// An echo that may change what it has read; it is told how many reads there were before.
fn echo(change: impl Fn(usize, &mut [u8]) + Clone + Send + 'static) -> u16 {
    serve(move |mut stream| {
        let mut buffer = [0; 8192];
        for reads in 0.. {
            let Ok(read @ 1..) = stream.read(&mut buffer) else {
                return;
            };
            change(reads, &mut buffer[..read]);
            if stream.write_all(&buffer[..read]).is_err() {
                return;
            }
        }
    })
}

fn arguments(port: u16, connections: usize, depth: usize, size: usize) -> LoadArguments {
    LoadArguments {
        workload: Workload::Echo,
        port,
        server_pid: process::id() as libc::pid_t,
        connections,
        depth,
        size,
        rate: None,
        churn: false,
        idle: 0,
        source_ports: Vec::new(),
        warm_up: 0.02,
        seconds: 0.1,
        cpu: 0,
        parent: 0,
    }
}

/// In a thread of its own, in place of a process: the registered ring lives until its thread ends.
fn drive(arguments: &LoadArguments) -> io::Result<Outcome> {
    thread::scope(|scope| {
        let run = scope.spawn(|| super::drive(arguments));
        run.join().expect("the generator does not panic")
    })
}

fn good(arguments: &LoadArguments) -> Outcome {
    check(arguments).expect("arguments that make sense");
    let outcome = drive(arguments).expect("a server that answers");
    assert_eq!((outcome.errors, outcome.unanswered), (0, 0));
    assert!(outcome.requests_overall >= outcome.requests);
    outcome
}

#[test]
fn small_messages_in_a_closed_loop_are_answered() {
    let outcome = good(&arguments(echo(|_, _| {}), 8, 4, 64));
    assert!(outcome.requests > 0 && outcome.max_micros >= outcome.p50_micros);
    assert!(outcome.late_percent.is_none());
}

#[test]
fn more_bytes_than_sockets_hold_do_not_deadlock() {
    let outcome = good(&arguments(echo(|_, _| {}), 4, 16, 512 * 1024));
    assert!(outcome.requests_overall > 4);
}

#[test]
fn changed_answers_are_errors() {
    let port = echo(|reads, bytes| {
        if reads > 0 {
            bytes[0] ^= 1;
        }
    });
    let outcome = drive(&arguments(port, 2, 1, 64)).expect("an outcome all the same");
    assert!(outcome.errors > 0);
}

#[test]
fn a_first_answer_that_is_wrong_ends_the_run() {
    let port = echo(|_, bytes| bytes[0] ^= 1);
    let refused = drive(&arguments(port, 2, 1, 64)).expect_err("a wrong answer");
    assert!(refused.to_string().contains("wrong"), "{refused}");
}

#[test]
fn a_server_that_hangs_up_ends_the_run() {
    let port = serve(|mut stream| {
        let mut buffer = [0; 64];
        if stream.read_exact(&mut buffer).is_ok() {
            // The generator has its own way of finding out.
            let _ = stream.write_all(&buffer);
        }
    });
    let refused = drive(&arguments(port, 2, 1, 64)).expect_err("no connections");
    assert!(refused.to_string().contains("closed"), "{refused}");
}

#[test]
fn an_open_loop_sends_no_more_than_its_rate() {
    let mut open = arguments(echo(|_, _| {}), 3, 2, 64);
    open.rate = Some(1_000.0);
    let outcome = good(&open);
    // Three first exchanges, and a request a millisecond until the window's end.
    let elapsed = outcome.seconds + open.warm_up;
    assert!(outcome.requests_overall > 3 && outcome.late_percent.is_some());
    assert!((outcome.requests as f64) <= elapsed * 1e3 + 1.0);
}

/// At a request each 5 ms a server that takes 20 ms falls behind: a closed loop would see 20 ms
/// each time.
#[test]
fn a_request_behind_others_counts_from_its_intended_time() {
    let port = echo(|reads, _| {
        if reads > 0 {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut open = arguments(port, 1, 1, 64);
    open.rate = Some(200.0);
    let outcome = good(&open);
    assert!(outcome.max_micros > 40_000.0, "{}", outcome.max_micros);
}

#[test]
fn in_churn_each_request_has_a_connection_of_its_own() {
    let mut churn = arguments(echo(|_, _| {}), 4, 1, 20_000);
    churn.churn = true;
    assert!(good(&churn).requests_overall > 5);
}

#[test]
fn in_churn_a_server_that_hangs_up_is_an_error() {
    let port = echo(|_, _| {});
    let mut churn = arguments(port, 2, 1, 64);
    churn.churn = true;
    good(&churn);
    let deaf = serve(|mut stream| {
        let mut buffer = [0; 64];
        let first = stream.read_exact(&mut buffer).is_ok();
        if first && buffer[0] == 0 {
            // As above.
            let _ = stream.write_all(&buffer);
        }
    });
    // The first message of the script begins with 0, the second does not.
    churn.port = deaf;
    let outcome = drive(&churn).expect("one of two is answered");
    assert!(outcome.errors > 0 && outcome.requests_overall > 1);
}

#[test]
fn idle_connections_are_answered_once() {
    let mut idle = arguments(echo(|_, _| {}), 1, 1, 64);
    idle.idle = 20;
    let outcome = good(&idle);
    let found = outcome.idle.expect("idle connections");
    assert!(found.connections == 20 && found.memory_before > 0 && found.memory_after > 0);
}

#[test]
fn connections_come_from_the_ports_that_are_named() {
    let probed = probe::probe(0, 3).expect("free ports");
    let expected = probed.source_ports.clone();
    let port = serve(move |mut stream| {
        let from = stream.peer_addr().expect("an address").port();
        let mut buffer = [0; 64];
        while expected.contains(&from) && stream.read_exact(&mut buffer).is_ok() {
            if stream.write_all(&buffer).is_err() {
                return;
            }
        }
    });
    let mut skewed = arguments(port, 3, 1, 64);
    skewed.source_ports = probed.source_ports;
    good(&skewed);
    // Soon again: nothing is left in TIME_WAIT.
    good(&skewed);
}

#[test]
fn what_cannot_be_done_is_refused_with_a_remedy() {
    let many = check(&arguments(1, 1 << 30, 1, 64)).expect_err("too many");
    assert!(many.to_string().contains("ulimit"), "{many}");
    let mut churn = arguments(1, 1, 1, 512 * 1024);
    churn.churn = true;
    assert!(check(&churn).is_err());
}
