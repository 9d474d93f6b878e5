//! Idleness: a loop with nothing to do makes no system call, and what is idle slows nobody down.
//!
//! The second needs some 9,000 descriptors.

mod kit;

use kit::child::{Running, alone, is_child};
use kit::driver::{self, apply, on_each_driver};
use kit::process::{self, Activity};
use kit::wait::{eventually, soon};
use kit::{build, builder, runtime};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::time::sleep;
use ringmill::{DriverKind, Handle, LoopStats, SpinPolicy, Watchdog, spawn};
use std::future::pending;
use std::thread;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// Whether a thread is blocked in the call in which a loop waits, as /proc shows it.
fn waits(thread: &Activity) -> bool {
    let calls: &[i64] = match driver::current() {
        DriverKind::Uring => &[libc::SYS_io_uring_enter],
        _ => &[libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2],
    };
    calls.iter().any(|call| thread.call == call.to_string())
}

/// Idle company: connections with a read in flight, tasks with timers, tasks that wait for nothing.
/// They stay for as long as the runtime.
async fn make_idle(count: usize) {
    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for _ in 0..count {
        let client = TcpStream::connect(address).await.unwrap();
        let (server, _) = soon("the accept", listener.accept()).await.unwrap();
        for mut stream in [client, server] {
            drop(spawn(async move { stream.read(&mut [0; 1]).await }));
        }
        drop(spawn(sleep(HOUR)));
        drop(spawn(pending::<()>()));
    }
    drop(spawn(async move { listener.accept().await }));
}

#[apply(on_each_driver)]
fn an_idle_runtime_makes_no_system_call() {
    const NAME: &str = "an_idle_runtime_makes_no_system_call";
    const LOOPS: usize = 3;
    if is_child(NAME) {
        // With spinning and a watchdog: they have to end, too.
        let spin = SpinPolicy::UpTo(Duration::from_millis(1));
        let runtime = build(builder(LOOPS).spin(spin).watchdog(Watchdog::default()));
        runtime.block_on(async {
            for task in Handle::current().spawn_on_each(|_| make_idle(50)) {
                task.await.unwrap();
            }
            println!("idle");
            sleep(HOUR).await;
        });
        return;
    }
    let mut child = Running::start(NAME);
    child.line("idle");
    let activity = || process::activity(child.pid()).unwrap();
    // A thread that makes a call and comes back is switched out once more. One that is blocked in
    // the same call as before, with the same counts, has made none.
    let window = |length: Duration| -> (Vec<Activity>, Vec<Activity>) {
        let before = activity();
        thread::sleep(length);
        (before, activity())
    };
    eventually("rest", || {
        let (before, after) = window(Duration::from_millis(50));
        before == after
    });
    let (before, after) = window(Duration::from_secs(1));
    assert_eq!(before, after);
    let waiting = after.iter().filter(|thread| waits(thread)).count();
    assert_eq!(waiting, LOOPS, "{after:?}");
}

#[apply(on_each_driver)]
fn a_loop_that_waits_for_a_timer_sleeps_until_it() {
    let runtime = runtime(1);
    let before = runtime.handle().stats()[0].clone();
    runtime.block_on(sleep(Duration::from_millis(50)));
    let after = &runtime.handle().stats()[0];
    let (parks, enters) = (after.parks - before.parks, after.enters - before.enters);
    assert!(parks <= 3 && enters <= 4, "{parks} parks, {enters} enters");
}

/// What a number of echo requests, one after the other, cost the loop.
async fn cost_of(requests: u64) -> [f64; 5] {
    let stats = || -> LoopStats { Handle::current().stats()[0].clone() };
    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (mut server, _) = soon("the accept", listener.accept()).await.unwrap();
    let echo = spawn(async move {
        let mut room = [0; 64];
        loop {
            match server.read(&mut room).await.unwrap() {
                0 => break,
                count => server.write_all(&room[..count]).await.unwrap(),
            }
        }
    });
    let mut ask = async |count| {
        for _ in 0..count {
            client.write_all(&[1; 64]).await.unwrap();
            client.read_exact(&mut [0; 64]).await.unwrap();
        }
    };
    ask(100).await;
    let before = stats();
    ask(requests).await;
    let after = stats();
    drop(client);
    soon("the server's end", echo).await.unwrap();
    let each =
        |count: fn(&LoopStats) -> u64| (count(&after) - count(&before)) as f64 / requests as f64;
    [
        each(|stats| stats.ticks),
        each(|stats| stats.enters),
        each(|stats| stats.sqes),
        each(|stats| stats.cqes),
        each(|stats| stats.polls),
    ]
}

#[apply(on_each_driver)]
fn idle_connections_tasks_and_timers_cost_a_request_nothing() {
    alone(
        "idle_connections_tasks_and_timers_cost_a_request_nothing",
        || {
            const REQUESTS: u64 = 3_000;
            process::allow_many_descriptors();
            let runtime = runtime(1);
            let (few, many) = runtime.block_on(async {
                make_idle(10).await;
                let few = cost_of(REQUESTS).await;
                make_idle(4_000).await;
                let stats = &Handle::current().stats()[0];
                assert!(stats.tasks >= 16_000 && stats.slots >= 8_000);
                (few, cost_of(REQUESTS).await)
            });
            for (name, (few, many)) in ["ticks", "enters", "sqes", "cqes", "polls"]
                .into_iter()
                .zip(few.into_iter().zip(many))
            {
                println!("{name} a request: {few:.3} with 10 idle, {many:.3} with 4,010");
                assert!((few - many).abs() < 0.01, "{name}");
            }
        },
    );
}
