//! The limits of this process that a runtime meets: getrlimit(2).

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use std::fmt;
use std::io;

/// A limit, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    At(u64),
    Unlimited,
}

/// A soft limit, which holds, and the hard one, up to which the process may raise it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) soft: Bound,
    pub(crate) hard: Bound,
}

/// Bytes of locked memory.
pub(crate) fn locked_memory() -> io::Result<Limit> {
    limit(Resource::RLIMIT_MEMLOCK)
}

/// Open descriptors.
pub(crate) fn descriptors() -> io::Result<Limit> {
    limit(Resource::RLIMIT_NOFILE)
}

fn limit(resource: Resource) -> io::Result<Limit> {
    let (soft, hard) = getrlimit(resource)?;
    Ok(Limit {
        soft: bound(soft),
        hard: bound(hard),
    })
}

fn bound(limit: u64) -> Bound {
    if limit == RLIM_INFINITY {
        Bound::Unlimited
    } else {
        Bound::At(limit)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::At(limit) => limit.fmt(f),
            Bound::Unlimited => f.pad("unlimited"),
        }
    }
}
