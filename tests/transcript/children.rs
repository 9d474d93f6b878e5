//! Pipes, and a child process at the other end of some.

use crate::kit::wait::soon;
use crate::log::Log;
use ringmill::pipe::pipe;
use ringmill::process::{Command, Stdio};
use ringmill::spawn;
use std::os::unix::process::ExitStatusExt;

pub async fn pipes(log: &Log) {
    log.scene("pipes");
    let (mut sender, mut receiver) = pipe().unwrap();
    let mut room = [0; 64];
    log.cancelled("read", receiver.read(&mut room)).await;
    log.timed_out("read", receiver.read(&mut room)).await;
    log.done("write_all", sender.write_all(b"late").await);
    log.read("read", async |room| receiver.read(room).await)
        .await;
    let event = async || sender.write_all(b"overtaken").await.unwrap();
    log.overtaken(
        "read with bytes on the way",
        receiver.read(&mut room),
        event,
    )
    .await;
    log.read("read", async |room| receiver.read(room).await)
        .await;

    let full = [7; 64 * 1024];
    log.outcome("write", sender.write(&full).await);
    log.cancelled("write", sender.write(&full)).await;
    log.timed_out("write", sender.write(&full)).await;
    drop(sender);
    let mut all = Vec::new();
    log.outcome("read_to_end", receiver.read_to_end(&mut all).await);
    log.read("read", async |room| receiver.read(room).await)
        .await;

    let (mut sender, receiver) = pipe().unwrap();
    let writer = spawn(async move { sender.write_all(&[7; 1 << 20]).await });
    log.cancelled("nothing", std::future::pending::<()>()).await;
    drop(receiver);
    log.done("a write that waits", soon("it", writer).await.unwrap());
}

pub async fn children(log: &Log) {
    log.scene("children");
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let stdout = child.stdout.as_mut().unwrap();
    log.done("write_all", stdin.write_all(b"to a cat").await);
    log.read("read", async |room| stdout.read(room).await).await;
    log.cancelled("wait", child.wait()).await;
    log.timed_out("wait", child.wait()).await;
    drop(stdin);
    let status = soon("its end", child.wait()).await;
    log.outcome("its code", status.map(|status| status.code()));

    let mut child = command.spawn().unwrap();
    log.done("kill", soon("its end", child.kill()).await);
    let status = child.wait().await;
    log.outcome("its signal", status.map(|status| status.signal()));
    let missing = Command::new("no-such-program").spawn().map(|_| ());
    log.done("a program that is missing", missing);
}
