//! The epoll back end: the same operations, carried out by calls that do not wait.
//!
//! An operation is tried when the queue is flushed, and again whenever epoll reports the descriptor
//! that it waits for; each result is delivered as a ring would have completed it. So this back end
//! hands nothing to the kernel that outlives a call, and a cancel ends an operation at once.
//!
//! ```text
//! turn:  queue ─► attempt ─┬─ Done ────► complete ─► Done │ Keep │ Again ─► queue
//!                          └─ Wait ────► table[fd].reader or .writer = key; watched once
//!        epoll wait ─► reports
//! reap:  report ─► table[fd] ─► attempt ─► …
//! ```
//!
//! Registrations are edge-triggered: a descriptor is registered at its first wait, for writing too
//! once a write had to wait, and never changed again; with level-triggered ones each pause of a
//! receive (back-pressure) would cost two calls, and each report a second look by the kernel at the
//! next wait (measured, an echo of 128 bytes on 64 connections, processor time by Tokio's: 0.98 with
//! edges, 1.00 with levels). An edge is lost on nobody because every wait begins with an attempt that found
//! nothing: what comes after that is a new edge. The one short cut is a receive that an event led to
//! and that filled its buffer in part: it has seen all there was (epoll(7), question 9), unless the
//! event told of an end, which is reported only once.

use super::backend::Signal;
use super::operation::{Attempt, Completion, Event, Interest};
use super::slots::Key;
use super::{Config, Driver, DriverInfo, DriverKind, Request, Tier};
use crate::buf::BufferPool;
use crate::sys::buf_ring::BufRing;
use crate::sys::clock;
use crate::sys::epoll::{self, Report};
use crate::sys::errno;
use crate::sys::eventfd::EventFd;
use crate::sys::ring::Wait;
use crate::sys::ring_setup::SetupError;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

/// Reports fetched with one wait: 12 KiB. More wait in the kernel for the next one.
const REPORTS: usize = 1024;

/// How long a loop that always has tasks to run may go without a look at its descriptors, in
/// nanoseconds: a look costs about 0.2 µs, so this is 1 %.
const LOOK: u64 = 20_000;

pub(super) struct Epoll {
    epoll: epoll::Epoll,
    signal: Arc<Signal>,
    /// What is known of each descriptor, by its number.
    table: RefCell<Vec<Entry>>,
    reports: RefCell<Box<[Report]>>,
    /// Which of the reports are still to be looked at.
    next: Cell<usize>,
    fetched: Cell<usize>,
    /// Completions delivered since the last reap.
    delivered: Cell<usize>,
    /// When a busy loop first asked whether to look at its descriptors, since the last look.
    asked: Cell<Option<u64>>,
    /// As in [`Config`].
    close_aside: fn(OwnedFd),
}

/// Who waits for a descriptor. A key may be that of an operation that has ended.
#[derive(Clone, Copy)]
struct Entry {
    reader: Option<Key>,
    writer: Option<Key>,
    watched: epoll::Interest,
    /// Told with each report, so that one of a closed descriptor is not taken for one of the next
    /// descriptor of that number.
    generation: u32,
}

const UNKNOWN: Entry = Entry {
    reader: None,
    writer: None,
    watched: epoll::Interest::empty(),
    generation: 0,
};

impl Epoll {
    pub(super) fn new(config: &Config) -> Result<(Self, BufferPool), SetupError> {
        let failed = |call| move |source| SetupError { call, source };
        let buffers = BufRing::new(0, config.buffers, config.buffer_len)?;
        let signal = Arc::new(Signal {
            eventfd: EventFd::new().map_err(failed("eventfd"))?,
            ring: None,
        });
        let epoll = Epoll {
            epoll: epoll::Epoll::new().map_err(failed("epoll_create1"))?,
            signal,
            table: RefCell::new(Vec::new()),
            reports: RefCell::new(vec![Report::empty(); REPORTS].into()),
            next: Cell::new(0),
            fetched: Cell::new(0),
            delivered: Cell::new(0),
            asked: Cell::new(None),
            close_aside: config.close_aside,
        };
        Ok((epoll, BufferPool::new(buffers)))
    }

    pub(super) fn info(&self) -> DriverInfo {
        DriverInfo {
            kind: DriverKind::Epoll,
            tier: Tier::Epoll,
        }
    }

    pub(super) fn signal(&self) -> &Arc<Signal> {
        &self.signal
    }

    /// Unlike a ring's, this look is a system call: nothing in memory tells.
    pub(super) fn is_ready(&self) -> bool {
        // An error comes back at the next turn.
        self.has_reports() || (self.look(Wait::Poll).is_ok() && self.has_reports())
    }

    pub(super) fn wants_enter(&self) -> bool {
        let now = clock::monotonic_nanos();
        let asked = self.asked.get().unwrap_or(now);
        self.asked.set(Some(asked));
        now - asked >= LOOK || self.has_reports()
    }

    pub(super) fn has_unsubmitted(&self) -> bool {
        false
    }

    fn has_reports(&self) -> bool {
        self.next.get() < self.fetched.get()
    }

