//! Signals: catching one, giving it back to whoever had it, and waiting until one was caught.
//!
//! The handler counts, rings a bell (a futex) and calls the handler that was there before;
//! that is all, and all of it may be done in a handler (signal-safety(7)). One thread waits for the
//! bell and looks at the counts. There is no descriptor that a program could close by mistake.

use super::futex;
use libc::{c_int, c_void, siginfo_t};
use nix::errno::Errno;
use std::io;
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

pub(crate) use libc::{
    SIGALRM, SIGBUS, SIGCHLD, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGIO, SIGKILL, SIGPIPE, SIGQUIT,
    SIGSEGV, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
};

/// One more than the highest signal of Linux, 64 (signal(7)).
pub(crate) const SIGNALS: usize = 65;

/// How often each signal was caught.
static CAUGHT: [AtomicU64; SIGNALS] = [const { AtomicU64::new(0) }; SIGNALS];

/// The function that handled each signal before; 0 for none.
static BEFORE: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];

/// 1 from when a signal was caught until [`wait`] returns for it.
static BELL: AtomicU32 = AtomicU32::new(0);

/// What a handler is called with. The kernel passes all three whether `SA_SIGINFO` was asked for or
/// not, and C's calling convention lets a function take fewer.
type Function = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// How often a signal was caught in this process.
pub(crate) fn caught(signal: c_int) -> u64 {
    CAUGHT[signal as usize].load(Ordering::Relaxed)
}

/// Blocks until a signal is caught, or was since the last call returned. For one thread.
pub(crate) fn wait() {
    // Acquire: the counts of whoever rang before are seen by who comes back from here.
    while BELL.swap(0, Ordering::Acquire) == 0 {
        futex::wait(&BELL, 0, None);
    }
}

extern "C" fn handler(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // Whatever was interrupted may be about to look at its errno.
    let errno = Errno::last_raw();
    let index = signal as usize;
    CAUGHT[index].fetch_add(1, Ordering::Relaxed);
    if BELL.swap(1, Ordering::AcqRel) == 0 {
        futex::wake(&BELL);
    }
    let before = BEFORE[index].load(Ordering::Acquire);
    if before != 0 {
        // SAFETY: `Caught::install` stores nothing but what the kernel had as this signal's handler
        // function, which it would have called with these very arguments.
        let before: Function =
            unsafe { mem::transmute::<*const (), Function>(before as *const ()) };
        before(signal, info, context);
    }
    Errno::set_raw(errno);
}

fn ours() -> usize {
    handler as *const () as usize
}

/// A signal whose handler is [`handler`].
pub(crate) struct Caught {
    signal: c_int,
    before: libc::sigaction,
}

impl Caught {
    /// Catches a signal from now on.
    pub(crate) fn new(signal: c_int) -> io::Result<Self> {
        let before = Self::install(signal)?;
        Ok(Caught { signal, before })
    }

    fn install(signal: c_int) -> io::Result<libc::sigaction> {
        let before = current(signal)?;
        let function = match before.sa_sigaction {
            libc::SIG_DFL | libc::SIG_IGN => 0,
            function => function,
        };
        // Before the handler is there to look for it.
        BEFORE[signal as usize].store(function, Ordering::Release);
        // SAFETY: an action is plain integers and an optional pointer; zeroes are one.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = ours();
        // The alternate stack is that of the one before, as it was written for it or not.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | before.sa_flags & libc::SA_ONSTACK;
        action.sa_mask = before.sa_mask;
        // A program that has its children reaped by the kernel keeps that (sigaction(2)).
        let ignored = signal == libc::SIGCHLD && before.sa_sigaction == libc::SIG_IGN;
        if ignored || before.sa_flags & libc::SA_NOCLDWAIT != 0 {
            action.sa_flags |= libc::SA_NOCLDWAIT;
        }
        // SAFETY: a valid action, whose handler keeps to what handlers may do.
        Errno::result(unsafe { libc::sigaction(signal, &action, ptr::null_mut()) })?;
        Ok(before)
    }

    /// Catches again what somebody has set back to its default or to be ignored meanwhile.
    pub(crate) fn renew(&mut self) -> io::Result<()> {
        let now = current(self.signal)?.sa_sigaction;
        if now == libc::SIG_DFL || now == libc::SIG_IGN {
            self.before = Self::install(self.signal)?;
        }
        Ok(())
    }

    /// Puts back the action that was there before; or, if somebody else has put a handler over ours
    /// meanwhile, which may call ours, leaves all as it is and gives `self` back.
    ///
    /// Between the look and the act another thread may put its handler there; signal actions have
    /// no compare-and-swap. Then that handler is lost, as it is whenever two threads set one.
    pub(crate) fn release(self) -> Option<Self> {
        match current(self.signal) {
            Ok(now) if now.sa_sigaction != ours() => Some(self),
            // The signal was caught, so it can be looked at, and given back what it had.
            _ => {
                // SAFETY: an action that the kernel itself gave.
                unsafe { libc::sigaction(self.signal, &self.before, ptr::null_mut()) };
                None
            }
        }
    }
}

/// What is done at a signal now.
pub(super) fn current(signal: c_int) -> io::Result<libc::sigaction> {
    let mut action = MaybeUninit::uninit();
    // SAFETY: `action` is writable.
    Errno::result(unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) })?;
    // SAFETY: a call that succeeds has written it.
    Ok(unsafe { action.assume_init() })
}
