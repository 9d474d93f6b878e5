//! glommio: two executors, pinned, and its channel between them, which has one sender.

use std::io;
use std::time::Duration;

use glommio::channels::shared_channel::{self, SharedReceiver, SharedSender};
use glommio::{GlommioError, LocalExecutorBuilder, Placement};

use versus::peer::{CAPACITY, Lap, Measure, Measured, Stopwatch, Tally, Work};

/// Rows of `versus channel`.
pub const MEASURED: [Measured; 3] = [
    row("one-way", "glommio", one_way),
    row("ping-pong", "glommio", |work| {
        ping_pong(work, Duration::ZERO)
    }),
    row("ping-pong", "glommio-spinning", |work| {
        ping_pong(work, SPIN)
    }),
];

const fn row(case: &'static str, contender: &'static str, measure: Measure) -> Measured {
    Measured {
        suite: "channel",
        case,
        contender,
        measure,
    }
}

/// As long as Ringmill's `SpinPolicy::Latency` at most.
const SPIN: Duration = Duration::from_millis(1);

fn one_way(work: &Work) -> io::Result<Lap> {
    let each = work.operations;
    let (sender, receiver) = shared_channel::new_bounded(CAPACITY);
    two_executors(
        work,
        Duration::ZERO,
        async move || {
            let sender = sender.connect().await;
            for message in 0..each {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        },
        async move || {
            let receiver = receiver.connect().await;
            let watch = Stopwatch::start()?;
            let mut tally = Tally::default();
            while let Some(message) = receiver.recv().await {
                tally.add(message);
            }
            watch.stop(tally.expect(1, each)?)
        },
    )
}

fn ping_pong(work: &Work, spin: Duration) -> io::Result<Lap> {
    let each = work.operations;
    let (ping, pings): (SharedSender<u64>, SharedReceiver<u64>) = shared_channel::new_bounded(1);
    let (pong, pongs): (SharedSender<u64>, SharedReceiver<u64>) = shared_channel::new_bounded(1);
    two_executors(
        work,
        spin,
        async move || {
            let (pings, pong) = (pings.connect().await, pong.connect().await);
            while let Some(message) = pings.recv().await {
                if pong.send(message).await.is_err() {
                    return;
                }
            }
        },
        async move || {
            let (ping, pongs) = (ping.connect().await, pongs.connect().await);
            let watch = Stopwatch::start()?;
            let mut tally = Tally::default();
            for message in 0..each {
                let sent = ping.send(message).await;
                sent.map_err(|_| io::Error::other("the other end is gone"))?;
                tally.extend(pongs.recv().await);
            }
            watch.stop(tally.expect(1, each)?)
        },
    )
}

/// Runs `measured` on one executor and `other` on a second one.
fn two_executors(
    work: &Work,
    spin: Duration,
    other: impl AsyncFnOnce() + Send + 'static,
    measured: impl AsyncFnOnce() -> io::Result<Lap> + Send + 'static,
) -> io::Result<Lap> {
    let on = |cpu| LocalExecutorBuilder::new(Placement::Fixed(cpu)).spin_before_park(spin);
    let other = on(work.cpus[1])
        .spawn(move || async move { other().await })
        .map_err(failed)?;
    let measured = on(work.cpus[0])
        .spawn(move || async move { measured().await })
        .map_err(failed)?;
    let lap = measured.join().map_err(failed)?;
    other.join().map_err(failed)?;
    lap
}

/// glommio's errors may hold a panic's payload, which does not go between threads.
fn failed(error: GlommioError<()>) -> io::Error {
    io::Error::other(error.to_string())
}
