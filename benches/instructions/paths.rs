//! The paths that are counted.

use ringmill::channel::{mpsc, spsc};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::time::sleep;
use ringmill::{Builder, DriverKind, Runtime, SpinPolicy, Tier, sync};
use std::cell::Cell;
use std::future::poll_fn;
use std::hint::black_box;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// Rounds of the shorter run. What differs between two runs besides the rounds is a few dozen
/// instructions, so 5,000 rounds take it below a hundredth of an instruction each.
const ROUNDS: u64 = 5_000;
/// Each of these rounds lasts a millisecond.
const TIMED_ROUNDS: u64 = 250;
/// So far ahead that the deadline lies in the same turn of its level of the timing wheel as now, for
/// the first two years after a start of the machine; that of a minute would depend on when it is.
const FAR: Duration = Duration::from_secs(100 * 24 * 3600);
/// Room in the channels: the sender fills it, the receiver empties it.
const CAPACITY: usize = 64;
/// Bytes of a message of the echo.
const MESSAGE: usize = 128;

/// A path: a name, which the baseline has too, and what is repeated.
pub struct Path {
    pub name: &'static str,
    driver: DriverKind,
    pub rounds: u64,
    run: fn(u64) -> Work,
}

type Work = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// A path that makes no use of the driver except that the loop looks at it in between. They run on
/// epoll, which is everywhere.
const fn inner(name: &'static str, run: fn(u64) -> Work) -> Path {
    Path {
        name,
        driver: DriverKind::Epoll,
        rounds: ROUNDS,
        run,
    }
}

const fn on(driver: DriverKind, name: &'static str, rounds: u64, run: fn(u64) -> Work) -> Path {
    Path {
        name,
        driver,
        rounds,
        run,
    }
}

use DriverKind::{Epoll, Uring};

pub const PATHS: [Path; 14] = [
    inner("spawn + join", |n| Box::pin(spawn_join(n))),
    inner("wake", |n| Box::pin(wake(n))),
    inner("yield", |n| Box::pin(yields(n))),
    inner("timer insert + cancel", |n| Box::pin(timer_cancel(n))),
    on(Uring, "timer fires, io_uring", TIMED_ROUNDS, |n| {
        Box::pin(timer_fires(n))
    }),
    on(Epoll, "timer fires, epoll", TIMED_ROUNDS, |n| {
        Box::pin(timer_fires(n))
    }),
    inner("mpsc send + recv", |n| Box::pin(mpsc_messages(n))),
    inner("spsc send + recv", |n| Box::pin(spsc_messages(n))),
    inner("Mutex", |n| Box::pin(mutex(n))),
    inner("local::Mutex", |n| Box::pin(local_mutex(n))),
    on(Uring, "echo, io_uring", ROUNDS, |n| Box::pin(echo(n))),
    on(Epoll, "echo, epoll", ROUNDS, |n| Box::pin(echo(n))),
    on(Uring, "connection, io_uring", ROUNDS, |n| {
        Box::pin(connections(n))
    }),
    on(Epoll, "connection, epoll", ROUNDS, |n| {
        Box::pin(connections(n))
    }),
];

impl Path {
    pub fn run(&self, rounds: u64) -> Result<(), String> {
        let runtime = self.suitable()?;
        let done = runtime.block_on((self.run)(rounds));
        done.map_err(|error| format!("{}: {error}", self.name))
    }

    /// Whether this machine has what the baseline was taken with: all of io_uring, or epoll.
    pub fn is_possible(&self) -> Result<(), String> {
        self.suitable().map(drop)
    }

    fn suitable(&self) -> Result<Runtime, String> {
        let runtime = Builder::new()
            .driver(self.driver)
            .loops(1)
            .pin(false)
            .spin(SpinPolicy::Efficient)
            .seed(1)
            // Neither a clock nor another thread has a say in what is done.
            .time_budget(Duration::from_secs(3600))
            .watchdog(None)
            .build()
            .map_err(|error| error.to_string())?;
        let found = runtime.handle().driver();
        if self.driver == Uring && found.tier != Tier::Full {
            return Err(format!("the driver here is: {found}"));
        }
        Ok(runtime)
    }
}

async fn spawn_join(rounds: u64) -> io::Result<()> {
    for round in 0..rounds {
        let joined = ringmill::spawn(async move { black_box(round) }).await;
        black_box(joined.map_err(io::Error::other)?);
    }
    Ok(())
}

/// A place where a task leaves its waker for another one.
#[derive(Default)]
struct Turn {
    count: Cell<u64>,
    waker: Cell<Option<Waker>>,
}

