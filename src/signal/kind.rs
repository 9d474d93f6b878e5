//! [`SignalKind`]: which signal.

use crate::sys::signal as sys;
use std::{fmt, io};

/// A signal of the system, by its number; see signal(7).
///
/// ```
/// use ringmill::signal::SignalKind;
///
/// assert_eq!(SignalKind::terminate().as_raw(), 15);
/// assert_eq!(SignalKind::from_raw(15), SignalKind::terminate());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignalKind(i32);

impl SignalKind {
    /// The signal of this number. Whether it can be listened for is seen when it is tried.
    pub const fn from_raw(number: i32) -> Self {
        SignalKind(number)
    }

    /// The signal's number.
    pub const fn as_raw(self) -> i32 {
        self.0
    }

    /// SIGHUP: the terminal is gone; for many services, to read the configuration again. Ends the
    /// process by default.
    pub const fn hangup() -> Self {
        SignalKind(sys::SIGHUP)
    }

    /// SIGINT: ctrl-c at the terminal. Ends the process by default.
    pub const fn interrupt() -> Self {
        SignalKind(sys::SIGINT)
    }

    /// SIGTERM: the process is asked to end. Ends it by default.
    pub const fn terminate() -> Self {
        SignalKind(sys::SIGTERM)
    }

    /// SIGQUIT: ctrl-\ at the terminal. Ends the process with a core dump by default.
    pub const fn quit() -> Self {
        SignalKind(sys::SIGQUIT)
    }

    /// SIGUSR1: whatever the program means by it. Ends the process by default.
    pub const fn user_defined1() -> Self {
        SignalKind(sys::SIGUSR1)
    }

    /// SIGUSR2: whatever the program means by it. Ends the process by default.
    pub const fn user_defined2() -> Self {
        SignalKind(sys::SIGUSR2)
    }

    /// SIGCHLD: a child of the process has ended or stopped. Ignored by default.
    pub const fn child() -> Self {
        SignalKind(sys::SIGCHLD)
    }

    /// SIGWINCH: the terminal's window has another size. Ignored by default.
    pub const fn window_change() -> Self {
        SignalKind(sys::SIGWINCH)
    }

    /// SIGPIPE: a write to a pipe or socket that nobody reads. Rust programs ignore it from their
    /// start; the write tells the same by its error.
    pub const fn pipe() -> Self {
        SignalKind(sys::SIGPIPE)
    }

    /// SIGALRM: the timer of alarm(2). Ends the process by default.
    pub const fn alarm() -> Self {
        SignalKind(sys::SIGALRM)
    }

    /// SIGIO: a descriptor that asked for it is ready. Ends the process by default.
    pub const fn io() -> Self {
        SignalKind(sys::SIGIO)
    }

    /// Whether it can be listened for, as far as that is known before it is tried.
    pub(super) fn check(self) -> io::Result<()> {
        let why = match self.0 {
            sys::SIGKILL | sys::SIGSTOP => "the kernel lets no process catch it",
            sys::SIGSEGV | sys::SIGBUS | sys::SIGILL | sys::SIGFPE => {
                "it tells of a fault in the program, which would go on in it for ever"
            }
            number if !(1..sys::SIGNALS as i32).contains(&number) => "there is no such signal",
            _ => return Ok(()),
        };
        let message = format!("{self} cannot be listened for: {why}");
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }

    fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            sys::SIGHUP => "SIGHUP",
            sys::SIGINT => "SIGINT",
            sys::SIGQUIT => "SIGQUIT",
            sys::SIGILL => "SIGILL",
            sys::SIGBUS => "SIGBUS",
            sys::SIGFPE => "SIGFPE",
            sys::SIGKILL => "SIGKILL",
            sys::SIGUSR1 => "SIGUSR1",
            sys::SIGSEGV => "SIGSEGV",
            sys::SIGUSR2 => "SIGUSR2",
            sys::SIGPIPE => "SIGPIPE",
            sys::SIGALRM => "SIGALRM",
            sys::SIGTERM => "SIGTERM",
            sys::SIGCHLD => "SIGCHLD",
            sys::SIGSTOP => "SIGSTOP",
            sys::SIGWINCH => "SIGWINCH",
            sys::SIGIO => "SIGIO",
            _ => return None,
        })
    }
}

impl From<i32> for SignalKind {
    fn from(number: i32) -> Self {
        SignalKind(number)
    }
}

impl From<SignalKind> for i32 {
    fn from(kind: SignalKind) -> Self {
        kind.0
    }
}

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignalKind({self})")
    }
}
