//! Pipes, standard streams, processes, signals.

use crate::table::{Table, next};
use ringmill::pipe::pipe;
use ringmill::process::Command;
use ringmill::signal::{SignalKind, ctrl_c, shutdown_requested, unix};
use ringmill::stdio::{stderr, stdin, stdout};
use std::io::IoSlice;
use std::process::Stdio;

pub async fn look_at(table: &Table) {
    readers(table).await;
    writers(table).await;
    standard_streams(table).await;
    processes(table).await;
    signals(table).await;
}

async fn readers(table: &Table) {
    let (mut tx, mut rx) = pipe().unwrap();
    let bytes: Vec<u8> = (0..1000).map(|index| (index % 251) as u8).collect();
    assert_eq!(tx.try_write(&bytes).unwrap(), 1000);
    let mut expected = bytes.iter();
    let read = async || {
        let mut room = [0];
        assert_eq!(rx.read(&mut room).await.unwrap(), 1);
        assert_eq!(Some(&room[0]), expected.next());
    };
    table.row("pipe::receiver::read", read).await;
    let read_exact = async || {
        let mut room = [0];
        rx.read_exact(&mut room).await.unwrap();
        assert_eq!(Some(&room[0]), expected.next());
    };
    table.row("pipe::receiver::read_exact", read_exact).await;
    let nothing = async || assert_eq!(rx.read(&mut []).await.unwrap(), 0);
    table.row("pipe::receiver::read", nothing).await;
    let nothing = async || rx.read_exact(&mut []).await.unwrap();
    table.row("pipe::receiver::read_exact", nothing).await;
    let mut rest = vec![0; expected.len()];
    rx.read_exact(&mut rest).await.unwrap();
    assert!(rest.iter().eq(expected));

    let mut room = [0; 2];
    let write = || assert_eq!(tx.try_write(b"y").unwrap(), 1);
    table
        .waits("pipe::receiver::read", rx.read(&mut room), write)
        .await;
    drop(tx);
    let name = "pipe::receiver::read_to_end";
    table.refuses(name, rx.read_to_end(&mut Vec::new())).await;
    let mut all = Vec::new();
    assert_eq!(rx.read_to_end(&mut all).await.unwrap(), 1);
    let at_the_end = async || assert_eq!(rx.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    table.repeats(name, at_the_end).await;
}

async fn writers(table: &Table) {
    let (mut tx, mut rx) = pipe().unwrap();
    let mut written = 0;
    let write = async || written += tx.write(b"w").await.unwrap();
    table.row("pipe::sender::write", write).await;
    let write_vectored = async || {
        let pieces = [IoSlice::new(b"w"), IoSlice::new(b"w")];
        written += tx.write_vectored(&pieces).await.unwrap();
    };
    table
        .row("pipe::sender::write_vectored", write_vectored)
        .await;
    let write_all = async || {
        tx.write_all(b"ww").await.unwrap();
        written += 2;
    };
    table.row("pipe::sender::write_all", write_all).await;
    let nothing = async || tx.write_all(b"").await.unwrap();
    table.row("pipe::sender::write_all", nothing).await;
    let nothing = async || assert_eq!(tx.write_vectored(&[]).await.unwrap(), 0);
    table.row("pipe::sender::write_vectored", nothing).await;
    while tx
        .try_write(&[b'w'; 4096])
        .is_ok_and(|count| written_more(&mut written, count))
    {}
    let mut room = vec![0; 4096];
    let read = || written -= nix::unistd::read(&rx, &mut room).unwrap();
    table
        .waits("pipe::sender::write", tx.write(b"w"), read)
        .await;
    drop(tx);
    let mut all = Vec::new();
    assert_eq!(rx.read_to_end(&mut all).await.unwrap(), written);
}

fn written_more(written: &mut usize, count: usize) -> bool {
    *written += count;
    true
}

/// Nothing is written and nothing read: they are shared with whoever runs the tests.
async fn standard_streams(table: &Table) {
    let mut input = stdin();
    let read = async || assert_eq!(input.read(&mut []).await.unwrap(), 0);
    table.row("stdio::input::read", read).await;
    let (mut output, mut errors) = (stdout(), stderr());
    let write = async || assert_eq!(output.write(b"").await.unwrap(), 0);
    table.row("stdio::output::write", write).await;
    let write_all = async || errors.write_all(b"").await.unwrap();
    table.row("stdio::output::write_all", write_all).await;
    let flush = async || output.flush().await.unwrap();
    table.row("stdio::output::flush", flush).await;
}

async fn processes(table: &Table) {
    let cat = || {
        let mut command = Command::new("cat");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.kill_on_drop(true).spawn().unwrap()
    };
    let mut child = cat();
    table.refuses("process::child::wait", child.wait()).await;
    table.refuses("process::child::kill", child.kill()).await;
    // Its input is open, and it lives.
    assert!(child.stdin.is_some() && child.try_wait().unwrap().is_none());
    child.start_kill().unwrap();
    table
        .row("process::child::wait", async || {
            assert!(child.wait().await.is_ok())
        })
        .await;
    table
        .row("process::child::kill", async || child.kill().await.unwrap())
        .await;
    let mut child = cat();
    let input = child.stdin.take();
    table
        .waits("process::child::wait", child.wait(), || drop(input))
        .await;

    let name = "process::child::wait_with_output";
    table.refuses(name, cat().wait_with_output()).await;
    let output = async || {
        let output = cat().wait_with_output().await.unwrap();
        assert!(output.status.success() && output.stdout.is_empty());
    };
    table.repeats(name, output).await;
    // These begin with the call, and so do not happen only as far as nobody hears of them.
    let mut command = Command::new("true");
    let status = async || assert!(command.status().await.unwrap().success());
    table.row("process::command::status", status).await;
    let output = async || assert!(command.output().await.unwrap().status.success());
    table.row("process::command::output", output).await;
}

async fn signals(table: &Table) {
    let mut signal = unix(SignalKind::user_defined2()).unwrap();
    let recv = async || {
        raise();
        assert_eq!(signal.recv().await, Some(()));
    };
    table.row("signal::listener::recv", recv).await;
    let stream = async || {
        raise();
        assert_eq!(next(&mut signal).await, Some(()));
    };
    table.row("signal::listener::Signal", stream).await;
    table.waiting_row("signal::ctrl_c", ctrl_c, || ()).await;
    table
        .waiting_row(
            "signal::shutdown::shutdown_requested",
            shutdown_requested,
            || (),
        )
        .await;
}

fn raise() {
    // SAFETY: it takes no memory; there is a handler.
    unsafe { libc::raise(libc::SIGUSR2) };
}
