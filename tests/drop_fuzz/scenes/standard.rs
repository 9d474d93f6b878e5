//! Standard streams, which are pipes for as long as a scene lasts: the bytes that went in come out.

use super::gap;
use crate::cut::Cut;
use crate::kit::tcp::megabytes;
use ringmill::pipe::Receiver;
use ringmill::spawn;
use ringmill::stdio::{Stderr, Stdout, stderr, stdin, stdout};
use std::io::{self, Write, pipe};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const FED: usize = 2_000;

/// More than a pipe holds.
const WRITTEN: usize = 100_000;

/// Another file in the place of a standard stream. What was there before is back when it is dropped.
struct Instead {
    number: RawFd,
    before: OwnedFd,
}

impl Instead {
    fn of(number: RawFd, other: &impl AsRawFd) -> Self {
        // SAFETY: the numbers are open, and the new one is nobody's yet.
        let before = unsafe {
            let before = libc::dup(number);
            assert!(before >= 0 && libc::dup2(other.as_raw_fd(), number) == number);
            OwnedFd::from_raw_fd(before)
        };
        Instead { number, before }
    }
}

impl Drop for Instead {
    fn drop(&mut self) {
        // SAFETY: both are open.
        let restored = unsafe { libc::dup2(self.before.as_raw_fd(), self.number) };
        assert_eq!(restored, self.number);
    }
}

pub async fn read(cut: Cut) {
    let (reader, mut writer) = pipe().unwrap();
    let _instead = Instead::of(0, &reader);
    drop(reader);
    let feeding = spawn(async move {
        for piece in megabytes()[..FED].chunks(700) {
            gap().await;
            writer.write_all(piece).unwrap();
        }
    });
    let mut input = stdin();
    let mut all = Vec::new();
    loop {
        let mut room = [0; 500];
        match cut.ok(input.read(&mut room)).await {
            Some(0) => break,
            Some(read) => all.extend_from_slice(&room[..read]),
            None => {}
        }
    }
    feeding.await.unwrap();
    assert!(all == megabytes()[..FED]);
}

/// Both outputs.
pub trait Output: Sized {
    const NUMBER: RawFd;
    fn open() -> Self;
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>>;
    fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>>;
    fn flush(&mut self) -> impl Future<Output = io::Result<()>>;
}

macro_rules! output {
    ($type:ty, $number:literal, $open:expr) => {
        impl Output for $type {
            const NUMBER: RawFd = $number;
            fn open() -> Self {
                $open()
            }
            fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
                <$type>::write(self, bytes)
            }
            fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
                <$type>::write_all(self, bytes)
            }
            fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
                <$type>::flush(self)
            }
        }
    };
}

output!(Stdout, 1, stdout);
output!(Stderr, 2, stderr);

/// Writes by `write`, which says how many bytes it wrote, and how many more it may have: then it is
/// the last.
async fn writing<O: Output>(write: impl AsyncFn(&mut O, &'static [u8]) -> (usize, usize)) {
    let (reader, writer) = pipe().unwrap();
    let mut receiver = Receiver::from_owned_fd(reader.into()).unwrap();
    let arriving = spawn(async move {
        gap().await;
        let mut all = Vec::new();
        receiver.read_to_end(&mut all).await.unwrap();
        all
    });
    let (mut sure, mut maybe) = (0, 0);
    {
        let _instead = Instead::of(O::NUMBER, &writer);
        drop(writer);
        let mut output = O::open();
        while sure < WRITTEN && maybe == 0 {
            let piece = &megabytes()[sure..WRITTEN.min(sure + 40_000)];
            let (written, more) = write(&mut output, piece).await;
            (sure, maybe) = (sure + written, more);
        }
        output.flush().await.unwrap();
    }
    let arrived = arriving.await.unwrap();
    assert!((sure..=sure + maybe).contains(&arrived.len()));
    assert!(arrived == megabytes()[..arrived.len()]);
}

pub async fn write<O: Output>(cut: Cut) {
    writing::<O>(async |output, bytes| {
        let written = cut.at(output.write(bytes)).await;
        (written.map_or(0, Result::unwrap), 0)
    })
    .await;
}

pub async fn write_all<O: Output>(cut: Cut) {
    writing::<O>(
        async |output, bytes| match cut.ok(output.write_all(bytes)).await {
            Some(()) => (bytes.len(), 0),
            None => (0, bytes.len()),
        },
    )
    .await;
}

pub async fn flush<O: Output>(cut: Cut) {
    writing::<O>(async |output, bytes| {
        let written = output.write(bytes).await.unwrap();
        if let Some(flushed) = cut.at(output.flush()).await {
            flushed.unwrap();
        }
        (written, 0)
    })
    .await;
}
