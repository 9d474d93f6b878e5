//! Connections: whoever got through is answered.

use crate::chance::Storm;
use crate::kit::wait::soon;
use ringmill::net::{TcpListener, TcpStream};
use ringmill::time::timeout;
use ringmill::{Drain, spawn};
use std::net::SocketAddr;
use std::time::Duration;

/// Answers each connection's first byte, taking the server's end into account at random.
pub async fn answer(storm: Storm, mut stream: TcpStream, drain: Drain) {
    let mut room = [0; 1];
    loop {
        // The wait for the server's end is dropped again and again.
        let started = timeout(Duration::from_micros(50), drain.started());
        let _ = storm.cut(started).await;
        match storm.cut(stream.read(&mut room)).await {
            None => {}
            Some(Ok(1)) => break,
            // A client that gave its connect up, or went away after it.
            Some(Ok(_) | Err(_)) => return,
        }
    }
    // It may have gone meanwhile.
    let _ = stream.write_all(&room).await;
}

/// Connects and asks; gives how many were answered.
pub async fn connect(storm: Storm, address: SocketAddr) -> u64 {
    let mut answered = 0;
    while storm.rages() {
        let connected = match storm.below(64) {
            // A thread each: rarely.
            0 => {
                storm
                    .cut(TcpStream::connect(("localhost", address.port())))
                    .await
            }
            _ => storm.cut(TcpStream::connect(address)).await,
        };
        let Some(stream) = connected else { continue };
        let mut stream = stream.unwrap();
        let asked = [storm.below(256) as u8];
        stream.write_all(&asked).await.unwrap();
        let mut room = [0; 1];
        loop {
            if let Some(read) = storm.cut(stream.read(&mut room)).await {
                assert_eq!(read.unwrap(), 1, "a connection was lost");
                assert_eq!(room, asked);
                break;
            }
        }
        answered += 1;
    }
    answered
}

/// Accepts under cancellation on a listener of its own, and drops it or closes it now and then.
pub async fn accept(storm: Storm) -> u64 {
    let mut accepted = 0;
    while storm.rages() {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..1 + storm.below(20))
            .map(|_| spawn(TcpStream::connect(address)))
            .collect();
        let mut streams = Vec::new();
        while streams.len() < clients.len() {
            if let Some(stream) = storm.cut(listener.accept()).await {
                streams.push(stream.unwrap().0);
            }
        }
        accepted += streams.len() as u64;
        for client in clients {
            drop(soon("a client", client).await.unwrap().unwrap());
        }
        // Some more that nobody takes, and an accept or a close that is cut short.
        let more = spawn(TcpStream::connect(address));
        let _ = storm.cut(listener.accept()).await;
        if storm.below(2) == 0 {
            let _ = storm.cut(listener.close()).await;
        } else {
            drop(listener);
        }
        // Refused, reset or connected: it ends in any case.
        let _ = soon("the last client", more).await.unwrap();
    }
    accepted
}
