//! Child processes: their ends, signals to them, and who they are to be.
//!
//! A child that has ended stays as a zombie, and its number its own, until its parent has taken its
//! status. So a number is safe to signal and to wait for by whoever knows that nobody has; a pidfd
//! (pidfd_open(2)) is so in any case.

use super::inherit::plainly;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};

/// SIGKILL, which no process can refuse.
pub(crate) const SIGKILL: i32 = libc::SIGKILL;

/// A child of this process.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    PidFd(BorrowedFd<'a>),
    /// Nobody else takes its status meanwhile.
    Pid(u32),
}

/// fork and exec, by the standard library. The child gets the processors and timer slack of the
/// program, not those of a loop's thread.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    plainly(|| command.spawn())
}

/// A descriptor that becomes readable when the process ends.
pub(crate) fn open_pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: plain integers; the descriptor is close-on-exec by itself.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match i32::try_from(fd) {
        // SAFETY: it was just made and nobody else knows it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes the status of a child that has ended, which ends its being a zombie; `None` if it runs.
///
/// # Errors
///
/// `ECHILD` if somebody else has taken it, or the process ignores SIGCHLD.
pub(crate) fn try_reap(child: Target<'_>) -> io::Result<Option<ExitStatus>> {
    wait(child, libc::WEXITED | libc::WNOHANG)
}

/// Waits until a child has ended, on a thread that may, and leaves its status to be taken.
pub(crate) fn wait_ended(pid: u32) -> io::Result<()> {
    wait(Target::Pid(pid), libc::WEXITED | libc::WNOWAIT).map(drop)
}

/// Whether a child can be waited for by this descriptor: waitid(2) takes one since Linux 5.4.
pub(crate) fn can_be_waited_for(pidfd: BorrowedFd<'_>) -> bool {
    wait(
        Target::PidFd(pidfd),
        libc::WEXITED | libc::WNOHANG | libc::WNOWAIT,
    )
    .is_ok()
}

fn wait(child: Target<'_>, options: i32) -> io::Result<Option<ExitStatus>> {
    let (kind, id) = match child {
        Target::PidFd(fd) => (libc::P_PIDFD, fd.as_raw_fd() as libc::id_t),
        Target::Pid(pid) => (libc::P_PID, pid),
    };
    loop {
        // SAFETY: all zeroes are a valid siginfo, which the call may overwrite.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is writable for the length of the call.
        if unsafe { libc::waitid(kind, id, &mut info, options) } == 0 {
            // SAFETY: filled by waitid for a child, or all zeroes.
            let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
            return Ok((pid != 0).then(|| status_of(info.si_code, status)));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// As wait(2) packs it: the exit code in the second byte, or the signal in the first, with 0x80 for
/// a core dump.
fn status_of(code: i32, status: i32) -> ExitStatus {
    ExitStatus::from_raw(match code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    })
}

/// Sends a signal.
pub(crate) fn signal(child: Target<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: plain integers, and no siginfo of our own.
    let sent = unsafe {
        match child {
            Target::PidFd(fd) => {
                let none = std::ptr::null::<libc::siginfo_t>();
                libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, none, 0)
            }
            Target::Pid(pid) => libc::kill(pid as libc::pid_t, signal).into(),
        }
    };
    if sent == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sends a signal to every process of the group that `pid` leads.
pub(crate) fn signal_group(pid: u32, signal: i32) -> io::Result<()> {
    // SAFETY: plain integers.
    if unsafe { libc::kill(-(pid as libc::pid_t), signal) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whose rights a child is to have.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) groups: Option<Vec<u32>>,
}

impl Identity {
    /// Becomes it, in the order in which each step still may. Safe between fork and exec: system
    /// calls alone.
    fn assume(&self) -> io::Result<()> {
        let checked = |result: i32| match result {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        };
        // SAFETY: plain integers, and a slice that is readable for the length of its call.
        unsafe {
            match &self.groups {
                Some(groups) => checked(libc::setgroups(groups.len(), groups.as_ptr()))?,
                // As the standard library: no child of another user's with root's groups.
                None if self.uid.is_some() && libc::getuid() == 0 => {
                    checked(libc::setgroups(0, std::ptr::null()))?;
                }
                None => {}
            }
            if let Some(gid) = self.gid {
                checked(libc::setgid(gid))?;
            }
            if let Some(uid) = self.uid {
                checked(libc::setuid(uid))?;
            }
        }
        Ok(())
    }
}

/// Has each child of `command` become what `identity` says by then.
pub(crate) fn assume_before_exec(command: &mut Command, identity: Arc<Mutex<Identity>>) {
    // SAFETY: the closure makes system calls and allocates nothing. The lock is free: whoever
    // spawns has the command, and with it the identity, for itself.
    unsafe {
        command.pre_exec(move || match identity.try_lock() {
            Ok(identity) => identity.assume(),
            Err(_) => Err(io::ErrorKind::ResourceBusy.into()),
        });
    }
}
