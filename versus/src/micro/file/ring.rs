//! A hand-written io_uring loop: what the kernel asks for such work, and no runtime. Descriptors and
//! buffers are plain ones, not registered, as Ringmill's.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

use io_uring::squeue::Entry;
use io_uring::{cqueue, opcode, types};

use super::DEPTH;
use super::blocks::{self, BLOCK, Block, LENGTH, PIECE, Places, Target, WRITTEN};
use crate::confine;
use crate::during::During;
use crate::micro::Work;
use crate::micro::lap::{Lap, Stopwatch};
use crate::ring::{self, Queues};

pub fn random_cached(work: &Work) -> io::Result<Lap> {
    random(work, false)
}

pub fn random_direct(work: &Work) -> io::Result<Lap> {
    random(work, true)
}

fn random(work: &Work, direct: bool) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let mut ring = ring::open()?;
    let mut queues = Queues::of(&mut ring)?;
    let file = blocks::open(&work.directory, direct)?;
    let fd = types::Fd(file.as_raw_fd());
    // Never freed: after an error reads may be under way, and the process ends.
    let buffers: &mut [Block] = Box::leak((0..DEPTH).map(|_| Block([0; BLOCK])).collect());
    let mut offsets = [0; DEPTH as usize];
    let mut places = Places::new(0);
    let mut left = work.operations;
    let mut done = 0;

    let watch = Stopwatch::start()?;
    let mut idle: Vec<usize> = (0..buffers.len()).collect();
    while done < work.operations {
        while let Some(slot) = idle.pop_if(|_| left > 0) {
            left -= 1;
            offsets[slot] = places.next();
            let read = opcode::Read::new(fd, buffers[slot].0.as_mut_ptr(), BLOCK as u32)
                .offset(offsets[slot])
                .build()
                .user_data(slot as u64);
            // SAFETY: the buffer is never freed, and left alone until this read has completed.
            unsafe { queues.push(&read) }?;
        }
        queues.submit_and_wait(None)?;
        for completion in queues.completions.by_ref() {
            let slot = completion.user_data() as usize;
            blocks::check(&buffers[slot].0[..count(&completion)?], offsets[slot])?;
            idle.push(slot);
            done += 1;
        }
    }
    watch.stop(work.operations)
}

pub fn sequential_read(work: &Work) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let mut ring = ring::open()?;
    let mut queues = Queues::of(&mut ring)?;
    let file = blocks::open(&work.directory, false)?;
    let fd = types::Fd(file.as_raw_fd());
    let piece: &mut [u8] = vec![0; PIECE].leak();
    let watch = Stopwatch::start()?;
    for number in 0..work.operations {
        let offset = blocks::piece_at(number, LENGTH);
        let mut filled = 0;
        while filled < PIECE {
            let room = &mut piece[filled..];
            let read = opcode::Read::new(fd, room.as_mut_ptr(), room.len() as u32)
                .offset(offset + filled as u64)
                .build();
            // SAFETY: the buffer is never freed, and left alone until the read has completed.
            filled += unsafe { complete(&mut queues, &read) }?;
        }
        blocks::check(piece, offset)?;
    }
    watch.stop(work.operations)
}

pub fn sequential_write(work: &Work) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let mut ring = ring::open()?;
    let mut queues = Queues::of(&mut ring)?;
    let target = Target::new(work)?;
    let file = OpenOptions::new().write(true).open(target.path())?;
    let fd = types::Fd(file.as_raw_fd());
    let piece: &mut [u8] = vec![0; PIECE].leak();
    let watch = Stopwatch::start()?;
    for number in 0..work.operations {
        let offset = blocks::piece_at(number, WRITTEN);
        blocks::number(piece, offset);
        let mut written = 0;
        while written < PIECE {
            let rest = &piece[written..];
            let write = opcode::Write::new(fd, rest.as_ptr(), rest.len() as u32)
                .offset(offset + written as u64)
                .build();
            // SAFETY: the buffer is never freed, and left alone until the write has completed.
            written += unsafe { complete(&mut queues, &write) }?;
        }
    }
    let lap = watch.stop(work.operations)?;
    target.check(work.operations)?;
    Ok(lap)
}

/// Submits one operation and waits for it; nothing else may be under way.
///
/// # Safety
/// As [`Queues::push`].
unsafe fn complete(queues: &mut Queues<'_>, entry: &Entry) -> io::Result<usize> {
    // SAFETY: promised by the caller.
    unsafe { queues.push(entry) }?;
    loop {
        queues.submit_and_wait(None)?;
        if let Some(completion) = queues.completions.next() {
            return match count(&completion)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            };
        }
    }
}

/// # Errors
/// What the operation has failed with.
pub fn count(completion: &cqueue::Entry) -> io::Result<usize> {
    let result = completion.result();
    usize::try_from(result)
        .map_err(|_| io::Error::from_raw_os_error(-result))
        .during("an operation of the ring")
}
