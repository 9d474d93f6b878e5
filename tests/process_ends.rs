//! The ends of child processes: waited for, killed, dropped; with pidfds and without; with a loop
//! and without. No zombie is left, no descriptor, no thread.
//!
//! `RINGMILL_CHILDREN` sets how many are run in the storm, `RINGMILL_SEED` repeats a run.

mod kit;

use kit::child::alone;
use kit::driver::{apply, on_each_driver};
use kit::polls::glance;
use kit::process::{descriptors, threads};
use kit::random::Random;
use kit::seccomp::deny;
use kit::wait::{eventually, soon, until};
use kit::{block_on, runtime};
use ringmill::process::{Child, Command, Stdio};
use ringmill::{spawn, yield_now};
use std::fs;
use std::os::unix::process::ExitStatusExt;

/// In the storm, and how many at a time. A child is a millisecond and more.
const CHILDREN: usize = if cfg!(debug_assertions) {
    1_000
} else {
    10_000
};
const AT_ONCE: usize = 100;

/// A child that lives until it is killed, or its standard input ends.
fn cat() -> Child {
    cat_command().spawn().unwrap()
}

fn cat_command() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Whether there is a process of this number, dead or alive.
fn exists(pid: u32) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap()
}

/// This process's children, dead or alive.
fn children() -> Vec<u32> {
    let mut found = Vec::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        // A thread may end meanwhile.
        let list = fs::read_to_string(task.unwrap().path().join("children"));
        let list = list.unwrap_or_default();
        found.extend(
            list.split_whitespace()
                .map(|pid| pid.parse::<u32>().unwrap()),
        );
    }
    found
}

#[apply(on_each_driver)]
fn a_dropped_wait_loses_nothing_and_a_wait_may_be_repeated() {
    block_on(async {
        let mut child = cat();
        let stdin = child.stdin.take().unwrap();
        for _ in 0..10 {
            assert!(glance(child.wait()).is_pending());
            yield_now().await;
        }
        assert_eq!(child.try_wait().unwrap(), None);
        let pid = child.id().unwrap();
        drop(stdin);
        let status = soon("its end", child.wait()).await.unwrap();
        assert!(status.success());
        assert!(!exists(pid));
        assert_eq!(child.id(), None);
        assert_eq!(child.wait().await.unwrap(), status);
        assert_eq!(child.try_wait().unwrap(), Some(status));
    });
}

#[apply(on_each_driver)]
fn try_wait_sees_the_end() {
    block_on(async {
        let mut child = cat();
        assert_eq!(child.try_wait().unwrap(), None);
        assert!(child.stdin.is_some(), "left alone");
        drop(child.stdin.take());
        until("its end", || child.try_wait().unwrap().is_some()).await;
        assert!(child.try_wait().unwrap().unwrap().success());
    });
}

#[apply(on_each_driver)]
fn a_dropped_child_goes_on_and_is_reaped() {
    block_on(async {
        let mut child = cat();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let pid = child.id().unwrap();
        assert!(glance(child.wait()).is_pending());
        drop(child);
        stdin.write_all(b"still here").await.unwrap();
        let mut answer = [0; 10];
        soon("an answer", stdout.read_exact(&mut answer))
            .await
            .unwrap();
        assert_eq!(&answer, b"still here");
        drop(stdin);
        until("it is reaped", || !exists(pid)).await;
    });
}

#[apply(on_each_driver)]
fn kill_on_drop_kills() {
    block_on(async {
        let mut child = cat_command().kill_on_drop(true).spawn().unwrap();
        let (pid, mut stdout) = (child.id().unwrap(), child.stdout.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        drop(child);
        assert_eq!(soon("its end", stdout.read(&mut [0; 8])).await.unwrap(), 0);
        until("it is reaped", || !exists(pid)).await;
        drop(stdin);

        // Dropped with the future that runs it.
        let mut command = cat_command();
        let (ours, theirs) = std::io::pipe().unwrap();
        command.stdin(ours).kill_on_drop(true);
        assert!(glance(command.output()).is_pending());
        drop((command, theirs));
    });
}

#[apply(on_each_driver)]
fn a_status_that_somebody_else_took_is_an_error() {
    alone("a_status_that_somebody_else_took_is_an_error", || {
        // SAFETY: nothing else here waits for children. The kernel takes their statuses from now on.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        block_on(async {
            for _ in 0..20 {
                let mut child = cat();
                let error = soon("an answer", child.wait()).await.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::ECHILD));
                assert!(child.try_wait().is_err());
                drop(child);
                drop(cat());
            }
        });
        eventually("all gone", || children().is_empty());
    });
}

