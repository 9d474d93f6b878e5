//! Open files: a read gives what is there, a write has happened, has not, or has in part.

use super::directory;
use crate::cut::Cut;
use crate::kit::random::check;
use crate::kit::tcp::megabytes;
use ringmill::fs::{self, Cursor, File, OpenOptions, RegisteredBuffers};
use ringmill::spawn;
use std::fs::Permissions;
use std::io::{ErrorKind, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const BLOCK: usize = 4096;
const BLOCKS: usize = 8;
const LEN: usize = BLOCK * BLOCKS;

/// More than a cursor gathers before it writes.
const LARGE: usize = 300_000;

/// Both block `NUMBER` of the file: what is read and written in these scenes.
const NUMBER: usize = 3;
const PLACE: u64 = (NUMBER * BLOCK) as u64;

fn old() -> &'static [u8] {
    &megabytes()[..LEN]
}

/// Other bytes than are there.
fn new() -> &'static [u8] {
    &megabytes()[LEN..2 * LEN]
}

fn path() -> PathBuf {
    let path = directory().join("file");
    std::fs::write(&path, old()).unwrap();
    path
}

fn options() -> OpenOptions {
    OpenOptions::new().read(true).write(true)
}

async fn file() -> File {
    options().open(path()).await.unwrap()
}

/// A file past the page cache, where that is possible, and buffers that its ring knows.
async fn direct() -> (File, PathBuf, RegisteredBuffers) {
    let path = path();
    let file = match options().direct(true).open(&path).await {
        Err(error) if error.kind() == ErrorKind::InvalidInput => options().open(&path).await,
        file => file,
    };
    (
        file.unwrap(),
        path,
        RegisteredBuffers::new(2, BLOCK).unwrap(),
    )
}

/// What was read into buffers that were taken along is right.
fn right(bytes: &[u8]) {
    check(bytes, PLACE);
}

pub async fn read_at(cut: Cut) {
    let file = file().await;
    if let Some((read, bytes)) = cut.at(file.read_at(vec![0; BLOCK], PLACE)).await {
        right(&bytes[..read.unwrap()]);
    }
}

/// And the buffers come back, whoever has them.
pub async fn read_at_registered(cut: Cut) {
    let (file, _, buffers) = direct().await;
    let buffer = buffers.take().unwrap();
    if let Some((read, buffer)) = cut.at(file.read_at(buffer, PLACE)).await {
        assert_eq!(read.unwrap(), BLOCK);
        right(&buffer);
    }
    all_back(&buffers).await;
}

async fn all_back(buffers: &RegisteredBuffers) {
    let all = || buffers.take().zip(buffers.take()).is_some();
    crate::kit::wait::until("registered buffers", all).await;
}

pub async fn read_exact_at(cut: Cut) {
    let file = file().await;
    if let Some((read, bytes)) = cut.at(file.read_exact_at(vec![0; 3 * BLOCK], PLACE)).await {
        read.unwrap();
        right(&bytes);
    }
}

pub async fn read_vectored_at(cut: Cut) {
    let file = file().await;
    let rooms = vec![vec![0; 1_000], vec![0; BLOCK]];
    if let Some((read, rooms)) = cut.at(file.read_vectored_at(rooms, PLACE)).await {
        right(&rooms.concat()[..read.unwrap()]);
    }
}

pub async fn read_exact_vectored_at(cut: Cut) {
    let (file, _, buffers) = direct().await;
    let rooms = vec![buffers.take().unwrap(), buffers.take().unwrap()];
    if let Some((read, rooms)) = cut.at(file.read_exact_vectored_at(rooms, PLACE)).await {
        read.unwrap();
        rooms
            .iter()
            .zip([PLACE, PLACE + BLOCK as u64])
            .for_each(|(room, at)| check(room, at));
    }
    all_back(&buffers).await;
}

/// The file has the old bytes except in one place, of `len` bytes, where it may have new ones; and
/// has them where the write came to its end.
fn assert_written(path: &Path, len: usize, written: bool) {
    let found = std::fs::read(path).unwrap();
    assert_eq!(found.len(), LEN);
    for (index, &byte) in found.iter().enumerate() {
        let inside = (PLACE as usize..PLACE as usize + len).contains(&index);
        let expected = match inside {
            true if written || byte != old()[index] => new()[index],
            _ => old()[index],
        };
        assert_eq!(byte, expected, "byte {index}");
    }
}

/// New bytes for the place, so many from an offset in it on.
fn bytes(from: usize, len: usize) -> Vec<u8> {
    new()[PLACE as usize + from..PLACE as usize + from + len].to_vec()
}

