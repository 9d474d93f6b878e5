//! System calls in a plain loop, one after the other: one thread, nothing asynchronous.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

use super::blocks::{self, BLOCK, Block, LENGTH, PIECE, Places, SMALL, Target, WRITTEN};
use crate::confine;
use crate::micro::Work;
use crate::micro::lap::{Lap, Stopwatch};

pub fn random_cached(work: &Work) -> io::Result<Lap> {
    random(work, false)
}

pub fn random_direct(work: &Work) -> io::Result<Lap> {
    random(work, true)
}

fn random(work: &Work, direct: bool) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let file = blocks::open(&work.directory, direct)?;
    let mut block = Box::new(Block([0; BLOCK]));
    let mut places = Places::new(0);
    let watch = Stopwatch::start()?;
    for _ in 0..work.operations {
        let offset = places.next();
        let read = file.read_at(&mut block.0, offset)?;
        blocks::check(&block.0[..read], offset)?;
    }
    watch.stop(work.operations)
}

pub fn sequential_read(work: &Work) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let file = blocks::open(&work.directory, false)?;
    let mut piece = vec![0; PIECE];
    let watch = Stopwatch::start()?;
    for number in 0..work.operations {
        let offset = blocks::piece_at(number, LENGTH);
        file.read_exact_at(&mut piece, offset)?;
        blocks::check(&piece, offset)?;
    }
    watch.stop(work.operations)
}

pub fn sequential_write(work: &Work) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let target = Target::new(work)?;
    let file = OpenOptions::new().write(true).open(target.path())?;
    let mut piece = vec![0; PIECE];
    let watch = Stopwatch::start()?;
    for number in 0..work.operations {
        let offset = blocks::piece_at(number, WRITTEN);
        blocks::number(&mut piece, offset);
        file.write_all_at(&piece, offset)?;
    }
    let lap = watch.stop(work.operations)?;
    target.check(work.operations)?;
    Ok(lap)
}

pub fn small_files(work: &Work) -> io::Result<Lap> {
    confine::pin(&work.cpus[..1])?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let mut buffer = [0; SMALL];
    let watch = Stopwatch::start()?;
    for number in 0..work.operations {
        let path = blocks::small(&work.directory, number);
        let file = options.open(&path)?;
        file.write_all_at(&blocks::small_bytes(number), 0)?;
        file.sync_all()?;
        file.read_exact_at(&mut buffer, 0)?;
        blocks::check_small(&buffer, number)?;
        fs::remove_file(&path)?;
    }
    watch.stop(work.operations)
}
