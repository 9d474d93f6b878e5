//! The hand-written loop with small files: each goes through its steps, as many files at a time as
//! there are slots.

use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStringExt;

use io_uring::squeue::Entry;
use io_uring::{opcode, types};

use super::DEPTH;
use super::blocks::{self, SMALL};
use super::ring::count;
use crate::confine;
use crate::micro::Work;
use crate::micro::lap::{Lap, Stopwatch};
use crate::ring::{self, Queues};

/// What is under way with the file of a slot.
#[derive(Clone, Copy)]
enum Step {
    Open,
    Write,
    Sync,
    Read,
    Close,
    Remove,
}

/// A file on its way.
struct Slot {
    number: u64,
    path: CString,
    fd: RawFd,
    bytes: [u8; SMALL],
    step: Step,
}

impl Slot {
    fn new(work: &Work, number: u64) -> io::Result<Self> {
        let path = blocks::small(&work.directory, number);
        Ok(Self {
            number,
            path: CString::new(path.into_os_string().into_vec())?,
            fd: -1,
            bytes: blocks::small_bytes(number),
            step: Step::Open,
        })
    }

    /// The operation of the step. It points to this slot's path or bytes.
    fn entry(&mut self) -> Entry {
        let fd = types::Fd(self.fd);
        let here = types::Fd(libc::AT_FDCWD);
        match self.step {
            Step::Open => opcode::OpenAt::new(here, self.path.as_ptr())
                .flags(libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC)
                .mode(0o666)
                .build(),
            Step::Write => opcode::Write::new(fd, self.bytes.as_ptr(), SMALL as u32).build(),
            Step::Sync => opcode::Fsync::new(fd).build(),
            Step::Read => opcode::Read::new(fd, self.bytes.as_mut_ptr(), SMALL as u32).build(),
            Step::Close => opcode::Close::new(fd).build(),
            Step::Remove => opcode::UnlinkAt::new(here, self.path.as_ptr()).build(),
        }
    }

    /// The step after this one, whose result is `result`; `None` after the last.
    fn next(&mut self, result: usize) -> io::Result<Option<Step>> {
        let whole = || match result {
            SMALL => io::Result::Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        Ok(Some(match self.step {
            Step::Open => {
                self.fd = result as RawFd;
                Step::Write
            }
            Step::Write => {
                whole()?;
                // What is read must come from the file.
                self.bytes = [0; SMALL];
                Step::Sync
            }
            Step::Sync => Step::Read,
            Step::Read => {
                whole()?;
                blocks::check_small(&self.bytes, self.number)?;
                Step::Close
            }
            Step::Close => Step::Remove,
            Step::Remove => return Ok(None),
        }))
    }
}

pub fn small_files(work: &Work) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let mut ring = ring::open()?;
    let mut queues = Queues::of(&mut ring)?;
    let watch = Stopwatch::start()?;
    let begun = work.operations.min(DEPTH);
    let slots = (0..begun).map(|number| Slot::new(work, number));
    // Never freed: after an error operations may be under way, and the process ends.
    let slots: &mut [Slot] = Vec::leak(slots.collect::<io::Result<_>>()?);
    let mut next = begun;
    let mut done = 0;
    for (index, slot) in slots.iter_mut().enumerate() {
        let entry = slot.entry().user_data(index as u64);
        // SAFETY: the slot is never freed, and changed only when this operation has completed.
        unsafe { queues.push(&entry) }?;
    }
    while done < work.operations {
        queues.submit_and_wait(None)?;
        while let Some(completion) = queues.completions.next() {
            let index = completion.user_data() as usize;
            let slot = &mut slots[index];
            match slot.next(count(&completion)?)? {
                Some(step) => slot.step = step,
                None => {
                    done += 1;
                    if next == work.operations {
                        continue;
                    }
                    *slot = Slot::new(work, next)?;
                    next += 1;
                }
            }
            let entry = slot.entry().user_data(index as u64);
            // SAFETY: as above.
            unsafe { queues.push(&entry) }?;
        }
    }
    watch.stop(work.operations)
}
