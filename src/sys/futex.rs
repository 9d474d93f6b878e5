//! A word that threads wait on (futex(2)): what a signal handler may wake, too.

use std::ptr;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Blocks while the word is `value`, at most for `limit`, and perhaps less: the caller looks again.
pub(crate) fn wait(word: &'static AtomicU32, value: u32, limit: Option<Duration>) {
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: limit.subsec_nanos() as _,
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the word lives for ever, and the time as long as the call.
    unsafe {
        let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        libc::syscall(libc::SYS_futex, word.as_ptr(), wait, value, limit);
    }
}

/// Wakes one thread that waits. May be called in a signal handler; may change errno.
pub(crate) fn wake(word: &'static AtomicU32) {
    // SAFETY: the word lives for ever.
    unsafe {
        let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        libc::syscall(libc::SYS_futex, word.as_ptr(), wake, 1);
    }
}
