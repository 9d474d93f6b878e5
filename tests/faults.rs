//! Faults of the kernel's: a call that fails now and then loses nothing and ends nobody.
//!
//! Most faults are put in by strace(1), between the program and the kernel. Where it is missing the
//! tests say so and pass.

mod kit;

use kit::child::{Running, alone, is_child};
use kit::driver::{apply, on_epoll, on_uring};
use kit::random::{check, patterned};
use kit::tcp::ANY;
use kit::wait::soon;
use kit::{runtime, seccomp};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{Handle, spawn};
use std::process::{Command, Stdio};

/// Whether faults can be put in here.
fn can_inject() -> bool {
    let version = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    let can = version.is_ok_and(|status| status.success());
    if !can {
        println!("SKIPPED: there is no strace(1) here");
    }
    can
}

/// Messages of a known pattern, there and back, on two loops, with tasks sent between them.
fn traffic() {
    const MESSAGES: u64 = 400;
    const LEN: usize = 1_000;
    runtime(2).block_on(async {
        let tasks = Handle::current().spawn_on_each(|index| async move {
            let mut listener = TcpListener::bind(ANY).await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                while let Some(bytes) = stream.recv().await.unwrap() {
                    stream.write_all(&bytes).await.unwrap();
                }
            });
            let mut client = TcpStream::connect(address).await.unwrap();
            for n in 0..MESSAGES {
                let from = n * LEN as u64;
                client.write_all(&patterned(from, LEN)).await.unwrap();
                let mut room = [0; LEN];
                soon("the echo", client.read_exact(&mut room))
                    .await
                    .unwrap();
                check(&room, from);
                if n % 10 == 0 {
                    let there = Handle::current().spawn_on(1 - index, move || async move { n });
                    assert_eq!(soon("the other loop", there).await.unwrap(), n);
                    ringmill::time::sleep(std::time::Duration::from_micros(100)).await;
                }
            }
            drop(client);
            soon("the server", server).await.unwrap();
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    println!("all there");
}

/// Where a loop submits and waits, on io_uring.
const ENTER: &str = "io_uring_enter";

/// Runs the traffic in a child of which some of the calls fail; which ones is said in strace's way.
fn survives(name: &str, calls: &str, fault: &str) {
    if is_child(name) {
        return traffic();
    }
    if !can_inject() {
        return;
    }
    let ended = Running::start_under(
        name,
        &[
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={calls}"),
            "-e",
            &format!("inject={calls}:{fault}"),
        ],
    )
    .finish();
    assert!(ended.status.success(), "{fault}: {}", ended.output);
    assert!(
        ended.output.contains("all there"),
        "{fault}: {}",
        ended.output
    );
}

#[apply(on_uring)]
fn an_interrupted_enter_is_repeated() {
    survives(
        "an_interrupted_enter_is_repeated",
        ENTER,
        "error=EINTR:when=1+5",
    );
}

#[apply(on_uring)]
fn an_enter_short_of_requests_is_repeated() {
    survives(
        "an_enter_short_of_requests_is_repeated",
        ENTER,
        "error=EAGAIN:when=4+5",
    );
}

#[apply(on_uring)]
fn an_enter_with_a_full_queue_is_repeated() {
    survives(
        "an_enter_with_a_full_queue_is_repeated",
        ENTER,
        "error=EBUSY:when=4+5",
    );
}

#[apply(on_uring)]
fn an_enter_short_of_memory_is_repeated() {
    survives(
        "an_enter_short_of_memory_is_repeated",
        ENTER,
        "error=ENOMEM:when=4+5",
    );
}

#[apply(on_epoll)]
fn an_interrupted_wait_is_repeated() {
    survives(
        "an_interrupted_wait_is_repeated",
        "epoll_pwait2",
        "error=EINTR:when=1+5",
    );
}

#[apply(on_epoll)]
fn a_kernel_that_waits_by_milliseconds_serves_too() {
    alone("a_kernel_that_waits_by_milliseconds_serves_too", || {
        // As before Linux 5.11, and in containers whose profile is older than the call.
        seccomp::deny(libc::SYS_epoll_pwait2, libc::ENOSYS);
        traffic();
    });
}
