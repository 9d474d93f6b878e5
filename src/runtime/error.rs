//! [`BuildError`]: why a runtime could not be built, and what to do about it.

use crate::driver::Refusal;
use crate::sys::ring_setup::SetupError;
use std::error::Error;
use std::fmt;
use std::io;

/// Why a runtime could not be built: the call that failed, the likely cause, and the remedy.
///
/// Its `Display` tells all of it, for the person who reads the log.
#[derive(Debug)]
pub struct BuildError {
    call: &'static str,
    source: io::Error,
    cause: String,
    remedy: String,
}

impl BuildError {
    pub(crate) fn ring(error: SetupError) -> Self {
        let refusal = Refusal::of(error.call, &error.source);
        BuildError {
            call: error.call,
            source: error.source,
            cause: refusal.cause(),
            remedy: refusal.remedy().to_owned(),
        }
    }

    pub(super) fn option(message: String, remedy: &str) -> Self {
        BuildError {
            call: "Builder::build",
            source: io::Error::new(io::ErrorKind::InvalidInput, message),
            cause: "an option of the builder is out of its range".to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    pub(super) fn thread(source: io::Error) -> Self {
        BuildError {
            call: "thread::spawn",
            source,
            cause: "the limit of threads (RLIMIT_NPROC or the cgroup's pids.max) is reached, or \
                    memory for a stack is short"
                .to_owned(),
            remedy: "ask for fewer loops with Builder::loops, or raise the limit".to_owned(),
        }
    }

    pub(super) fn affinity(call: &'static str, source: io::Error) -> Self {
        BuildError {
            call,
            source,
            cause: "the set of allowed processors cannot be read or changed here".to_owned(),
            remedy: "build with Builder::pin(false)".to_owned(),
        }
    }

    /// The system call (or step) that failed.
    pub fn call(&self) -> &str {
        self.call
    }

    /// What most likely is behind it.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// The error that the call gave.
    pub fn io_error(&self) -> &io::Error {
        &self.source
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot build the runtime: {} failed: {}\n  likely cause: {}\n  remedy: {}",
            self.call, self.source, self.cause, self.remedy
        )
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

impl From<BuildError> for io::Error {
    fn from(error: BuildError) -> Self {
        io::Error::new(error.source.kind(), error)
    }
}