#[apply(on_each_driver)]
fn children_outlive_their_runtime_and_are_reaped() {
    alone("children_outlive_their_runtime_and_are_reaped", || {
        let (files, running) = (descriptors(), threads());
        let (mut kept, sleepers) = {
            let runtime = runtime(2);
            let elsewhere = runtime.handle().loops()[1].spawn(|| async {
                // Dropped with the loop.
                let mut child = cat();
                let stdin = child.stdin.take().unwrap().into_owned_fd().unwrap();
                let pid = child.id().unwrap();
                spawn(async move { child.wait().await });
                (pid, stdin)
            });
            runtime.block_on(async {
                let mut sleepers = vec![soon("a child", elsewhere).await.unwrap()];
                for waits in [false, true] {
                    let mut child = cat();
                    let stdin = child.stdin.take().unwrap().into_owned_fd().unwrap();
                    sleepers.push((child.id().unwrap(), stdin));
                    spawn(async move {
                        if waits {
                            child.wait().await.unwrap();
                        }
                        std::future::pending::<()>().await;
                        drop(child);
                    });
                }
                // One that nobody drops before the runtime.
                let mut kept = cat();
                let stdin = kept.stdin.take().unwrap().into_owned_fd().unwrap();
                assert!(glance(kept.wait()).is_pending());
                sleepers.push((kept.id().unwrap(), stdin));
                // And one that was dropped.
                let mut child = cat();
                let stdin = child.stdin.take().unwrap().into_owned_fd().unwrap();
                sleepers.push((child.id().unwrap(), stdin));
                drop(child);
                yield_now().await;
                (kept, sleepers)
            })
        };
        // They live on.
        for (pid, _) in &sleepers {
            assert!(children().contains(pid));
        }
        let kept_pid = kept.id().unwrap();
        for (pid, stdin) in sleepers {
            drop(stdin);
            if pid != kept_pid {
                eventually("it is reaped", || !exists(pid));
            }
        }
        eventually("its end", || kept.try_wait().unwrap().is_some());
        drop(kept);
        assert_eq!(children(), []);
        eventually("the thread ends", || threads() == running);
        assert_eq!(descriptors(), files);
    });
}

/// Runs and drops children where pidfd_open gives `errno`.
fn without_pidfds(errno: i32) {
    let running = threads();
    deny(libc::SYS_pidfd_open, errno);
    let runtime = runtime(1);
    runtime.block_on(async {
        assert!(cat().wait().await.unwrap().success());

        let mut child = cat();
        let stdin = child.stdin.take().unwrap();
        for _ in 0..3 {
            assert!(glance(child.wait()).is_pending());
            yield_now().await;
        }
        assert_eq!(child.try_wait().unwrap(), None);
        drop(stdin);
        let status = soon("its end", child.wait()).await.unwrap();
        assert!(status.success());
        assert_eq!(child.wait().await.unwrap(), status);

        for has_waited in [false, true] {
            let mut child = cat();
            let stdin = child.stdin.take();
            if has_waited {
                assert!(glance(child.wait()).is_pending());
            }
            child.signal(libc::SIGTERM).unwrap();
            let status = soon("its end", child.wait()).await.unwrap();
            assert_eq!(status.signal(), Some(libc::SIGTERM));
            child.signal(libc::SIGTERM).unwrap();
            drop(stdin);
        }
        for has_waited in [false, true] {
            let mut child = cat_command().kill_on_drop(true).spawn().unwrap();
            let stdin = child.stdin.take();
            if has_waited {
                assert!(glance(child.wait()).is_pending());
            }
            drop(child);
            until("it is reaped", || children().is_empty()).await;
            drop(stdin);
        }
        for _ in 0..10 {
            let output = soon("all of it", Command::new("id").output()).await;
            assert!(output.unwrap().status.success());
            drop(cat());
        }
        until("all are reaped", || children().is_empty()).await;
    });
    drop(runtime);
    eventually("the threads end", || threads() == running);
}

