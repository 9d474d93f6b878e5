//! A current-thread runtime: reads and writes at a place in its blocking pool, as it has no call for
//! them, small files by `tokio::fs`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::task::{JoinSet, spawn_blocking};

use super::blocks::{self, BLOCK, Block, LENGTH, PIECE, Places, SMALL, Target, WRITTEN};
use super::{DEPTH, share};
use crate::micro::lap::{Lap, Stopwatch};
use crate::micro::{Work, one};

pub fn random_cached(work: &Work) -> io::Result<Lap> {
    random(work, false)
}

pub fn random_direct(work: &Work) -> io::Result<Lap> {
    random(work, true)
}

fn random(work: &Work, direct: bool) -> io::Result<Lap> {
    let file = Arc::new(blocks::open(&work.directory, direct)?);
    one::tokio(work, async || {
        let watch = Stopwatch::start()?;
        let mut readers = JoinSet::new();
        for worker in 0..DEPTH {
            readers.spawn(read_some(
                file.clone(),
                worker,
                share(work.operations, worker),
            ));
        }
        all(readers).await?;
        watch.stop(work.operations)
    })
}

async fn read_some(file: Arc<File>, worker: u64, reads: u64) -> io::Result<()> {
    let mut places = Places::new(worker);
    let mut block = Box::new(Block([0; BLOCK]));
    for _ in 0..reads {
        let (file, offset) = (file.clone(), places.next());
        let read = spawn_blocking(move || {
            let read = file.read_at(&mut block.0, offset);
            (read, block)
        });
        let read_bytes;
        (read_bytes, block) = read.await?;
        blocks::check(&block.0[..read_bytes?], offset)?;
    }
    Ok(())
}

pub fn sequential_read(work: &Work) -> io::Result<Lap> {
    let file = Arc::new(blocks::open(&work.directory, false)?);
    one::tokio(work, async || {
        let mut piece = vec![0; PIECE];
        let watch = Stopwatch::start()?;
        for number in 0..work.operations {
            let (file, offset) = (file.clone(), blocks::piece_at(number, LENGTH));
            let read = spawn_blocking(move || {
                let read = file.read_exact_at(&mut piece, offset);
                (read, piece)
            });
            let done;
            (done, piece) = read.await?;
            done?;
            blocks::check(&piece, offset)?;
        }
        watch.stop(work.operations)
    })
}

pub fn sequential_write(work: &Work) -> io::Result<Lap> {
    let target = Target::new(work)?;
    let file = Arc::new(OpenOptions::new().write(true).open(target.path())?);
    let lap = one::tokio(work, async || {
        let mut piece = vec![0; PIECE];
        let watch = Stopwatch::start()?;
        for number in 0..work.operations {
            let (file, offset) = (file.clone(), blocks::piece_at(number, WRITTEN));
            blocks::number(&mut piece, offset);
            let write = spawn_blocking(move || {
                let written = file.write_all_at(&piece, offset);
                (written, piece)
            });
            let done;
            (done, piece) = write.await?;
            done?;
        }
        watch.stop(work.operations)
    })?;
    target.check(work.operations)?;
    Ok(lap)
}

pub fn small_files(work: &Work) -> io::Result<Lap> {
    one::tokio(work, async || {
        let watch = Stopwatch::start()?;
        let mut workers = JoinSet::new();
        for worker in 0..DEPTH {
            let numbers = (worker..work.operations).step_by(DEPTH as usize);
            workers.spawn(some_files(work.directory.clone(), numbers));
        }
        all(workers).await?;
        watch.stop(work.operations)
    })
}

async fn some_files(directory: PathBuf, numbers: impl Iterator<Item = u64>) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let mut buffer = [0; SMALL];
    for number in numbers {
        let path = blocks::small(&directory, number);
        let mut file = options.open(&path).await?;
        file.write_all(&blocks::small_bytes(number)).await?;
        file.sync_all().await?;
        file.rewind().await?;
        file.read_exact(&mut buffer).await?;
        blocks::check_small(&buffer, number)?;
        fs::remove_file(&path).await?;
    }
    Ok(())
}

async fn all(mut tasks: JoinSet<io::Result<()>>) -> io::Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
