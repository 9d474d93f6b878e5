//! Pipes. (A child process would have a copy of every descriptor for a moment, so that what the
//! script of another thread closes is not closed at once: children are told of elsewhere.)

use crate::kit::wait::soon;
use crate::log::Log;
use ringmill::pipe::pipe;
use ringmill::spawn;

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
