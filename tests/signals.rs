//! Signals: a server that is told to end finishes what it has accepted, and nothing else.
//!
//! Each server is a child process. A request is one byte, `r` or `w`; the server answers `A` as soon
//! as it has taken it and `D` once it is done: `r` by itself, `w` after a further byte, `g`. So the
//! parent knows what was accepted, and decides how long it is in flight.

mod kit;

use kit::child::{Running, is_child};
use kit::driver::{apply, on_each_driver};
use kit::random::Random;
use kit::runtime;
use kit::wait::{NEVER, eventually};
use ringmill::net::TcpStream as Served;
use ringmill::{Drain, serve, yield_now};
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// The next request, or `None` if there is none and the server is to end.
async fn request(stream: &mut Served, drain: &Drain) -> io::Result<Option<u8>> {
    let mut room = [0; 1];
    let read = {
        let mut read = pin!(stream.read(&mut room));
        let mut started = pin!(drain.started());
        poll_fn(|cx| match read.as_mut().poll(cx) {
            Poll::Ready(read) => Poll::Ready(read),
            Poll::Pending => started.as_mut().poll(cx).map(|()| Ok(0)),
        })
        .await?
    };
    Ok((read == 1).then_some(room[0]))
}

async fn handle(mut stream: Served, drain: Drain) -> io::Result<()> {
    while let Some(kind) = request(&mut stream, &drain).await? {
        stream.write_all(b"A").await?;
        match kind {
            b'r' => {
                for _ in 0..5 {
                    yield_now().await;
                }
                ringmill::time::sleep(Duration::from_micros(300)).await;
            }
            _ => stream.read_exact(&mut [0; 1]).await?,
        }
        stream.write_all(b"D").await?;
    }
    Ok(())
}

/// The child: a server on two loops, which says where it listens.
fn run_server(limit: Duration) {
    let runtime = runtime(2);
    let served = runtime.block_on(async {
        serve("127.0.0.1:0", handle)
            .drain_timeout(limit)
            .on_ready(|address| println!("listening on {address}"))
            .await
    });
    served.unwrap();
    println!("ended");
}

fn start(name: &str) -> (Running, SocketAddr) {
    let mut child = Running::start(name);
    let address = child.line("listening on").parse().unwrap();
    (child, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    stream
}

/// The next byte, or `None` at the end, be it by a reset.
fn byte(stream: &mut TcpStream) -> Option<u8> {
    let mut room = [0; 1];
    match stream.read(&mut room) {
        Ok(1) => Some(room[0]),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
        Err(error) => panic!("{error}"),
    }
}

/// Connections with a request in flight each.
fn in_flight(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams: Vec<_> = (0..count).map(|_| connect(address)).collect();
    for stream in &mut streams {
        stream.write_all(b"w").unwrap();
        assert_eq!(byte(stream), Some(b'A'));
    }
    streams
}

/// Connections that have had an answer and ask nothing more.
fn idle(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams: Vec<_> = (0..count).map(|_| connect(address)).collect();
    for stream in &mut streams {
        stream.write_all(b"r").unwrap();
        assert_eq!((byte(stream), byte(stream)), (Some(b'A'), Some(b'D')));
    }
    streams
}

fn assert_refused(address: SocketAddr) {
    eventually("a refusal", || match TcpStream::connect(address) {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    });
}

fn assert_ended_well(child: Running) {
    let ended = child.finish();
    assert!(ended.status.success(), "{}", ended.output);
    assert!(ended.output.contains("ended"), "{}", ended.output);
}

#[apply(on_each_driver)]
fn what_is_in_flight_finishes_and_what_comes_late_is_refused() {
    const NAME: &str = "what_is_in_flight_finishes_and_what_comes_late_is_refused";
    if is_child(NAME) {
        return run_server(NEVER);
    }
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let (child, address) = start(NAME);
        let (mut busy, mut idle) = (in_flight(address, 20), idle(address, 20));
        child.signal(signal);
        for stream in &mut idle {
            assert_eq!(byte(stream), None);
        }
        assert_refused(address);
        for stream in &mut busy {
            stream.write_all(b"g").unwrap();
            assert_eq!((byte(stream), byte(stream)), (Some(b'D'), None));
        }
        assert_ended_well(child);
    }
}

#[apply(on_each_driver)]
fn what_does_not_finish_in_time_is_cancelled() {
    const NAME: &str = "what_does_not_finish_in_time_is_cancelled";
    if is_child(NAME) {
        return run_server(Duration::from_millis(30));
    }
    let (child, address) = start(NAME);
    let mut busy = in_flight(address, 10);
    child.signal(libc::SIGTERM);
    for stream in &mut busy {
        assert_eq!(byte(stream), None);
    }
    assert_ended_well(child);
}

#[apply(on_each_driver)]
fn a_second_signal_cancels_at_once() {
    const NAME: &str = "a_second_signal_cancels_at_once";
    if is_child(NAME) {
        return run_server(Duration::from_secs(3_600));
    }
    let (child, address) = start(NAME);
    let (mut busy, mut idle) = (in_flight(address, 10), idle(address, 10));
    child.signal(libc::SIGTERM);
    // The first one has been heard once the idle ones are closed.
    for stream in &mut idle {
        assert_eq!(byte(stream), None);
    }
    let (finishes, others) = busy.split_at_mut(1);
    finishes[0].write_all(b"g").unwrap();
    assert_eq!(byte(&mut finishes[0]), Some(b'D'));
    child.signal(libc::SIGTERM);
    for stream in others {
        assert_eq!(byte(stream), None);
    }
    assert_ended_well(child);
}

