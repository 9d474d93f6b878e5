//! Child processes: what they are started with, and talking to them.

mod kit;

use kit::block_on;
use kit::driver::{apply, on_each_driver};
use kit::random::{check, patterned};
use kit::wait::soon;
use ringmill::pipe::pipe;
use ringmill::process::{Child, Command, Output, Stdio};
use ringmill::spawn;
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;

/// A shell with a script.
fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// What a command writes to its standard output, as text.
async fn text(command: &mut Command) -> String {
    let output = soon("its end", command.output()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[apply(on_each_driver)]
fn a_child_has_its_arguments_environment_and_directory() {
    block_on(async {
        let mut command = Command::new("sh");
        command.args(["-c", "echo \"$0|$1|$2\"", "zero"]).arg("a b");
        assert_eq!(text(command.arg("*")).await, "zero|a b|*\n");

        let mut command = sh("echo \"$ONE|$TWO|$THREE|$HOME\"");
        let variables = [("ONE", "1"), ("TWO", "2")];
        command.env_clear().envs(variables).env("THREE", "3");
        assert_eq!(text(&mut command).await, "1|2|3|\n");
        assert_eq!(text(command.env_remove("TWO")).await, "1||3|\n");

        let mut command = sh("pwd");
        assert_eq!(text(command.current_dir("/usr/bin")).await, "/usr/bin\n");
        let mut command = Command::new("cat");
        command.arg0("another").arg("/proc/self/cmdline");
        assert_eq!(text(&mut command).await, "another\0/proc/self/cmdline\0");
    });
}

#[apply(on_each_driver)]
fn a_child_has_the_rights_it_was_given() {
    if !is_root() {
        println!("skipped: only root may change them");
        return;
    }
    block_on(async {
        let mut command = sh("id -u; id -g; id -G");
        command.uid(12345).gid(23456);
        assert_eq!(text(&mut command).await, "12345\n23456\n23456\n");
        command.groups(&[34567, 45678]);
        assert_eq!(
            text(&mut command).await,
            "12345\n23456\n23456 34567 45678\n"
        );
        let mut command = sh("id -u; id -G");
        assert_eq!(text(command.groups(&[])).await, "0\n0\n");
    });
}

fn is_root() -> bool {
    // SAFETY: a question.
    unsafe { libc::geteuid() == 0 }
}

#[apply(on_each_driver)]
fn a_closure_runs_in_the_child_after_everything_else() {
    block_on(async {
        let mut command = sh("umask");
        // SAFETY: one system call.
        unsafe {
            command.pre_exec(|| {
                libc::umask(0o27);
                Ok(())
            });
        }
        assert_eq!(text(&mut command).await, "0027\n");

        if is_root() {
            let mut command = sh("true");
            // SAFETY: a system call that only asks.
            unsafe {
                command.pre_exec(|| match libc::getuid() {
                    12345 => Err(io::Error::from_raw_os_error(libc::EDOM)),
                    _ => Ok(()),
                });
            }
            // Set after the closure, and done before it.
            let error = command.uid(12345).spawn().unwrap_err();
            assert!(
                error.to_string().contains("argument out of domain"),
                "{error}"
            );
        }
    });
}

#[apply(on_each_driver)]
fn what_cannot_be_started_is_named() {
    block_on(async {
        let mut command = Command::new("/no/such/program");
        for error in [
            command.spawn().unwrap_err(),
            command.status().await.unwrap_err(),
            command.output().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let text = error.to_string();
            assert!(text.starts_with("cannot run /no/such/program: "), "{text}");
        }
        let error = sh("true").current_dir("/no/such/place").spawn();
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().contains("sh in /no/such/place"),
            "{error}"
        );
        let error = Command::new("/etc/passwd").spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[apply(on_each_driver)]
fn a_status_is_told_as_it_was() {
    block_on(async {
        assert!(soon("true", sh("true").status()).await.unwrap().success());
        let status = soon("exit", sh("exit 7").status()).await.unwrap();
        assert_eq!((status.code(), status.signal()), (Some(7), None));
        let status = soon("kill", sh("kill -TERM $$").status()).await.unwrap();
        assert_eq!((status.code(), status.signal()), (None, Some(15)));
        assert!(!status.core_dumped());
    });
}

/// Ten megabytes on each pipe, in turns of a size that no pipe holds.
const TALK: &str = "i=0; while [ $i -lt 20 ]; do head -c 524288 /dev/zero; \
                    head -c 524288 /dev/zero >&2; i=$((i+1)); done";

#[apply(on_each_driver)]
fn large_outputs_on_both_pipes_come_whole() {
    block_on(async {
        let Output {
            status,
            stdout,
            stderr,
        } = soon("all of it", sh(TALK).output()).await.unwrap();
        assert!(status.success());
        assert_eq!((stdout.len(), stderr.len()), (10 << 20, 10 << 20));
    });
}

#[apply(on_each_driver)]
fn output_takes_what_was_not_set_otherwise() {
    block_on(async {
        let mut command = sh("cat; echo out; echo err >&2");
        command.stderr(Stdio::null());
        for _ in 0..2 {
            let output = soon("its end", command.output()).await.unwrap();
            assert_eq!(output.stdout, b"out\n", "an empty standard input");
            assert_eq!(output.stderr, b"");
        }
        // The capture was for that once.
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut child = child.unwrap();
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        assert!(soon("its end", child.wait()).await.unwrap().success());
    });
}

#[apply(on_each_driver)]
fn a_large_talk_goes_both_ways_at_once() {
    block_on(async {
        const LEN: usize = 4 << 20;
        let mut command = Command::new("cat");
        let cat = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut cat = cat.unwrap();
        let mut stdin = cat.stdin.take().unwrap();
        let writer = spawn(async move { stdin.write_all(&patterned(0, LEN)).await });
        let output = soon("all of it", cat.wait_with_output()).await.unwrap();
        writer.await.unwrap().unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout.len(), LEN);
        check(&output.stdout, 0);
    });
}

#[apply(on_each_driver)]
fn waiting_closes_the_standard_input_first() {
    block_on(async {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(cat.stdin.is_some());
        assert!(soon("its end", cat.wait()).await.unwrap().success());
        assert!(cat.stdin.is_none());
    });
}

#[apply(on_each_driver)]
fn a_pipe_of_ours_serves_as_a_childs_stream() {
    block_on(async {
        let (sender, mut receiver) = pipe().unwrap();
        let sender = sender.into_owned_fd().unwrap();
        let mut command = sh("echo one; echo two >&2");
        command.stdout(sender.try_clone().unwrap()).stderr(sender);
        let mut child = command.spawn().unwrap();
        // It has the sender's duplicates.
        drop(command);
        let mut all = Vec::new();
        soon("the end", receiver.read_to_end(&mut all))
            .await
            .unwrap();
        assert_eq!(all, b"one\ntwo\n");
        assert!(child.wait().await.unwrap().success());
    });
}

#[apply(on_each_driver)]
fn a_group_is_signalled_as_one() {
    block_on(async {
        let mut command = sh("sleep 1000 & echo started; wait");
        command.process_group(0).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        soon("its word", stdout.read_exact(&mut [0; 8]))
            .await
            .unwrap();
        child.signal_group(libc::SIGTERM).unwrap();
        // The sleep has the pipe, too.
        let read = soon("the end of both", stdout.read(&mut [0; 8])).await;
        assert_eq!(read.unwrap(), 0);
        let status = soon("its end", child.wait()).await.unwrap();
        assert_eq!(status.signal(), Some(libc::SIGTERM));
        let error = child.signal_group(libc::SIGTERM).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[apply(on_each_driver)]
fn a_signal_may_be_ignored_and_a_kill_not() {
    block_on(async {
        let mut command = sh("trap '' TERM; while read line; do echo $line; done");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        say(&mut child, b"ready\n").await;
        child.signal(libc::SIGTERM).unwrap();
        say(&mut child, b"alive\n").await;
        assert_eq!(child.try_wait().unwrap(), None);
        let error = child.signal(12345).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        soon("its end", child.kill()).await.unwrap();
        let status = child.try_wait().unwrap().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
        // None of these reaches anybody.
        child.signal(libc::SIGTERM).unwrap();
        child.kill().await.unwrap();
    });
}

/// Has a child that repeats lines repeat one.
async fn say(child: &mut Child, line: &[u8]) {
    let (stdin, stdout) = (child.stdin.as_mut(), child.stdout.as_mut());
    stdin.unwrap().write_all(line).await.unwrap();
    let mut answer = vec![0; line.len()];
    let answered = stdout.unwrap().read_exact(&mut answer);
    soon("the line", answered).await.unwrap();
    assert_eq!(answer, line);
}
