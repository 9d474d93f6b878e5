//! [`ToSocketAddrs`]: what may be given where an address is wanted.

use super::resolver;
use crate::event_loop::proceed;
use std::future::{Future, ready};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::pin::Pin;

/// Addresses, or what can be resolved to some: [`SocketAddr`] and its kin, slices of them,
/// `(host, port)`, and `"host:port"`.
///
/// A name is resolved by the system's resolver on a thread beside the loops, which go on. The
/// trait is sealed: it is implemented here alone.
pub trait ToSocketAddrs: sealed::Resolve {}

pub(super) mod sealed {
    use super::*;

    pub trait Resolve {
        /// The addresses, in the order to try them.
        fn resolve(&self) -> Resolving;

        /// For messages: what was asked for.
        fn describe(&self) -> String;
    }
}

/// Addresses on their way.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>>>>;

fn now(addresses: Vec<SocketAddr>) -> Resolving {
    Box::pin(ready(Ok(addresses)))
}

macro_rules! plain_addresses {
    ($($type:ty),*) => {$(
        impl sealed::Resolve for $type {
            fn resolve(&self) -> Resolving {
                now(vec![SocketAddr::from(*self)])
            }

            fn describe(&self) -> String {
                SocketAddr::from(*self).to_string()
            }
        }

        impl ToSocketAddrs for $type {}
    )*};
}

plain_addresses!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl sealed::Resolve for [SocketAddr] {
    fn resolve(&self) -> Resolving {
        now(self.to_vec())
    }

    fn describe(&self) -> String {
        let all: Vec<String> = self.iter().map(SocketAddr::to_string).collect();
        all.join(", ")
    }
}

impl ToSocketAddrs for [SocketAddr] {}

impl sealed::Resolve for Vec<SocketAddr> {
    fn resolve(&self) -> Resolving {
        now(self.clone())
    }

    fn describe(&self) -> String {
        self.as_slice().describe()
    }
}

impl ToSocketAddrs for Vec<SocketAddr> {}

impl sealed::Resolve for str {
    fn resolve(&self) -> Resolving {
        match self.parse() {
            Ok(address) => now(vec![address]),
            Err(_) => resolver::look_up(self.to_owned()),
        }
    }

    fn describe(&self) -> String {
        self.to_owned()
    }
}

impl ToSocketAddrs for str {}

impl sealed::Resolve for String {
    fn resolve(&self) -> Resolving {
        self.as_str().resolve()
    }

    fn describe(&self) -> String {
        self.clone()
    }
}

impl ToSocketAddrs for String {}

impl sealed::Resolve for (&str, u16) {
    fn resolve(&self) -> Resolving {
        match self.0.parse::<IpAddr>() {
            Ok(host) => now(vec![SocketAddr::new(host, self.1)]),
            Err(_) => resolver::look_up((self.0.to_owned(), self.1)),
        }
    }

    fn describe(&self) -> String {
        format!("{}:{}", self.0, self.1)
    }
}

impl ToSocketAddrs for (&str, u16) {}

impl sealed::Resolve for (String, u16) {
    fn resolve(&self) -> Resolving {
        (self.0.as_str(), self.1).resolve()
    }

    fn describe(&self) -> String {
        (self.0.as_str(), self.1).describe()
    }
}

impl ToSocketAddrs for (String, u16) {}

impl<T: sealed::Resolve + ?Sized> sealed::Resolve for &T {
    fn resolve(&self) -> Resolving {
        T::resolve(self)
    }

    fn describe(&self) -> String {
        T::describe(self)
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}

/// The addresses of a name, in the order to try them; for those who connect by themselves.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let addresses = ringmill::block_on(ringmill::net::lookup_host("localhost:80"))??;
/// assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What the system's resolver says; `TimedOut` if it has said nothing for 30 s. The error names what
/// was asked for.
///
/// # Panics
///
/// Outside of a loop, for a name.
///
/// # Cancel safety
///
/// Dropping it gives the look-up up.
pub async fn lookup_host(name: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    resolve(&name).await
}

/// Resolves, and makes an empty answer an error.
pub(super) async fn resolve(
    address: &(impl ToSocketAddrs + ?Sized),
) -> io::Result<Vec<SocketAddr>> {
    let describe =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", address.describe()));
    proceed().await;
    let addresses = address.resolve().await.map_err(describe)?;
    if addresses.is_empty() {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "no address to try");
        return Err(describe(error));
    }
    Ok(addresses)
}
