//! What memory costs: bytes lent from the loop's pool and given back, beside bytes copied out of it;
//! aligned buffers.
//!
//! ```text
//! cargo bench --bench buffers
//! ```
//!
//! The bytes come over loopback, which is most of the time and the same in both lines of a size: their
//! difference is the copy, less the lease.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{AlignedBuf, Builder, SpinPolicy};
use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

/// Bytes of a message: a small one, a buffer's worth, a few.
const MESSAGES: [usize; 3] = [128, 4096, 32_768];

/// Bytes of an aligned buffer.
const ALIGNED: [usize; 2] = [4096, 1 << 20];

fn received(c: &mut Criterion) {
    let runtime = Builder::new().loops(1).spin(SpinPolicy::Efficient).build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let mut group = c.benchmark_group("received");
    for len in MESSAGES {
        group.throughput(Throughput::Bytes(len as u64));
        let timed = |rounds, lent| {
            let took = runtime.block_on(rounds_of(rounds, len, lent));
            took.unwrap_or_else(|error| panic!("{error}"))
        };
        group.bench_function(BenchmarkId::new("lent", len), |b| {
            b.iter_custom(|rounds| timed(rounds, true));
        });
        group.bench_function(BenchmarkId::new("copied", len), |b| {
            b.iter_custom(|rounds| timed(rounds, false));
        });
    }
}

/// Sends messages from one end of a connection to the other, both on this loop.
async fn rounds_of(rounds: u64, len: usize, lent: bool) -> io::Result<Duration> {
    let mut listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut sender = TcpStream::connect(listener.local_addr()?).await?;
    let (mut receiver, _) = listener.accept().await?;
    let message = vec![7; len];
    let mut room = vec![0; len];
    let start = Instant::now();
    for _ in 0..rounds {
        sender.write_all(&message).await?;
        if !lent {
            receiver.read_exact(&mut room).await?;
            black_box(&room);
            continue;
        }
        let mut missing = len;
        while missing > 0 {
            let bytes = receiver.recv().await?;
            let bytes = bytes.ok_or(io::ErrorKind::UnexpectedEof)?;
            missing -= black_box(&bytes).len();
        }
    }
    Ok(start.elapsed())
}

fn aligned(c: &mut Criterion) {
    let mut group = c.benchmark_group("an aligned buffer, made and dropped");
    for len in ALIGNED {
        group.bench_function(BenchmarkId::from_parameter(len), |b| {
            b.iter(|| black_box(AlignedBuf::new(black_box(len))));
        });
    }
}

criterion_group!(benches, received, aligned);
criterion_main!(benches);