pub async fn write_at(cut: Cut) {
    let path = path();
    let file = options().open(&path).await.unwrap();
    let wrote = cut.at(file.write_at(bytes(0, BLOCK), PLACE)).await;
    let written = wrote.map(|(wrote, _)| wrote.unwrap());
    assert_written(&path, BLOCK, written == Some(BLOCK));
}

pub async fn write_at_registered(cut: Cut) {
    let (file, path, buffers) = direct().await;
    let mut buffer = buffers.take().unwrap();
    buffer.copy_from_slice(&bytes(0, BLOCK));
    let wrote = cut.at(file.write_at(buffer, PLACE)).await;
    let written = wrote.map(|(wrote, _)| wrote.unwrap());
    all_back(&buffers).await;
    assert_written(&path, BLOCK, written == Some(BLOCK));
}

pub async fn write_all_at(cut: Cut) {
    let path = path();
    let file = options().open(&path).await.unwrap();
    let wrote = cut.at(file.write_all_at(bytes(0, 2 * BLOCK), PLACE)).await;
    let written = wrote.map(|(wrote, _)| wrote.unwrap()).is_some();
    assert_written(&path, 2 * BLOCK, written);
}

pub async fn write_vectored_at(cut: Cut) {
    let path = path();
    let file = options().open(&path).await.unwrap();
    let pieces = vec![bytes(0, 100), bytes(100, BLOCK - 100)];
    let wrote = cut.at(file.write_vectored_at(pieces, PLACE)).await;
    let written = wrote.map(|(wrote, _)| wrote.unwrap());
    assert_written(&path, BLOCK, written == Some(BLOCK));
}

pub async fn write_all_vectored_at(cut: Cut) {
    let path = path();
    let file = options().open(&path).await.unwrap();
    let pieces = vec![bytes(0, 100), bytes(100, BLOCK - 100)];
    let wrote = cut.at(file.write_all_vectored_at(pieces, PLACE)).await;
    let written = wrote.map(|(wrote, _)| wrote.unwrap()).is_some();
    assert_written(&path, BLOCK, written);
}

pub async fn sync_all(cut: Cut) {
    let file = file().await;
    cut.ok(file.sync_all()).await;
}

pub async fn sync_data(cut: Cut) {
    let file = file().await;
    cut.ok(file.sync_data()).await;
}

pub async fn set_len(cut: Cut) {
    let path = path();
    let file = options().open(&path).await.unwrap();
    let done = cut.ok(file.set_len(PLACE)).await.is_some();
    let found = std::fs::read(&path).unwrap();
    assert!(found == old()[..PLACE as usize] || !done && found == old());
}

pub async fn allocate(cut: Cut) {
    let path = path();
    let file = options().open(&path).await.unwrap();
    // Not every file system can.
    cut.at(file.allocate(0, LEN as u64, true)).await;
    assert!(std::fs::read(&path).unwrap() == old());
}

pub async fn metadata(cut: Cut) {
    let file = file().await;
    if let Some(metadata) = cut.at(file.metadata()).await {
        assert_eq!(metadata.unwrap().len(), LEN as u64);
    }
}

pub async fn set_permissions(cut: Cut) {
    let path = path();
    let file = File::open(&path).await.unwrap();
    let done = cut
        .at(file.set_permissions(Permissions::from_mode(0o600)))
        .await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert!(done.is_none() || mode == 0o600);
}

/// A lock that was given up does not stay: who comes later gets it.
async fn locking(cut: Cut, shared: bool) {
    let path = path();
    let (first, second) = (
        File::open(&path).await.unwrap(),
        File::open(&path).await.unwrap(),
    );
    first.lock().await.unwrap();
    let unlocking = spawn(async move {
        super::gap().await;
        first.unlock().unwrap();
    });
    let locked = match shared {
        true => cut.at(second.lock_shared()).await,
        false => cut.at(second.lock()).await,
    };
    locked.map(Result::unwrap);
    unlocking.await.unwrap();
    // A thread may wait for it still, and has it until it is done.
    drop(second);
    let third = File::open(&path).await.unwrap();
    third.lock().await.unwrap();
}

pub async fn lock(cut: Cut) {
    locking(cut, false).await;
}

pub async fn lock_shared(cut: Cut) {
    locking(cut, true).await;
}

pub async fn open(cut: Cut) {
    let path = path();
    if let Some(file) = cut.at(File::open(&path)).await {
        let (read, bytes) = file.unwrap().read_exact_at(vec![0; BLOCK], PLACE).await;
        read.unwrap();
        right(&bytes);
    }
}

pub async fn open_with(cut: Cut) {
    let path = path();
    if let Some(file) = cut.at(options().open(&path)).await {
        file.unwrap()
            .write_all_at(bytes(0, 10), PLACE)
            .await
            .0
            .unwrap();
    }
}

