//! Signals: one that came stays for the next call.

use super::gap;
use crate::cut::Cut;
use futures_lite::StreamExt;
use ringmill::signal::{Signal, SignalKind, ctrl_c, shutdown_requested, unix};
use ringmill::{JoinHandle, spawn};

/// Sends this process a signal once the loop has waited.
fn sending(kind: SignalKind) -> JoinHandle<()> {
    spawn(async move {
        gap().await;
        raise(kind);
    })
}

fn raise(kind: SignalKind) {
    // SAFETY: plain integers.
    let sent = unsafe { libc::kill(libc::getpid(), kind.as_raw()) };
    assert_eq!(sent, 0);
}

/// The signal comes, whatever was dropped before.
async fn hearing(hear: impl AsyncFn(&mut Signal) -> Option<Option<()>>) {
    let kind = SignalKind::user_defined1();
    let mut signal = unix(kind).unwrap();
    let sending = sending(kind);
    let heard = loop {
        if let Some(heard) = hear(&mut signal).await {
            break heard;
        }
    };
    assert_eq!(heard, Some(()));
    sending.await.unwrap();
}

pub async fn recv(cut: Cut) {
    hearing(async |signal| cut.at(signal.recv()).await).await;
}

pub async fn next(cut: Cut) {
    hearing(async |signal| cut.at(signal.next()).await).await;
}

/// Somebody else listens all the time: the signal would end the process.
async fn asking(cut: Cut, ask: impl AsyncFn() -> std::io::Result<()>) {
    let mut other = unix(SignalKind::interrupt()).unwrap();
    let sending = sending(SignalKind::interrupt());
    if let Some(asked) = cut.at(ask()).await {
        asked.unwrap();
    }
    sending.await.unwrap();
    assert_eq!(other.recv().await, Some(()));
}

pub async fn interrupted(cut: Cut) {
    asking(cut, ctrl_c).await;
}

pub async fn shutting_down(cut: Cut) {
    asking(cut, shutdown_requested).await;
}
