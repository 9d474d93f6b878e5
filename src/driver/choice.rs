//! Which back end carries a loop's operations, and how much of io_uring it found.

use crate::sys::preflight::Preflight;
use crate::sys::ring_setup::Features;
use std::fmt;
use std::str::FromStr;

/// How a loop speaks to the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DriverKind {
    /// io_uring where it is allowed, else epoll. The default.
    #[default]
    Auto,
    /// io_uring, or an error.
    Uring,
    /// epoll(7) and calls that do not wait: every promise is kept, at more system calls.
    Epoll,
}

impl fmt::Display for DriverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DriverKind::Auto => "auto",
            DriverKind::Uring => "uring",
            DriverKind::Epoll => "epoll",
        })
    }
}

/// A name that no driver has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDriver(String);

impl fmt::Display for UnknownDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no driver: there are \"auto\", \"uring\" and \"epoll\"",
            self.0
        )
    }
}

impl std::error::Error for UnknownDriver {}

impl FromStr for DriverKind {
    type Err = UnknownDriver;

    /// Reads "auto", "uring" or "epoll", as [`Display`](fmt::Display) writes them.
    fn from_str(name: &str) -> Result<Self, UnknownDriver> {
        [DriverKind::Auto, DriverKind::Uring, DriverKind::Epoll]
            .into_iter()
            .find(|kind| kind.to_string() == name)
            .ok_or_else(|| UnknownDriver(name.to_owned()))
    }
}

/// How much of what the runtime can use was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// io_uring is not used.
    Epoll,
    /// io_uring, without some of what newer kernels have.
    Degraded,
    /// io_uring with everything that the runtime makes use of.
    Full,
}

impl Tier {
    /// The tier of a loop whose ring has and does this.
    pub(crate) fn of_ring(features: &Features, preflight: Preflight) -> Self {
        if features.is_full() && preflight.recv_multishot {
            Tier::Full
        } else {
            Tier::Degraded
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Tier::Epoll => "epoll",
            Tier::Degraded => "io_uring, degraded",
            Tier::Full => "io_uring, full",
        })
    }
}

/// The driver that a runtime's loops have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriverInfo {
    /// [`DriverKind::Uring`] or [`DriverKind::Epoll`].
    pub kind: DriverKind,
    /// What the driver found to work with.
    pub tier: Tier,
}

impl fmt::Display for DriverInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tier.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::DriverKind;

    #[test]
    fn drivers_are_read_as_they_are_written() {
        for kind in [DriverKind::Auto, DriverKind::Uring, DriverKind::Epoll] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "URING".parse::<DriverKind>().unwrap_err();
        assert!(error.to_string().contains("\"URING\""), "{error}");
    }
}
