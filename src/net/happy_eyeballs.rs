//! Connecting to the first of several addresses that answers (RFC 8305, "Happy Eyeballs").
//!
//! The families take turns, and an address that has not answered for a while does not keep the next
//! from being tried beside it: so a host whose IPv6 address leads nowhere costs a quarter of a second
//! and not the minutes that TCP tries for.

use super::tcp_socket::TcpSocket;
use super::tcp_stream::TcpStream;
use crate::time::{self, Sleep};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long an attempt has for itself (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

/// Connects to the first that answers; the others are given up.
///
/// # Errors
///
/// The last failure.
pub(super) async fn connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    if let [only] = addresses[..] {
        return attempt(only).await;
    }
    let mut race = Race {
        left: in_turns(addresses),
        attempts: Vec::new(),
        head_start: None,
        failure: None,
    };
    poll_fn(|cx| race.poll(cx)).await
}

async fn attempt(address: SocketAddr) -> io::Result<TcpStream> {
    // No socket to be had is a failure like any other: a name may have an IPv6 address where the
    // system has no IPv6.
    TcpSocket::for_address(address)?.connect(address).await
}

struct Race {
    left: VecDeque<SocketAddr>,
    attempts: Vec<Attempt>,
    /// Of the latest attempt.
    head_start: Option<Pin<Box<Sleep>>>,
    failure: Option<io::Error>,
}

impl Race {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            if let Poll::Ready(connected) = self.poll_attempts(cx) {
                return Poll::Ready(Ok(connected));
            }
            let waits = match &mut self.head_start {
                Some(head_start) => head_start.as_mut().poll(cx).is_pending(),
                None => false,
            };
            if waits {
                return Poll::Pending;
            }
            match self.left.pop_front() {
                Some(address) => {
                    self.attempts.push(Box::pin(attempt(address)));
                    self.head_start = Some(Box::pin(time::sleep(HEAD_START)));
                }
                None if self.attempts.is_empty() => {
                    let failure = self.failure.take();
                    let none = || io::ErrorKind::InvalidInput.into();
                    return Poll::Ready(Err(failure.unwrap_or_else(none)));
                }
                None => return Poll::Pending,
            }
        }
    }

    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> Poll<TcpStream> {
        let mut index = 0;
        while let Some(attempt) = self.attempts.get_mut(index) {
            match attempt.as_mut().poll(cx) {
                Poll::Ready(Ok(connected)) => return Poll::Ready(connected),
                Poll::Ready(Err(error)) => {
                    drop(self.attempts.remove(index));
                    self.failure = Some(error);
                    // The next need not wait for it.
                    self.head_start = None;
                }
                Poll::Pending => index += 1,
            }
        }
        Poll::Pending
    }
}

/// The families in turns, that of the first address first (RFC 8305, section 4).
fn in_turns(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_ipv6);
    let (mut first, mut other) = (first.into_iter(), other.into_iter());
    let mut turns = VecDeque::new();
    loop {
        let before = turns.len();
        turns.extend(first.next());
        turns.extend(other.next());
        if turns.len() == before {
            return turns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::in_turns;
    use std::net::SocketAddr;

    #[test]
    fn the_families_take_turns() {
        let addresses = |text: &[&str]| -> Vec<SocketAddr> {
            text.iter().map(|one| one.parse().unwrap()).collect()
        };
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let turns = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(in_turns(given), turns);
        assert!(in_turns(Vec::new()).is_empty());
    }
}
