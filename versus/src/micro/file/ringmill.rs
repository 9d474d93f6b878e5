//! One loop: a task for each read under way, one buffer each.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use ringmill::fs::{self, File, OpenOptions};
use ringmill::{AlignedBuf, DriverKind, IoBuf, IoBufMut};

use super::blocks::{self, BLOCK, LENGTH, PIECE, Places, SMALL, Target, WRITTEN};
use super::{DEPTH, share};
use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Work, one};

pub fn random_cached(work: &Work) -> io::Result<Lap> {
    cached(work, DriverKind::Auto)
}

pub fn random_cached_epoll(work: &Work) -> io::Result<Lap> {
    cached(work, DriverKind::Epoll)
}

fn cached(work: &Work, driver: DriverKind) -> io::Result<Lap> {
    one::ringmill(work, driver, async || {
        random(work, false, || vec![0_u8; BLOCK]).await
    })
}

pub fn random_direct(work: &Work) -> io::Result<Lap> {
    direct(work, DriverKind::Auto)
}

pub fn random_direct_epoll(work: &Work) -> io::Result<Lap> {
    direct(work, DriverKind::Epoll)
}

fn direct(work: &Work, driver: DriverKind) -> io::Result<Lap> {
    one::ringmill(work, driver, async || {
        random(work, true, || AlignedBuf::new(BLOCK)).await
    })
}

async fn random<B: IoBuf + IoBufMut + Send>(
    work: &Work,
    direct: bool,
    buffer: fn() -> B,
) -> io::Result<Lap> {
    let file = OpenOptions::new().read(true).direct(direct);
    let file = Rc::new(file.open(blocks::source(&work.directory)).await?);
    let watch = Stopwatch::start()?;
    let readers: Vec<_> = (0..DEPTH)
        .map(|worker| {
            let reads = share(work.operations, worker);
            ringmill::spawn(read_some(file.clone(), buffer(), worker, reads))
        })
        .collect();
    for reader in readers {
        reader.await.map_err(io::Error::other)??;
    }
    watch.stop(work.operations)
}

async fn read_some<B: IoBuf + IoBufMut + Send>(
    file: Rc<File>,
    mut buffer: B,
    worker: u64,
    reads: u64,
) -> io::Result<()> {
    let mut places = Places::new(worker);
    for _ in 0..reads {
        let offset = places.next();
        let read;
        (read, buffer) = file.read_at(buffer, offset).await;
        blocks::check(&buffer.as_slice()[..read?], offset)?;
    }
    Ok(())
}

pub fn sequential_read(work: &Work) -> io::Result<Lap> {
    read_on(work, DriverKind::Auto)
}

pub fn sequential_read_epoll(work: &Work) -> io::Result<Lap> {
    read_on(work, DriverKind::Epoll)
}

fn read_on(work: &Work, driver: DriverKind) -> io::Result<Lap> {
    one::ringmill(work, driver, async || {
        let file = File::open(blocks::source(&work.directory)).await?;
        let mut piece = vec![0; PIECE];
        let watch = Stopwatch::start()?;
        for number in 0..work.operations {
            let offset = blocks::piece_at(number, LENGTH);
            let read;
            (read, piece) = file.read_exact_at(piece, offset).await;
            read?;
            blocks::check(&piece, offset)?;
        }
        watch.stop(work.operations)
    })
}

pub fn sequential_write(work: &Work) -> io::Result<Lap> {
    write_on(work, DriverKind::Auto)
}

pub fn sequential_write_epoll(work: &Work) -> io::Result<Lap> {
    write_on(work, DriverKind::Epoll)
}

fn write_on(work: &Work, driver: DriverKind) -> io::Result<Lap> {
    let target = Target::new(work)?;
    let lap = one::ringmill(work, driver, async || {
        let file = OpenOptions::new().write(true).open(target.path()).await?;
        let mut piece = vec![0; PIECE];
        let watch = Stopwatch::start()?;
        for number in 0..work.operations {
            let offset = blocks::piece_at(number, WRITTEN);
            blocks::number(&mut piece, offset);
            let written;
            (written, piece) = file.write_all_at(piece, offset).await;
            written?;
        }
        watch.stop(work.operations)
    })?;
    target.check(work.operations)?;
    Ok(lap)
}

pub fn small_files(work: &Work) -> io::Result<Lap> {
    small(work, DriverKind::Auto)
}

pub fn small_files_epoll(work: &Work) -> io::Result<Lap> {
    small(work, DriverKind::Epoll)
}

fn small(work: &Work, driver: DriverKind) -> io::Result<Lap> {
    one::ringmill(work, driver, async || {
        let watch = Stopwatch::start()?;
        let workers: Vec<_> = (0..DEPTH)
            .map(|worker| {
                let numbers = (worker..work.operations).step_by(DEPTH as usize);
                ringmill::spawn(some_files(work.directory.clone(), numbers))
            })
            .collect();
        for worker in workers {
            worker.await.map_err(io::Error::other)??;
        }
        watch.stop(work.operations)
    })
}

async fn some_files(
    directory: PathBuf,
    numbers: impl Iterator<Item = u64> + 'static,
) -> io::Result<()> {
    let options = OpenOptions::new().read(true).write(true).create_new(true);
    let mut buffer = vec![0; SMALL];
    for number in numbers {
        let path = blocks::small(&directory, number);
        let file = options.open(&path).await?;
        buffer.copy_from_slice(&blocks::small_bytes(number));
        let done;
        (done, buffer) = file.write_all_at(buffer, 0).await;
        done?;
        file.sync_all().await?;
        let done;
        (done, buffer) = file.read_exact_at(buffer, 0).await;
        done?;
        blocks::check_small(&buffer, number)?;
        fs::remove_file(&path).await?;
    }
    Ok(())
}