impl Turn {
    async fn reaches(&self, count: u64) {
        poll_fn(|cx| {
            if self.count.get() >= count {
                return Poll::Ready(());
            }
            let waker = match self.waker.take() {
                Some(waker) if waker.will_wake(cx.waker()) => waker,
                _ => cx.waker().clone(),
            };
            self.waker.set(Some(waker));
            Poll::Pending
        })
        .await;
    }

    fn pass(&self) {
        self.count.set(self.count.get() + 1);
        if let Some(waker) = self.waker.take() {
            waker.wake_by_ref();
            self.waker.set(Some(waker));
        }
    }
}

/// Two tasks that wake each other by turns: a round is one wake, to or fro.
async fn wake(rounds: u64) -> io::Result<()> {
    let turns = Rc::new((Turn::default(), Turn::default()));
    let theirs = turns.clone();
    let other = ringmill::spawn(async move {
        for round in 1..=rounds / 2 {
            theirs.0.reaches(round).await;
            theirs.1.pass();
        }
    });
    for round in 1..=rounds / 2 {
        turns.0.pass();
        turns.1.reaches(round).await;
    }
    other.await.map_err(io::Error::other)
}

async fn yields(rounds: u64) -> io::Result<()> {
    for _ in 0..rounds {
        ringmill::yield_now().await;
    }
    Ok(())
}

/// A timeout that is never needed.
async fn timer_cancel(rounds: u64) -> io::Result<()> {
    for _ in 0..rounds {
        let mut timer = pin!(sleep(FAR));
        poll_fn(|cx| {
            black_box(timer.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    Ok(())
}

/// One timer, for which the loop sleeps.
async fn timer_fires(rounds: u64) -> io::Result<()> {
    for _ in 0..rounds {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn mpsc_messages(rounds: u64) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::channel(CAPACITY);
    let sending = ringmill::spawn(async move {
        for round in 0..rounds {
            black_box(sender.send(round).await.is_ok());
        }
    });
    while let Some(message) = receiver.recv().await {
        black_box(message);
    }
    sending.await.map_err(io::Error::other)
}

async fn spsc_messages(rounds: u64) -> io::Result<()> {
    let (mut sender, mut receiver) = spsc::channel(CAPACITY);
    let sending = ringmill::spawn(async move {
        for round in 0..rounds {
            black_box(sender.send(round).await.is_ok());
        }
    });
    while let Some(message) = receiver.recv().await {
        black_box(message);
    }
    sending.await.map_err(io::Error::other)
}

async fn mutex(rounds: u64) -> io::Result<()> {
    let value = sync::Mutex::new(0_u64);
    for _ in 0..rounds {
        *value.lock().await += 1;
    }
    black_box(value.into_inner());
    Ok(())
}

async fn local_mutex(rounds: u64) -> io::Result<()> {
    let value = sync::local::Mutex::new(0_u64);
    for _ in 0..rounds {
        *value.lock().await += 1;
    }
    black_box(value.into_inner());
    Ok(())
}

/// One message to and fro over TCP, between two tasks of the loop: a round is two sends and two
/// receives, each waiting for the other side.
async fn echo(rounds: u64) -> io::Result<()> {
    let mut listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = ringmill::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        while let Some(bytes) = stream.recv().await? {
            stream.send(bytes).await.0?;
        }
        Ok::<_, io::Error>(())
    });
    let mut client = TcpStream::connect(address).await?;
    client.set_nodelay(true)?;
    let message = [7; MESSAGE];
    let mut answer = [0; MESSAGE];
    for _ in 0..rounds {
        client.write_all(&message).await?;
        client.read_exact(&mut answer).await?;
    }
    assert_eq!(answer, message);
    drop(client);
    server.await.map_err(io::Error::other)?
}

/// A connection made, accepted, used for one byte and closed by both sides; the server's in a task
/// of its own.
async fn connections(rounds: u64) -> io::Result<()> {
    let mut listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = ringmill::spawn(async move {
        for _ in 0..rounds {
            let (mut stream, _) = listener.accept().await?;
            let served = ringmill::spawn(async move {
                if let Some(bytes) = stream.recv().await? {
                    stream.send(bytes).await.0?;
                }
                Ok::<_, io::Error>(())
            });
            drop(served);
        }
        Ok::<_, io::Error>(())
    });
    for _ in 0..rounds {
        let mut client = TcpStream::connect(address).await?;
        client.write_all(b"1").await?;
        let mut answer = [0];
        client.read_exact(&mut answer).await?;
    }
    server.await.map_err(io::Error::other)?
}
