//! The attributes: what they make of a function, and what becomes of one that does not end.

mod kit;

use kit::child::{self, Running};
use kit::{ON_PURPOSE, hush};
use ringmill::blocking::spawn_blocking;
use ringmill::test_util::MockClock;
use ringmill::time::{Instant, sleep};
use ringmill::{DriverKind, Handle, random, spawn, yield_now};
use std::future::pending;
use std::io;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn driver() -> DriverKind {
    Handle::current().driver().kind
}

#[ringmill::main(loops = 2, driver = "epoll")]
async fn two_loops_on_epoll() -> (usize, DriverKind) {
    yield_now().await;
    (Handle::current().loops().len(), driver())
}

#[ringmill::main]
async fn fails() -> io::Result<()> {
    Err(io::Error::other(ON_PURPOSE))?;
    Ok(())
}

#[test]
fn main_runs_its_future_and_gives_its_result() {
    assert_eq!(two_loops_on_epoll(), (2, DriverKind::Epoll));
    assert_eq!(fails().unwrap_err().to_string(), ON_PURPOSE);
}

#[test]
fn main_tells_why_there_is_no_runtime() {
    const NAME: &str = "main_tells_why_there_is_no_runtime";
    if child::is_child(NAME) {
        let _ = fails();
        return;
    }
    let ended = Running::start_with_driver(NAME, "neither").finish();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.output.contains("RINGMILL_DRIVER"), "{}", ended.output);
}

#[ringmill::test]
async fn a_test_for_each_driver() {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    assert_eq!(name, format!("a_test_for_each_driver::{}", driver()));
    assert_eq!(Handle::current().loops().len(), 1);
}

#[ringmill::test(drivers = "all", loops = 3, seed = 11)]
async fn settings_reach_the_runtime() {
    let handle = Handle::current();
    assert_eq!((handle.loops().len(), handle.seed()), (3, 11));
    assert!(MockClock::current().is_none());
    assert!(random::below(2) < 2);
}

#[ringmill::test(driver = "epoll")]
async fn one_driver_makes_one_test() {
    assert_eq!(driver(), DriverKind::Epoll);
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    assert_eq!(name, "one_driver_makes_one_test");
}

#[ringmill::test(clock = "mock", timeout = "1m")]
async fn time_jumps_and_the_timeout_is_real() {
    let clock = MockClock::current().expect("a mock clock");
    let start = Instant::now();
    sleep(24 * HOUR).await;
    assert_eq!(start.elapsed(), 24 * HOUR);
    clock.advance(HOUR);
    assert_eq!(clock.elapsed(), 25 * HOUR);
}

#[ringmill::test(clock = "real", timeout = "60s")]
async fn a_test_may_return_a_result() -> Result<(), Box<dyn std::error::Error>> {
    let number: u32 = spawn(async { "7" }).await?.parse()?;
    assert_eq!(number, 7);
    Ok(())
}

#[ringmill::test]
#[should_panic(expected = "on purpose")]
async fn should_panic_is_kept() {
    hush();
    yield_now().await;
    panic!("{ON_PURPOSE}");
}

#[ringmill::test]
#[ignore = "to see that it is"]
async fn ignore_is_kept() {
    panic!("it was run");
}

#[ringmill::test]
#[cfg_attr(all(), should_panic(expected = "on purpose"), allow(unreachable_code))]
async fn attributes_under_a_condition_are_kept() {
    hush();
    panic!("{ON_PURPOSE}");
    #[allow(clippy::diverging_sub_expression)]
    yield_now().await;
}

#[ringmill::test(driver = "epoll")]
#[ignore = "to see that it compiles"]
async fn a_test_may_return_never() -> ! {
    pending().await
}

#[ringmill::test(driver = "epoll")]
async fn inner_attributes_are_kept() {
    #![allow(unused_variables)]
    let unused = 7;
    yield_now().await;
}

/// No name that a macro might think of is taken.
fn inner_attributes_are_kept_body() -> u32 {
    7
}

#[ringmill::test(driver = "auto")]
async fn r#match() -> impl std::process::Termination {
    assert_eq!(inner_attributes_are_kept_body(), 7);
}

#[ringmill::test]
#[cfg(any())]
async fn cfg_is_kept() {
    no_such_function();
}

#[ringmill::test(timeout = "20ms")]
#[ignore = "for a child"]
async fn hangs() {
    pending::<()>().await;
}

#[ringmill::test(timeout = "20ms", clock = "mock")]
#[ignore = "for a child"]
async fn hangs_while_time_jumps() {
    loop {
        sleep(HOUR).await;
    }
}

#[ringmill::test(timeout = "20ms")]
#[ignore = "for a child"]
async fn blocks() {
    loop {
        std::thread::park();
    }
}

#[ringmill::test(timeout = "20ms")]
#[ignore = "for a child"]
async fn waits_for_a_job() {
    let job = || {
        loop {
            std::thread::park();
        }
    };
    spawn_blocking(job).await.unwrap()
}

#[test]
fn a_test_that_hangs_fails_with_its_name() {
    for name in [
        "hangs::uring",
        "hangs::epoll",
        "waits_for_a_job::uring",
        "hangs_while_time_jumps::uring",
    ] {
        let ended = Running::start(name).finish();
        // The harness lives, and counts it.
        assert_eq!(ended.status.code(), Some(101), "{}", ended.output);
        let says = format!("the test macros::{name} is not done after 20ms");
        assert!(ended.output.contains(&says), "{}", ended.output);
        assert!(ended.output.contains("1 failed"), "{}", ended.output);
    }
}

#[test]
fn a_test_that_blocks_its_loop_ends_the_process_with_its_name() {
    use std::os::unix::process::ExitStatusExt;
    for name in ["blocks::uring", "blocks::epoll"] {
        let ended = Running::start(name).finish();
        assert_eq!(
            ended.status.signal(),
            Some(libc::SIGABRT),
            "{}",
            ended.output
        );
        let says =
            format!("the test macros::{name} is not done after 20ms, and its loop is blocked");
        assert!(ended.output.contains(&says), "{}", ended.output);
    }
}
