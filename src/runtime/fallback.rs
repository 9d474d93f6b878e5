//! Which driver the loops get: what the program says, then what its operator says, then io_uring if
//! it is to be had, then epoll.

use super::error::BuildError;
use crate::driver::DriverKind;
use crate::sys::errno;
use std::sync::Once;

/// The operator's choice, where the program leaves it open.
const VARIABLE: &str = "RINGMILL_DRIVER";

/// The driver to build with: `builders`, or what the environment says if that is `Auto`.
pub(super) fn chosen(builders: DriverKind) -> Result<DriverKind, BuildError> {
    if builders != DriverKind::Auto {
        return Ok(builders);
    }
    match std::env::var_os(VARIABLE) {
        None => Ok(DriverKind::Auto),
        Some(name) => name.to_string_lossy().parse().map_err(|error| {
            BuildError::option(
                format!("{VARIABLE}: {error}"),
                &format!("set {VARIABLE} to auto, uring or epoll, or unset it"),
            )
        }),
    }
}

/// Whether epoll may do where this kept io_uring from being used. A process that is out of
/// descriptors is not helped by it, and should hear of that.
pub(super) fn may_help(error: &BuildError) -> bool {
    let errno = error.io_error().raw_os_error();
    error.call().starts_with("io_uring") && !matches!(errno, Some(errno::EMFILE | errno::ENFILE))
}

/// Tells, once in a process, that epoll is used, why, and how to change that.
pub(super) fn tell(error: &BuildError) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        let why = format!(
            "{} failed: {}; likely cause: {}",
            error.call(),
            error.io_error(),
            error.cause()
        );
        emit(&why, error.remedy());
        eprintln!(
            "ringmill: using epoll, because {why}; for io_uring: {}; {VARIABLE}=epoll silences \
             this line, {VARIABLE}=uring makes it an error",
            error.remedy()
        );
    });
}

#[cfg(feature = "tracing")]
fn emit(why: &str, remedy: &str) {
    tracing::warn!(driver = "epoll", why, remedy, "io_uring cannot be used");
}

/// Without the feature `tracing` there is only the line.
#[cfg(not(feature = "tracing"))]
fn emit(_: &str, _: &str) {}