pub async fn create(cut: Cut) {
    let path = path();
    let created = cut.ok(File::create(&path)).await;
    let found = std::fs::read(&path).unwrap();
    assert!(found.is_empty() || created.is_none() && found == old());
}

pub async fn open_beneath(cut: Cut) {
    let path = path();
    let root = File::open(path.parent().unwrap()).await.unwrap();
    if let Some(opened) = cut.at(File::open_beneath(&root, "file")).await {
        assert_eq!(opened.unwrap().1.len(), LEN as u64);
    }
}

pub async fn close(cut: Cut) {
    let file = file().await;
    cut.ok(file.close()).await;
}

async fn cursor(offset: u64) -> (Cursor, PathBuf) {
    let path = path();
    let file = options().open(&path).await.unwrap();
    (file.cursor(offset), path)
}

pub async fn cursor_read(cut: Cut) {
    let (mut cursor, _) = cursor(0).await;
    let mut all = Vec::new();
    loop {
        let mut room = vec![0; 20_000];
        match cut.ok(cursor.read(&mut room)).await {
            Some(0) => break,
            Some(read) => all.extend_from_slice(&room[..read]),
            None => {}
        }
    }
    assert!(all == old());
}

pub async fn cursor_read_to_end(cut: Cut) {
    let (mut cursor, _) = cursor(0).await;
    let mut all = Vec::new();
    while cut.ok(cursor.read_to_end(&mut all)).await.is_none() {}
    assert!(all == old());
}

/// Writes more than a cursor gathers by `write`, which says how many bytes were taken for sure.
async fn through_cursor(write: impl AsyncFn(&mut Cursor, &'static [u8]) -> usize) {
    let (mut cursor, path) = cursor(0).await;
    let bytes = &megabytes()[LEN..LEN + LARGE];
    let mut at = 0;
    while at < LARGE {
        at += write(&mut cursor, &bytes[at..LARGE.min(at + 50_000)]).await;
    }
    cursor.flush().await.unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
}

pub async fn cursor_write(cut: Cut) {
    through_cursor(async |cursor, bytes| {
        let written = cut.at(cursor.write(bytes)).await;
        written.map_or(0, Result::unwrap)
    })
    .await;
}

pub async fn cursor_flush(cut: Cut) {
    through_cursor(async |cursor, bytes| {
        let written = cursor.write(bytes).await.unwrap();
        cut.ok(cursor.flush()).await;
        written
    })
    .await;
}

/// One that is dropped has written the beginning of its bytes; the position says which.
pub async fn cursor_write_all(cut: Cut) {
    through_cursor(async |cursor, bytes| {
        let before = cursor.position();
        match cut.at(cursor.write_all(bytes)).await {
            Some(written) => {
                written.unwrap();
                bytes.len()
            }
            None => (cursor.position() - before) as usize,
        }
    })
    .await;
}

pub async fn cursor_seek(cut: Cut) {
    let (mut cursor, path) = cursor(0).await;
    cursor.write_all(&new()[..BLOCK]).await.unwrap();
    let to = cut.ok(cursor.seek(SeekFrom::End(-10))).await;
    let end = (LEN - 10) as u64;
    assert!(cursor.position() == end || to.is_none() && cursor.position() == BLOCK as u64);
    cursor.flush().await.unwrap();
    assert!(std::fs::read(&path).unwrap()[..BLOCK] == new()[..BLOCK]);
}

/// As a whole or not at all, and nothing beside it.
pub async fn replace(cut: Cut) {
    let path = path();
    let done = cut.ok(fs::replace(&path, new())).await.is_some();
    let found = std::fs::read(&path).unwrap();
    assert!(found == new() || !done && found == old());
    let directory = path.parent().unwrap();
    let alone = || std::fs::read_dir(directory).unwrap().count() == 1;
    crate::kit::wait::until("the file alone", alone).await;
}

pub async fn temporary_file(cut: Cut) {
    if let Some(file) = cut.at(fs::temporary_file()).await {
        let (wrote, _) = file.unwrap().write_all_at(bytes(0, 10), 0).await;
        wrote.unwrap();
    }
}

/// That none stays is looked after for all scenes.
pub async fn temporary_directory(cut: Cut) {
    if let Some(directory) = cut.at(fs::temporary_directory()).await {
        std::fs::write(directory.unwrap().path().join("file"), old()).unwrap();
    }
}

pub async fn close_temporary_directory(cut: Cut) {
    let directory = fs::temporary_directory().await.unwrap();
    let path = directory.path().to_owned();
    cut.ok(directory.close()).await;
    crate::kit::wait::until("its end", || !path.exists()).await;
}
