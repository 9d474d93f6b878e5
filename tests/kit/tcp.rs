//! TCP connections and bytes for them.

use super::random::patterned;
use super::wait::soon;
use ringmill::net::{TcpListener, TcpStream};
use ringmill::spawn;
use std::sync::OnceLock;

/// A loopback address with a port of the system's choice.
pub const ANY: &str = "127.0.0.1:0";

/// Two ends of a connection, both on this loop.
pub async fn pair() -> (TcpStream, TcpStream) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = spawn(TcpStream::connect(address));
    let (server, _) = soon("the accept", listener.accept()).await.unwrap();
    (client.await.unwrap().unwrap(), server)
}

/// One end on this loop, the other a plain blocking socket.
pub async fn pair_with_std() -> (TcpStream, std::net::TcpStream) {
    let mut listener = TcpListener::bind(ANY).await.unwrap();
    let other = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    other.set_nodelay(true).unwrap();
    let (stream, _) = soon("the accept", listener.accept()).await.unwrap();
    (stream, other)
}

/// The first 8 MiB of the pattern, reckoned once.
pub fn megabytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| patterned(0, 8 << 20))
}

/// Everything up to the end of the stream.
pub async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut room = vec![0; 32 * 1024];
    loop {
        match soon("bytes", stream.read(&mut room)).await.unwrap() {
            0 => return all,
            count => all.extend_from_slice(&room[..count]),
        }
    }
}