#[apply(on_each_driver)]
fn a_thread_waits_where_pidfds_are_missing() {
    alone("a_thread_waits_where_pidfds_are_missing", || {
        without_pidfds(libc::ENOSYS);
    });
}

#[apply(on_each_driver)]
fn a_thread_waits_where_pidfds_are_denied() {
    alone("a_thread_waits_where_pidfds_are_denied", || {
        without_pidfds(libc::EPERM);
    });
}

/// One child of the storm.
async fn run_one(chance: u64) {
    let mut chance = Random::with_seed(chance);
    let mut command = cat_command();
    match chance.below(9) {
        0 => {
            let status = soon("its end", Command::new("true").status()).await;
            assert!(status.unwrap().success());
        }
        1 => {
            let output = soon("its end", Command::new("echo").arg("hello").output()).await;
            assert_eq!(output.unwrap().stdout, b"hello\n");
        }
        2 => {
            let mut child = command.spawn().unwrap();
            let stdin = child.stdin.take();
            soon("its end", child.kill()).await.unwrap();
            let status = child.wait().await.unwrap();
            assert_eq!(status.signal(), Some(libc::SIGKILL));
            drop(stdin);
        }
        3 => {
            // Killed, and dropped before it has ended.
            let mut child = command.spawn().unwrap();
            child.start_kill().unwrap();
        }
        4 => {
            let mut child = command.kill_on_drop(true).spawn().unwrap();
            for _ in 0..chance.below(3) {
                assert!(glance(child.wait_but_keep()).is_pending());
                yield_now().await;
            }
        }
        5 => {
            let mut child = command.spawn().unwrap();
            let stdin = child.stdin.take();
            for _ in 0..chance.below(4) {
                assert!(glance(child.wait()).is_pending());
                yield_now().await;
            }
            drop(stdin);
            assert!(soon("its end", child.wait()).await.unwrap().success());
        }
        6 => {
            // Lives on, and ends by itself: its standard input is closed with it.
            let mut child = command.spawn().unwrap();
            let _ = child.stdin.as_mut().unwrap().write(b"bytes").await;
        }
        7 => {
            let mut child = command.spawn().unwrap();
            for _ in 0..chance.below(4) {
                let _ = glance(child.wait());
                yield_now().await;
            }
        }
        _ => {
            let mut child = command.spawn().unwrap();
            let stdin = child.stdin.as_mut().unwrap();
            stdin.write_all(b"round trip").await.unwrap();
            let output = soon("all of it", child.wait_with_output()).await.unwrap();
            assert_eq!(output.stdout, b"round trip");
        }
    }
}

/// Waiting without closing the standard input.
trait WaitButKeep {
    async fn wait_but_keep(&mut self);
}

impl WaitButKeep for Child {
    async fn wait_but_keep(&mut self) {
        let stdin = self.stdin.take();
        let waited = glance(self.wait());
        self.stdin = stdin;
        if waited.is_pending() {
            std::future::pending::<()>().await;
        }
    }
}

#[apply(on_each_driver)]
fn a_storm_of_children_leaves_nothing_behind() {
    alone("a_storm_of_children_leaves_nothing_behind", || {
        kit::process::allow_many_descriptors();
        let count = match std::env::var("RINGMILL_CHILDREN") {
            Ok(count) => count.parse().expect("RINGMILL_CHILDREN is a number"),
            Err(_) => CHILDREN,
        };
        let mut chance = Random::seeded();
        let runtime = runtime(1);
        let (files, running) = (descriptors(), threads());
        runtime.block_on(async {
            let tasks: Vec<_> = (0..AT_ONCE)
                .map(|task| {
                    let mut chance = Random::with_seed(chance.next());
                    let share = count / AT_ONCE + usize::from(task < count % AT_ONCE);
                    spawn(async move {
                        for _ in 0..share {
                            run_one(chance.next()).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            until("all are reaped", || children().is_empty()).await;
            until("all closed", || descriptors() == files).await;
            until("the thread ends", || threads() == running).await;
        });
    });
}