    /// Carries out what is queued, then waits; not if something was delivered meanwhile, or is
    /// about to be.
    pub(super) fn turn(&self, driver: &Driver, wait: Wait) -> io::Result<()> {
        let before = self.delivered.get();
        // What these lead to has to wait for its turn: a long send to a peer that keeps up would
        // otherwise go on to its end, and nobody else would be served meanwhile.
        for _ in 0..driver.queued() {
            let Some(request) = driver.next_request() else {
                break;
            };
            driver.counters.sqes.add(1);
            match request {
                Request::Start(key) => {
                    if driver.slots.start(key) {
                        self.pursue(driver, key, None);
                    }
                }
                Request::Cancel(key) => self.deliver(driver, key, Completion::cancelled()),
                Request::Close(fd) => {
                    self.forget(fd.as_raw_fd());
                    drop(fd);
                }
                Request::SlowClose(fd) => {
                    self.forget(fd.as_raw_fd());
                    (self.close_aside)(fd);
                }
            }
        }
        let is_news = self.delivered.get() != before || driver.queued() > 0 || self.has_reports();
        match wait {
            Wait::No => Ok(()),
            Wait::Forever | Wait::For(_) if is_news => Ok(()),
            wait => {
                driver.counters.enters.add(1);
                self.look(wait)
            }
        }
    }

    fn look(&self, wait: Wait) -> io::Result<()> {
        self.asked.set(None);
        if self.has_reports() {
            return Ok(());
        }
        self.next.set(0);
        self.fetched.set(0);
        let fetched = self.epoll.wait(&mut self.reports.borrow_mut(), wait)?;
        self.fetched.set(fetched);
        Ok(())
    }

    /// Tries what the reports are about.
    pub(super) fn reap(&self, driver: &Driver) -> usize {
        while self.has_reports() {
            let index = self.next.get();
            self.next.set(index + 1);
            let report = self.reports.borrow()[index];
            self.follow(driver, report);
        }
        self.delivered.replace(0)
    }

    fn follow(&self, driver: &Driver, report: Report) {
        use epoll::Interest as Flags;
        let (fd, generation) = (report.data() as u32, (report.data() >> 32) as u32);
        let Some(entry) = self.table.borrow().get(fd as usize).copied() else {
            return;
        };
        if entry.generation != generation {
            return;
        }
        let flags = report.events();
        let failed = Flags::EPOLLHUP | Flags::EPOLLERR;
        let event = Some(Event {
            is_last: flags.intersects(failed | Flags::EPOLLRDHUP),
        });
        if let Some(reader) = entry.reader
            && flags.intersects(Flags::EPOLLIN | Flags::EPOLLRDHUP | failed)
        {
            self.pursue(driver, reader, event);
        }
        if let Some(writer) = entry.writer
            && flags.intersects(Flags::EPOLLOUT | failed)
        {
            self.pursue(driver, writer, event);
        }
    }

    /// Tries an operation until it is over or has to wait.
    fn pursue(&self, driver: &Driver, key: Key, event: Option<Event>) {
        while let Some(attempt) = driver.slots.attempt(key, event) {
            match attempt {
                Attempt::Done(completion) => {
                    self.deliver(driver, key, completion);
                    if completion.more() {
                        continue;
                    }
                }
                Attempt::Drained(completion) => self.deliver(driver, key, completion),
                Attempt::Wait(interest) => {
                    if let Err(error) = self.wait_for(interest, key) {
                        let errno = error.raw_os_error().unwrap_or(errno::EIO);
                        self.deliver(driver, key, Completion::failed(errno));
                    }
                }
            }
            return;
        }
    }

    fn deliver(&self, driver: &Driver, key: Key, completion: Completion) {
        self.delivered.set(self.delivered.get() + 1);
        driver.deliver(key, completion);
    }

    /// Has the operation `key` tried again when the descriptor is as it needs it.
    fn wait_for(&self, interest: Interest, key: Key) -> io::Result<()> {
        let index = interest.fd() as usize;
        let mut table = self.table.borrow_mut();
        if index >= table.len() {
            table.resize(index + 1, UNKNOWN);
        }
        let entry = &mut table[index];
        match interest {
            Interest::Readable(_) => entry.reader = Some(key),
            Interest::Writable(_) => entry.writer = Some(key),
        }
        if entry.watched.contains(interest.mask()) {
            return Ok(());
        }
        let is_known = !entry.watched.is_empty();
        let watched = entry.watched | interest.mask();
        let data = u64::from(entry.generation) << 32 | index as u64;
        // SAFETY: the operation keeps it open (`Operation`'s rule 2).
        let fd = unsafe { BorrowedFd::borrow_raw(interest.fd()) };
        self.epoll.watch(fd, watched, data, is_known)?;
        entry.watched = watched;
        Ok(())
    }

    /// A descriptor leaves the loop and stays open: without this its registration would, too.
    pub(super) fn release(&self, fd: BorrowedFd<'_>) {
        let number = fd.as_raw_fd();
        let table = self.table.borrow();
        let is_watched = table
            .get(number as usize)
            .is_some_and(|entry| !entry.watched.is_empty());
        drop(table);
        if is_watched {
            self.epoll.unwatch(fd);
        }
        self.forget(number);
    }

    /// A descriptor is being closed, which ends its registration.
    pub(super) fn forget(&self, fd: RawFd) {
        if let Some(entry) = self.table.borrow_mut().get_mut(fd as usize) {
            *entry = Entry {
                generation: entry.generation.wrapping_add(1),
                ..UNKNOWN
            };
        }
    }
}
