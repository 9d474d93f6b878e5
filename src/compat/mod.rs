//! One file per outside world, each behind a feature.
//!
//! Adapters stand on the whole runtime; nothing in it stands on them.

#[cfg(feature = "futures-io")]
mod futures_io;
#[cfg(feature = "hyper")]
pub mod hyper;
