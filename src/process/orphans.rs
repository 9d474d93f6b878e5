//! Children that nobody waits for any more: their statuses are taken all the same, or each would
//! stay as a zombie until the program ends.
//!
//! ```text
//! Child dropped ─┬─ has ended ──► its status is taken there and then
//!                ├─ pidfd ──────► one thread for all of them, in an epoll_wait, while there are any
//!                ├─ no pidfd ───► a thread for it alone, in a waitid
//!                └─ no thread ──► looked after whenever a child is started or dropped
//! ```
//!
//! None of it needs a loop: the loop or the runtime of the child may have ended, or be ending.

use super::wait_thread::WaitThread;
use crate::sys::epoll::{Epoll, Interest, Report};
use crate::sys::process::{self, Target};
use crate::sys::ring::Wait;
use crate::sys::{inherit, lock};
use slab::Slab;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};

/// Reports fetched with one wait.
const REPORTS: usize = 64;

struct Orphan {
    pid: u32,
    pidfd: OwnedFd,
}

/// There while its thread runs.
struct Watch {
    epoll: Arc<Epoll>,
    orphans: Slab<Orphan>,
}

static WATCH: Mutex<Option<Watch>> = Mutex::new(None);

/// Children for whom not even a thread was to be had.
static LEFT: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Sees to it that the status of a child is taken. Its number is its own until then.
pub(super) fn adopt(pid: u32, pidfd: Option<OwnedFd>) {
    sweep();
    let is_watched = pidfd.is_some_and(|pidfd| watch(Orphan { pid, pidfd }).is_ok());
    if !is_watched {
        wait_alone(pid);
    }
}

/// Takes the statuses of those that had to be left.
pub(super) fn sweep() {
    lock(&LEFT).retain(|&pid| matches!(process::try_reap(Target::Pid(pid)), Ok(None)));
}

fn wait_alone(pid: u32) {
    if WaitThread::start(pid).is_err() {
        lock(&LEFT).push(pid);
    }
}

/// Adds to those that the thread waits for; starts it for the first.
fn watch(orphan: Orphan) -> io::Result<()> {
    let mut watch = lock(&WATCH);
    if let Some(watch) = &mut *watch {
        return watch.add(orphan);
    }
    let epoll = Arc::new(Epoll::new()?);
    let mut first = Watch {
        epoll: epoll.clone(),
        orphans: Slab::new(),
    };
    first.add(orphan)?;
    // It takes the lock before it ends, and so finds what is put there now.
    inherit::thread("ringmill-orphans", move || reap_until_none(&epoll))?;
    *watch = Some(first);
    Ok(())
}

impl Watch {
    fn add(&mut self, orphan: Orphan) -> io::Result<()> {
        let entry = self.orphans.vacant_entry();
        let (fd, key) = (orphan.pidfd.as_fd(), entry.key() as u64);
        self.epoll.watch(fd, Interest::EPOLLIN, key, false)?;
        entry.insert(orphan);
        Ok(())
    }

    fn reap(&mut self, key: usize) {
        let Some(orphan) = self.orphans.try_remove(key) else {
            return;
        };
        let target = Target::PidFd(orphan.pidfd.as_fd());
        if let Ok(None) = process::try_reap(target) {
            // It has ended, but its tracer has to take its status first.
            wait_alone(orphan.pid);
        }
    }
}

fn reap_until_none(epoll: &Epoll) {
    let mut reports = [Report::empty(); REPORTS];
    loop {
        let waited = epoll.wait(&mut reports, Wait::Forever);
        let mut watch = lock(&WATCH);
        let Some(present) = &mut *watch else { return };
        match waited {
            Ok(count) => {
                for report in &reports[..count] {
                    present.reap(report.data() as usize);
                }
            }
            // Unheard of; but if it cannot wait for all of them, others must for each.
            Err(_) => present.orphans.drain().for_each(|o| wait_alone(o.pid)),
        }
        if present.orphans.is_empty() {
            *watch = None;
            return;
        }
    }
}
