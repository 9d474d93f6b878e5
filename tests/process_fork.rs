//! What a child process has of this one's: no ring, no buffer, no descriptor, no pin. And a fork
//! that never becomes another program leaves the loops as they were.

mod kit;

use kit::child::alone;
use kit::driver::{apply, on_each_driver, on_uring};
use kit::random::{check, patterned};
use kit::tcp;
use kit::wait::{soon, until};
use kit::{block_on, builder, runtime};
use ringmill::pipe::pipe;
use ringmill::process::{Command, Stdio};
use ringmill::{spawn, yield_now};
use std::cell::Cell;
use std::fs;
use std::rc::Rc;

/// Bytes that go there and back on each connection around the forks.
const LEN: usize = 4 << 20;
const CONNECTIONS: usize = 8;

/// A fork that does nothing until it is killed, which the drop does.
struct Fork(libc::pid_t);

impl Fork {
    fn new() -> Self {
        // SAFETY: the child makes two system calls and is gone.
        match unsafe { libc::fork() } {
            -1 => panic!("{}", std::io::Error::last_os_error()),
            0 => unsafe {
                // SAFETY: as above.
                libc::pause();
                libc::_exit(0)
            },
            pid => Fork(pid),
        }
    }

    /// A fork that ends at once, as does one that has found that it cannot go on.
    fn that_ends() {
        // SAFETY: the child makes one system call and is gone; it is waited for here.
        unsafe {
            match libc::fork() {
                0 => libc::_exit(0),
                pid => assert_eq!(libc::waitpid(pid, std::ptr::null_mut(), 0), pid),
            }
        }
    }

    fn mappings(&self) -> String {
        fs::read_to_string(format!("/proc/{}/maps", self.0)).unwrap()
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        // SAFETY: plain integers; the child was not waited for yet.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}

/// The pattern there and back on one connection.
async fn round_trip() {
    let (client, server) = tcp::pair().await;
    let echo = spawn(async move {
        let mut server = server;
        while let Some(bytes) = server.recv().await.unwrap() {
            server.send(bytes).await.0.unwrap();
        }
    });
    let (mut reader, mut writer) = client.into_split();
    let sender = spawn(async move {
        for piece in patterned(0, LEN).chunks(10_000) {
            writer.write_all(piece).await.unwrap();
        }
        writer.flush().await.unwrap();
    });
    let mut all = vec![0; LEN];
    soon("all of it", reader.read_exact(&mut all))
        .await
        .unwrap();
    check(&all, 0);
    sender.await.unwrap();
    drop(reader);
    echo.await.unwrap();
}

#[apply(on_each_driver)]
fn forks_leave_the_loop_as_it_was() {
    alone("forks_leave_the_loop_as_it_was", || {
        let runtime = runtime(1);
        runtime.block_on(async {
            let live = Rc::new(Cell::new(CONNECTIONS));
            for _ in 0..CONNECTIONS {
                let live = live.clone();
                spawn(async move {
                    round_trip().await;
                    live.set(live.get() - 1);
                });
            }
            // Receives are armed, sends and buffers are in flight.
            let mut forks = Vec::new();
            for turn in 0..40 {
                if turn % 8 == 0 {
                    forks.push(Fork::new());
                }
                Fork::that_ends();
                yield_now().await;
            }
            until("every byte is there and back", || live.get() == 0).await;
            // With none of them, too.
            drop(forks);
            round_trip().await;
        });
    });
}

#[apply(on_uring)]
fn a_fork_has_no_ring_and_no_buffer_mapped() {
    alone("a_fork_has_no_ring_and_no_buffer_mapped", || {
        const RING: &str = "[io_uring]";
        let runtime = runtime(1);
        runtime.block_on(async {
            round_trip().await;
            let ours = fs::read_to_string("/proc/self/maps").unwrap();
            assert!(ours.contains(RING));
            // The buffers are anonymous: found by their flag.
            let flags = fs::read_to_string("/proc/self/smaps").unwrap();
            let private = flags.lines().filter(|line| {
                line.starts_with("VmFlags:") && line.split_whitespace().any(|flag| flag == "dc")
            });
            let not_inherited = private.count();
            let rings = ours.lines().filter(|line| line.contains(RING)).count();
            assert!(
                not_inherited >= rings + 2,
                "{not_inherited}, {rings} of rings"
            );

            let fork = Fork::new();
            let theirs = fork.mappings();
            assert!(!theirs.contains(RING), "{theirs}");
            let gone = ours.lines().count() - theirs.lines().count();
            assert!(gone >= rings, "{gone} mappings are not inherited");
        });
    });
}

#[apply(on_each_driver)]
fn a_child_has_no_descriptor_of_the_runtimes() {
    alone("a_child_has_no_descriptor_of_the_runtimes", || {
        // What this process itself was given is inherited on.
        let before = std::process::Command::new("ls")
            .arg("/proc/self/fd")
            .output();
        block_on(async {
            let _pair = tcp::pair().await;
            let _pipe = pipe().unwrap();
            let _other = Command::new("cat").stdin(Stdio::piped()).spawn();
            let output = Command::new("ls").arg("/proc/self/fd").output();
            let output = soon("its end", output).await.unwrap();
            assert_eq!(output.stdout, before.unwrap().stdout);
        });
    });
}

#[apply(on_each_driver)]
fn a_child_has_neither_the_loops_pin_nor_its_timer_slack() {
    let before = fs::read_to_string("/proc/thread-self/status").unwrap();
    // SAFETY: a question.
    let slack = format!("{}\n", unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) });
    let runtime = kit::build(builder(2).pin(true));
    let look = || async {
        let ours = fs::read_to_string("/proc/thread-self/status").unwrap();
        assert_eq!(allowed(&ours).count_ones(), 1, "pinned");
        let files = ["/proc/self/status", "/proc/self/timerslack_ns"];
        let output = soon("its end", Command::new("cat").args(files).output()).await;
        let again = fs::read_to_string("/proc/thread-self/status").unwrap();
        assert_eq!(allowed(&again), allowed(&ours), "pinned again");
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let other = runtime.handle().loops()[1].spawn(look);
    runtime.block_on(async {
        for theirs in [look().await, other.await.unwrap()] {
            assert_eq!(allowed(&theirs), allowed(&before));
            assert!(theirs.trim_end().ends_with(slack.trim_end()), "{theirs}");
        }
    });
}

/// The processors of a thread, from its status.
fn allowed(status: &str) -> u64 {
    let found = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed:"));
    let words = found.unwrap().trim().replace(',', "");
    let last = words.len().saturating_sub(16);
    u64::from_str_radix(&words[last..], 16).unwrap()
}
