//! Names to addresses, beside the loops: getaddrinfo(3) blocks, for seconds where a name server is
//! away.
//!
//! The threads are a pool of their own, one for all runtimes: so that name servers that do not answer
//! keep nothing but look-ups waiting.

use super::address::Resolving;
use crate::blocking::Pool;
use crate::time;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::OnceLock;
use std::time::Duration;

/// Look-ups at a time. They wait for the network, not for the processor; glibc's own resolver asks
/// one question at a time a thread.
const THREADS: usize = 8;

/// Look-ups that may wait for a thread; beyond, who asks waits.
const WAITING: usize = 1024;

/// Threads go soon: names are asked for in bursts.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// As long as glibc itself goes on with the settings it has by default, 5 s twice for each of three
/// name servers (resolv.conf(5)). A look-up that is given up leaves its thread when it ends.
const LIMIT: Duration = Duration::from_secs(30);

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| {
        Pool::builder("ringmill-names")
            .threads(THREADS)
            .queue(WAITING)
            .keep_alive(KEEP_ALIVE)
            .build()
    })
}

/// The addresses of a name, as the system's resolver gives them.
pub(super) fn look_up(name: impl ToSocketAddrs + Send + 'static) -> Resolving {
    Box::pin(async move {
        let asked = pool().spawn(move || name.to_socket_addrs().map(Iterator::collect));
        answer(time::timeout(LIMIT, asked).await)
    })
}

type Asked = Result<io::Result<Vec<SocketAddr>>, crate::task::JoinError>;

fn answer(asked: Result<Asked, time::Elapsed>) -> io::Result<Vec<SocketAddr>> {
    match asked {
        Ok(answered) => answered?,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no name server has answered within {LIMIT:?}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_up_that_is_given_up_is_an_error_that_says_so() {
        let elapsed = crate::block_on(time::timeout(Duration::ZERO, std::future::pending()));
        let error = answer(elapsed.unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("name server"), "{error}");
    }
}