#[apply(on_each_driver)]
fn a_server_that_does_not_heed_signals_is_ended_by_them() {
    use std::os::unix::process::ExitStatusExt;
    const NAME: &str = "a_server_that_does_not_heed_signals_is_ended_by_them";
    if is_child(NAME) {
        return runtime(1).block_on(async {
            serve("127.0.0.1:0", handle)
                .signals(false)
                .on_ready(|address| println!("listening on {address}"))
                .await
                .unwrap();
        });
    }
    let (child, address) = start(NAME);
    let _idle = idle(address, 3);
    child.signal(libc::SIGTERM);
    assert_eq!(child.finish().status.signal(), Some(libc::SIGTERM));
}

#[apply(on_each_driver)]
fn a_storm_of_other_signals_disturbs_nobody() {
    const NAME: &str = "a_storm_of_other_signals_disturbs_nobody";
    extern "C" fn nothing(_: i32) {}
    if is_child(NAME) {
        // SAFETY: the handler does nothing; without SA_RESTART it interrupts every wait.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
            assert_eq!(
                libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()),
                0
            );
        }
        return run_server(NEVER);
    }
    let (child, address) = start(NAME);
    let over = Arc::new(AtomicBool::new(false));
    let storm = thread::spawn({
        let (process, over) = (child.pid(), over.clone());
        move || {
            let mut sent = 0_u64;
            while !over.load(Ordering::SeqCst) {
                // To every thread of it.
                for thread in std::fs::read_dir(format!("/proc/{process}/task")).unwrap() {
                    let thread = thread
                        .unwrap()
                        .file_name()
                        .to_string_lossy()
                        .parse()
                        .unwrap();
                    let thread: i64 = thread;
                    // SAFETY: plain integers; it fails only for a thread that has ended.
                    unsafe {
                        libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1);
                    }
                    sent += 1;
                }
            }
            sent
        }
    });
    for _ in 0..50 {
        for mut stream in idle(address, 10) {
            stream.write_all(b"r").unwrap();
            assert_eq!(
                (byte(&mut stream), byte(&mut stream)),
                (Some(b'A'), Some(b'D'))
            );
        }
    }
    over.store(true, Ordering::SeqCst);
    let sent = storm.join().unwrap();
    assert!(sent > 1_000, "{sent} signals");
    child.signal(libc::SIGTERM);
    assert_ended_well(child);
}

#[apply(on_each_driver)]
fn no_accepted_request_is_lost_at_whatever_moment_the_signal_comes() {
    const NAME: &str = "no_accepted_request_is_lost_at_whatever_moment_the_signal_comes";
    const ROUNDS: usize = 20;
    if is_child(NAME) {
        return run_server(NEVER);
    }
    let mut random = Random::seeded();
    let (mut total, mut unheard) = (0, 0);
    for round in 0..ROUNDS {
        let (child, address) = start(NAME);
        let accepted = Arc::new(AtomicU64::new(0));
        let done = Arc::new(AtomicU64::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (accepted, done) = (accepted.clone(), done.clone());
                let over = over.clone();
                thread::spawn(move || client(address, &accepted, &done, &over))
            })
            .collect();
        let moment = random.below(400);
        eventually("the moment", || done.load(Ordering::SeqCst) >= moment);
        // Said first: the clients may meet the end of the server before this thread's next turn.
        over.store(true, Ordering::SeqCst);
        child.signal(libc::SIGTERM);
        for client in clients {
            unheard += client.join().unwrap();
        }
        assert_ended_well(child);
        let (accepted, done) = (accepted.load(Ordering::SeqCst), done.load(Ordering::SeqCst));
        assert_eq!(accepted, done, "round {round}, after {moment}");
        total += accepted;
    }
    println!("{ROUNDS} rounds, {total} requests accepted and answered, {unheard} never accepted");
    assert!(total > 0);
}

/// Connects and asks until it is refused. Gives how many of its requests nobody accepted, all of
/// them around the signal.
fn client(address: SocketAddr, accepted: &AtomicU64, done: &AtomicU64, over: &AtomicBool) -> u64 {
    let mut unheard = 0;
    loop {
        let mut stream = match TcpStream::connect(address) {
            Ok(stream) => stream,
            Err(error) => {
                let kind = error.kind();
                assert!(
                    over.load(Ordering::SeqCst),
                    "refused before the signal: {error}"
                );
                // A listener that closes in mid-handshake resets.
                assert!(matches!(
                    kind,
                    ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
                ));
                return unheard;
            }
        };
        stream.set_read_timeout(Some(NEVER)).unwrap();
        for _ in 0..5 {
            if stream.write_all(b"r").is_err() || byte(&mut stream) != Some(b'A') {
                // The connection was ended before the request was taken: only once the signal came.
                eventually("the signal", || over.load(Ordering::SeqCst));
                unheard += 1;
                break;
            }
            accepted.fetch_add(1, Ordering::SeqCst);
            if byte(&mut stream) == Some(b'D') {
                done.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}
