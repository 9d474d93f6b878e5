//! Names, connects, listeners: a connection that one end has, the other has, and none is left.

use super::gap;
use crate::cut::Cut;
use crate::kit::tcp::ANY;
use futures_lite::StreamExt;
use ringmill::net::{ListenOptions, TcpListener, TcpSocket, TcpStream, lookup_host};
use ringmill::{JoinHandle, spawn};
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// How many connect in the scenes of a listener.
const CLIENTS: usize = 3;

/// Connects by `connect`, which gives nothing where it was ended, until it has a connection. That one
/// is answered; those that were given up end.
async fn connecting(connect: impl AsyncFn(SocketAddr) -> Option<io::Result<TcpStream>>) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering = spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut room = [0; 1];
            if let Ok(1) = stream.read(&mut room).await {
                stream.write_all(&room).await.unwrap();
                return stream.read(&mut room).await;
            }
        }
    });
    let mut stream = loop {
        if let Some(connected) = connect(address).await {
            break connected.unwrap();
        }
    };
    stream.write_all(b"x").await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
    drop(stream);
    assert_eq!(answering.await.unwrap().unwrap(), 0);
}

pub async fn connect(cut: Cut) {
    connecting(async |address| cut.at(TcpStream::connect(address)).await).await;
}

/// By a name: a thread looks it up.
pub async fn connect_by_name(cut: Cut) {
    connecting(async |address| {
        let name = ("localhost", address.port());
        cut.at(TcpStream::connect(name)).await
    })
    .await;
}

pub async fn connect_timeout(cut: Cut) {
    const LIMIT: Duration = Duration::from_secs(600);
    connecting(async |address| cut.at(TcpStream::connect_timeout(address, LIMIT)).await).await;
}

pub async fn socket_connect(cut: Cut) {
    connecting(async |address| {
        let socket = TcpSocket::for_address(address).unwrap();
        cut.at(socket.connect(address)).await
    })
    .await;
}

pub async fn look_up(cut: Cut) {
    if let Some(found) = cut.at(lookup_host("localhost:80")).await {
        assert!(found.unwrap().iter().all(|found| found.port() == 80));
    }
}

/// Whoever listens now is connected to.
async fn listening(listener: Option<io::Result<TcpListener>>) {
    let Some(listener) = listener else { return };
    let mut listener = listener.unwrap();
    let client = spawn(TcpStream::connect(listener.local_addr().unwrap()));
    let (server, _) = listener.accept().await.unwrap();
    let client = client.await.unwrap().unwrap();
    assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
}

pub async fn bind(cut: Cut) {
    listening(cut.at(TcpListener::bind("localhost:0")).await).await;
}

pub async fn bind_with(cut: Cut) {
    let options = ListenOptions::new().backlog(16);
    listening(cut.at(TcpListener::bind_with("localhost:0", options)).await).await;
}

fn clients(address: SocketAddr) -> JoinHandle<Vec<TcpStream>> {
    spawn(async move {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            gap().await;
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        clients
    })
}

/// Those who connected and those who were accepted are the same.
fn assert_same(clients: &[TcpStream], accepted: &[TcpStream]) {
    let own: HashSet<_> = clients
        .iter()
        .map(|own| own.local_addr().unwrap())
        .collect();
    let peers: HashSet<_> = accepted
        .iter()
        .map(|peer| peer.peer_addr().unwrap())
        .collect();
    assert_eq!((own.len(), own), (CLIENTS, peers));
}

pub async fn accept(cut: Cut) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let clients = clients(listener.local_addr().unwrap());
    let mut accepted = Vec::new();
    while accepted.len() < CLIENTS {
        if let Some(stream) = cut.at(listener.accept()).await {
            accepted.push(stream.unwrap().0);
        }
    }
    assert_same(&clients.await.unwrap(), &accepted);
}

pub async fn incoming(cut: Cut) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let clients = clients(listener.local_addr().unwrap());
    let mut accepted = Vec::new();
    while accepted.len() < CLIENTS {
        if let Some(stream) = cut.at(listener.incoming().next()).await {
            accepted.push(stream.unwrap().unwrap());
        }
    }
    assert_same(&clients.await.unwrap(), &accepted);
}

/// Who has connected is given, or reset.
pub async fn close(cut: Cut) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let clients = clients(listener.local_addr().unwrap());
    // It accepts ahead from now on.
    let first = listener.accept().await.unwrap().0;
    let mut clients = clients.await.unwrap();
    match cut.at(listener.close()).await {
        Some(others) => {
            let mut accepted = others.unwrap();
            accepted.push(first);
            assert_same(&clients, &accepted);
        }
        None => {
            drop(first);
            for client in &mut clients {
                let ended = client.read(&mut [0; 1]).await;
                assert!(ended.is_err() || ended.is_ok_and(|read| read == 0));
            }
        }
    }
}
