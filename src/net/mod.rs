//! TCP on the loop's ring.
//!
//! A [`TcpListener`] owns a queue of accepted connections, a [`TcpStream`] a queue of received
//! bytes; the kernel fills both by one long-lived submission each, and the futures are only
//! waiters. So dropping one at any point loses neither a connection nor a byte.
//!
//! Three ways to read and write, one queue beneath them:
//!
//! | | reading | writing | copies |
//! |---|---|---|---|
//! | borrowed | [`read`](TcpStream::read) into a slice | [`write_all`](TcpStream::write_all) from a slice | one |
//! | leased | [`recv`](TcpStream::recv) gives a [`RecvBuf`](crate::RecvBuf) | | none |
//! | owned | | [`send`](TcpStream::send) takes and hands back the buffer | none |

mod address;
mod halves;
mod happy_eyeballs;
mod listen_options;
mod resolver;
mod tcp_listener;
mod tcp_socket;
mod tcp_stream;

pub use address::{ToSocketAddrs, lookup_host};
pub use halves::{ReadHalf, ReuniteError, WriteHalf};
pub(crate) use listen_options::BACKLOG;
pub use listen_options::ListenOptions;
pub(crate) use tcp_listener::is_transient_accept_error;
pub use tcp_listener::{Incoming, TcpListener};
pub use tcp_socket::TcpSocket;
pub use tcp_stream::TcpStream;
