//! Bytes that are counted: what a dropped write did not report was not written.

use crate::chance::Storm;
use crate::kit::random::{check, patterned};
use ringmill::net::TcpStream;
use ringmill::time::sleep;
use ringmill::yield_now;
use std::io::IoSlice;
use std::time::Duration;

/// Writes until the storm is over; gives how much.
pub async fn write(storm: Storm, mut stream: TcpStream) -> u64 {
    let mut written = 0;
    while storm.rages() {
        // Now and then enough for the socket to be offered the bytes directly.
        let len = 1 + storm.below(if storm.below(8) == 0 { 40_000 } else { 2_000 });
        let bytes = patterned(written, len);
        let (head, tail) = bytes.split_at(storm.below(len));
        let count = match storm.below(4) {
            0 => {
                let pieces = [IoSlice::new(head), IoSlice::new(tail)];
                storm.cut(stream.write_vectored(&pieces)).await
            }
            1 => {
                if let Some(flushed) = storm.cut(stream.flush()).await {
                    flushed.unwrap();
                }
                None
            }
            _ => storm.cut(stream.write(&bytes)).await,
        };
        written += count.map_or(0, |count| count.unwrap() as u64);
        yield_now().await;
    }
    // Dropped at once, staged bytes and all.
    written
}

/// Reads to the end; gives how much.
pub async fn read(storm: Storm, mut stream: TcpStream) -> u64 {
    let mut read = 0;
    loop {
        if let Some(bytes) = storm.read(&mut stream).await {
            if bytes.is_empty() {
                return read;
            }
            check(&bytes, read);
            read += bytes.len() as u64;
        }
        if storm.below(50) == 0 {
            // A slow one: its queue fills, its receive is cancelled and armed again.
            sleep(Duration::from_micros(300)).await;
        }
    }
}
