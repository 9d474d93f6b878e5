//! The stack of another thread, taken by a signal to it.
//!
//! The handler walks the stack that it interrupted, as sampling profilers do: glibc since 2.35 finds
//! the unwinding tables without a lock, and nothing is allocated. Names are for later.

use super::futex;
use super::signal;
use super::thread::ThreadId;
use libc::{c_int, c_void, siginfo_t};
use nix::errno::Errno;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// Frames that are kept of a stack: its top, which says what the thread is about.
const DEPTH: usize = 128;

/// How long to wait for the thread: one that has no processor does not run the handler, either.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nobody is asked.
const NONE: c_int = 0;
/// The handler is at work.
const TAKEN: c_int = -1;

/// The thread that is asked for its stack, or one of the above.
static ASKED: AtomicI32 = AtomicI32::new(NONE);
/// 1 once the stack is there.
static ANSWERED: AtomicU32 = AtomicU32::new(0);
static FRAMES: [AtomicUsize; DEPTH] = [const { AtomicUsize::new(0) }; DEPTH];
static COUNT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handler(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    let errno = Errno::last_raw();
    let me = ThreadId::mine().as_raw();
    let order = (Ordering::Acquire, Ordering::Relaxed);
    if ASKED.compare_exchange(me, TAKEN, order.0, order.1).is_ok() {
        // A panic is in the unwinder itself, whose state is not to be met half done.
        let count = if std::thread::panicking() {
            0
        } else {
            walk(context)
        };
        COUNT.store(count, Ordering::Relaxed);
        ANSWERED.store(1, Ordering::Release);
        futex::wake(&ANSWERED);
    }
    Errno::set_raw(errno);
}

/// Stores the frames from the interrupted one on, and says how many.
fn walk(context: *mut c_void) -> usize {
    let interrupted = interrupted_at(context);
    let (mut seen, mut kept) = (0, 0);
    let mut inside = interrupted == 0;
    let visit = |frame: &backtrace::Frame| {
        let ip = frame.ip() as usize;
        seen += 1;
        // The handler's own frames and the kernel's trampoline come first.
        let first = !inside && ip == interrupted;
        inside |= first;
        // Where the unwinder loses its way it may say 0.
        if inside && ip != 0 {
            // The others are where their calls return to.
            FRAMES[kept].store(ip + usize::from(first), Ordering::Relaxed);
            kept += 1;
        }
        kept < DEPTH && seen < 2 * DEPTH
    };
    // SAFETY: it needs a lock against other threads only on systems that are not this one.
    unsafe { backtrace::trace_unsynchronized(visit) };
    kept
}

/// The instruction that was interrupted; 0 where that is not known.
#[cfg(target_arch = "x86_64")]
fn interrupted_at(context: *mut c_void) -> usize {
    // SAFETY: the kernel gives a handler with SA_SIGINFO a context.
    unsafe {
        (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize] as usize
    }
}

#[cfg(target_arch = "aarch64")]
fn interrupted_at(context: *mut c_void) -> usize {
    // SAFETY: the kernel gives a handler with SA_SIGINFO a context.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.pc as usize }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn interrupted_at(_: *mut c_void) -> usize {
    0
}

/// The signal that asks: a real-time one that nobody uses, found at the first call and kept. From
/// the top, less the topmost, which is what others take first.
fn signal() -> Option<c_int> {
    static SIGNAL: OnceLock<Option<c_int>> = OnceLock::new();
    *SIGNAL.get_or_init(|| {
        // The unwinder sets itself up at its first use, which is not to be in a handler.
        backtrace::trace(|_| false);
        let free = |&signal: &c_int| function_of(signal) == Some(libc::SIG_DFL);
        let signal = (libc::SIGRTMIN()..libc::SIGRTMAX()).rev().find(free)?;
        // SAFETY: an action is plain integers and an optional pointer; zeroes are one.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        // SAFETY: a valid action, whose handler keeps to what handlers may do.
        let set = unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
        (set == 0).then_some(signal)
    })
}

/// What is called at a signal.
fn function_of(signal: c_int) -> Option<usize> {
    signal::current(signal)
        .ok()
        .map(|action| action.sa_sigaction)
}

/// The addresses on a thread's stack, innermost first, each of them behind the instruction that the
/// frame is at; `None` if the thread does not answer.
///
/// A system call that the thread is blocked in is restarted, or ends with EINTR where the kernel
/// never restarts it (signal(7)).
pub(crate) fn of_thread(thread: ThreadId) -> Option<Vec<usize>> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = super::lock(&ONE_AT_A_TIME);
    let signal = signal()?;
    // Somebody may have set it back: then it would end the process.
    if function_of(signal)? != handler as *const () as usize {
        return None;
    }
    if ANSWERED.swap(0, Ordering::Acquire) != 0 {
        // One that was given up on has come to its end after all.
        let _ = ASKED.compare_exchange(TAKEN, NONE, Ordering::Relaxed, Ordering::Relaxed);
    }
    let asked = thread.as_raw();
    let order = (Ordering::Release, Ordering::Relaxed);
    // One that was asked before and has not come to its end stays so: it hangs in its handler.
    ASKED.compare_exchange(NONE, asked, order.0, order.1).ok()?;
    // SAFETY: plain integers. A thread that has ended is an error, another one that has its number
    // now gets a signal whose handler asks who it is.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), asked, signal) };
    let start = std::time::Instant::now();
    while sent == 0 && ANSWERED.load(Ordering::Acquire) == 0 && start.elapsed() < PATIENCE {
        futex::wait(&ANSWERED, 0, Some(PATIENCE));
    }
    if ANSWERED.load(Ordering::Acquire) == 0 {
        // Either it no longer answers, or it is just about to.
        let _ = ASKED.compare_exchange(asked, NONE, Ordering::Relaxed, Ordering::Relaxed);
        return None;
    }
    ASKED.store(NONE, Ordering::Relaxed);
    let count = COUNT.load(Ordering::Relaxed);
    Some(
        FRAMES[..count]
            .iter()
            .map(|frame| frame.load(Ordering::Relaxed))
            .collect(),
    )
}
