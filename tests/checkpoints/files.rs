//! Files: none is made, changed or closed.

use crate::kit::scratch::Scratch;
use crate::table::{Table, next};
use ringmill::fs::{self, Cursor, File, OpenOptions};
use std::io::SeekFrom;
use std::path::Path;

pub async fn look_at(table: &Table) {
    let scratch = Scratch::new();
    let path = scratch.path().join("file");
    std::fs::write(&path, "content").unwrap();
    opening(table, &path).await;
    by_path(table, &path).await;
    changing_paths(table, scratch.path()).await;
    directories(table, scratch.path()).await;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .await
        .unwrap();
    places(table, &file).await;
    calls(table, &file).await;
    let direct = OpenOptions::new()
        .read(true)
        .write(true)
        .direct(true)
        .open(&path)
        .await;
    if let Ok(direct) = direct {
        // An error of the alignment, or not: it is asked for.
        let read = async || drop(direct.read_at(vec![0; 1], 0).await);
        table.row("fs::file::read_at", read).await;
    }
    cursors(table, file.cursor(0)).await;
    // Whatever did not happen has not happened since.
    let left = std::fs::read_dir(scratch.path()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["file"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"content");
}

async fn opening(table: &Table, path: &Path) {
    let new = path.with_file_name("new");
    table.refuses("fs::file::create", File::create(&new)).await;
    let options = OpenOptions::new().write(true).create(true);
    table
        .refuses("fs::open_options::open", options.open(&new))
        .await;
    let create = async || drop(File::create("/dev/null").await.unwrap());
    table.repeats("fs::file::create", create).await;
    let open = async || drop(options.open("/dev/null").await.unwrap());
    table.repeats("fs::open_options::open", open).await;
    let open = async || drop(File::open(path).await.unwrap());
    table.row("fs::file::open", open).await;
    let directory = File::open(path.parent().unwrap()).await.unwrap();
    let beneath = async || drop(File::open_beneath(&directory, "file").await.unwrap());
    table.row("fs::file::open_beneath", beneath).await;
    let file = File::open(path).await.unwrap();
    table.refuses("fs::file::close", file.close()).await;
    let close = async || {
        let file = File::from_std(std::fs::File::open(path).unwrap());
        file.close().await.unwrap();
    };
    table.repeats("fs::file::close", close).await;
    table
        .row("fs::temporary::temporary_file", async || {
            drop(fs::temporary_file().await.unwrap())
        })
        .await;
}

/// Calls that change nothing.
async fn by_path(table: &Table, path: &Path) {
    macro_rules! rows {
        ($($name:ident),*) => {$(
            let call = async || assert!(fs::$name(path).await.is_ok());
            table.row(concat!("fs::paths::", stringify!($name)), call).await;
        )*};
    }
    rows!(
        read,
        read_to_string,
        metadata,
        symlink_metadata,
        exists,
        canonicalize
    );
    let permissions = std::fs::metadata(path).unwrap().permissions();
    let set = async || {
        fs::set_permissions(path, permissions.clone())
            .await
            .unwrap()
    };
    table.row("fs::paths::set_permissions", set).await;
}

/// Calls that change something, each of them once in vain; then so that nothing is left of it.
async fn changing_paths(table: &Table, directory: &Path) {
    let (file, new) = (directory.join("file"), directory.join("new"));
    macro_rules! rows {
        ($($name:ident($($argument:expr),*) then $undo:expr;)*) => {$(
            let name = concat!("fs::paths::", stringify!($name));
            table.refuses(name, fs::$name($($argument),*)).await;
            let call = async || {
                assert!(fs::$name($($argument),*).await.is_ok());
                $undo.unwrap();
            };
            table.repeats(name, call).await;
        )*};
    }
    rows! {
        create_dir(&new) then std::fs::remove_dir(&new);
        create_dir_all(new.join("deep")) then std::fs::remove_dir_all(&new);
        write(&new, "text") then std::fs::remove_file(&new);
        copy(&file, &new) then std::fs::remove_file(&new);
        hard_link(&file, &new) then std::fs::remove_file(&new);
        symlink(&file, &new) then std::fs::remove_file(&new);
        rename(&file, &new) then std::fs::rename(&new, &file);
    }
    let replaced = fs::replace(&file, "other");
    table.refuses("fs::temporary::replace", replaced).await;
    let replace = async || fs::replace(&file, "content").await.unwrap();
    table.repeats("fs::temporary::replace", replace).await;

    std::os::unix::fs::symlink(&file, &new).unwrap();
    let read = async || assert_eq!(fs::read_link(&new).await.unwrap(), file);
    table.row("fs::paths::read_link", read).await;
    table
        .refuses("fs::paths::remove_file", fs::remove_file(&new))
        .await;
    std::fs::remove_file(&new).unwrap();
    std::fs::create_dir(&new).unwrap();
    table
        .refuses("fs::paths::remove_dir", fs::remove_dir(&new))
        .await;
    table
        .refuses("fs::paths::remove_dir_all", fs::remove_dir_all(&new))
        .await;
    std::fs::remove_dir(&new).unwrap();
    let remove = async || {
        std::fs::write(&new, "").unwrap();
        fs::remove_file(&new).await.unwrap();
    };
    table.repeats("fs::paths::remove_file", remove).await;
    let remove = async || {
        std::fs::create_dir(&new).unwrap();
        fs::remove_dir(&new).await.unwrap();
    };
    table.repeats("fs::paths::remove_dir", remove).await;
    let remove = async || {
        std::fs::create_dir(&new).unwrap();
        fs::remove_dir_all(&new).await.unwrap();
    };
    table.repeats("fs::paths::remove_dir_all", remove).await;
}

async fn directories(table: &Table, path: &Path) {
    let read_dir = async || drop(fs::read_dir(path).await.unwrap());
    table.row("fs::directory::read_dir", read_dir).await;
    let mut entries = fs::read_dir(path).await.unwrap();
    table
        .refuses("fs::directory::next_entry", entries.next_entry())
        .await;
    let entry = entries.next_entry().await.unwrap().unwrap();
    let metadata = async || assert!(entry.metadata().await.is_ok());
    table.row("fs::directory::metadata", metadata).await;
    let at_the_end = async || assert!(entries.next_entry().await.unwrap().is_none());
    table.row("fs::directory::next_entry", at_the_end).await;
    let at_the_end = async || assert!(next(&mut entries).await.is_none());
    table.row("fs::directory::ReadDir", at_the_end).await;

    let make = "fs::temporary::temporary_directory";
    table
        .row(make, async || {
            drop(fs::temporary_directory().await.unwrap())
        })
        .await;
    let close = "fs::temporary::close";
    let directory = fs::temporary_directory().await.unwrap();
    table.refuses(close, directory.close()).await;
    let mut some = Vec::new();
    for _ in 0..4 {
        some.push(fs::temporary_directory().await.unwrap());
    }
    table
        .repeats(close, async || some.pop().unwrap().close().await.unwrap())
        .await;
}

async fn places(table: &Table, file: &File) {
    let read = async || {
        let (read, buffer) = file.read_at(vec![0; 3], 1).await;
        assert_eq!((read.unwrap(), &buffer[..]), (3, &b"ont"[..]));
    };
    table.row("fs::file::read_at", read).await;
    let read = async || file.read_exact_at(vec![0; 3], 1).await.0.unwrap();
    table.row("fs::file::read_exact_at", read).await;
    let nothing = async || file.read_exact_at(Vec::new(), 1).await.0.unwrap();
    table.row("fs::file::read_exact_at", nothing).await;
    let two = || vec![vec![0; 3], vec![0; 4]];
    let read = async || assert_eq!(file.read_vectored_at(two(), 0).await.0.unwrap(), 7);
    table.row("fs::file_vectored::read_vectored_at", read).await;
    let read = async || file.read_exact_vectored_at(two(), 0).await.0.unwrap();
    table
        .row("fs::file_vectored::read_exact_vectored_at", read)
        .await;

    let other = || b"OTHER".to_vec();
    let others = || vec![other(), other()];
    table
        .refuses("fs::file::write_at", file.write_at(other(), 0))
        .await;
    table
        .refuses("fs::file::write_all_at", file.write_all_at(other(), 0))
        .await;
    let name = "fs::file_vectored::write_vectored_at";
    table
        .refuses(name, file.write_vectored_at(others(), 0))
        .await;
    let name = "fs::file_vectored::write_all_vectored_at";
    table
        .refuses(name, file.write_all_vectored_at(others(), 0))
        .await;
    let same = || vec!["con".as_bytes(), "tent".as_bytes()];
    let write = async || assert!(file.write_at(&b"content"[..], 0).await.0.is_ok());
    table.repeats("fs::file::write_at", write).await;
    let write = async || file.write_all_at(&b"content"[..], 0).await.0.unwrap();
    table.repeats("fs::file::write_all_at", write).await;
    let nothing = async || file.write_all_at(&b""[..], 0).await.0.unwrap();
    table.row("fs::file::write_all_at", nothing).await;
    let write = async || assert!(file.write_vectored_at(same(), 0).await.0.is_ok());
    table
        .repeats("fs::file_vectored::write_vectored_at", write)
        .await;
    let write = async || file.write_all_vectored_at(same(), 0).await.0.unwrap();
    table
        .repeats("fs::file_vectored::write_all_vectored_at", write)
        .await;
}

async fn calls(table: &Table, file: &File) {
    table
        .refuses("fs::file_calls::set_len", file.set_len(0))
        .await;
    let allocated = file.allocate(0, 1 << 20, false);
    table.refuses("fs::file_calls::allocate", allocated).await;
    table
        .repeats("fs::file_calls::set_len", async || {
            file.set_len(7).await.unwrap()
        })
        .await;
    let allocate = async || file.allocate(0, 7, true).await.unwrap();
    table.repeats("fs::file_calls::allocate", allocate).await;
    table
        .row("fs::file_calls::sync_all", async || {
            file.sync_all().await.unwrap()
        })
        .await;
    table
        .row("fs::file_calls::sync_data", async || {
            file.sync_data().await.unwrap()
        })
        .await;
    let metadata = async || assert_eq!(file.metadata().await.unwrap().len(), 7);
    table.row("fs::file_calls::metadata", metadata).await;
    let permissions = file.metadata().await.unwrap().permissions();
    let set = async || file.set_permissions(permissions.clone()).await.unwrap();
    table.row("fs::file_calls::set_permissions", set).await;

    // A lock of the open file's that another one cannot have.
    table.refuses("fs::file_calls::lock", file.lock()).await;
    table
        .refuses("fs::file_calls::lock_shared", file.lock_shared())
        .await;
    let lock = async || {
        file.lock().await.unwrap();
        file.unlock().unwrap();
    };
    table.repeats("fs::file_calls::lock", lock).await;
    let lock_shared = async || {
        file.lock_shared().await.unwrap();
        file.unlock().unwrap();
    };
    table
        .repeats("fs::file_calls::lock_shared", lock_shared)
        .await;
}

async fn cursors(table: &Table, mut cursor: Cursor) {
    let name = "fs::cursor::read";
    table.refuses(name, cursor.read(&mut [0])).await;
    assert_eq!(cursor.position(), 0);
    let mut room = [0; 7];
    assert_eq!(cursor.read(&mut room).await.unwrap(), 7);
    assert_eq!(&room, b"content");
    table
        .row(name, async || {
            assert_eq!(cursor.read(&mut [0]).await.unwrap(), 0)
        })
        .await;
    table
        .row(name, async || {
            assert_eq!(cursor.read(&mut []).await.unwrap(), 0)
        })
        .await;
    let read = async || assert_eq!(cursor.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    table.row("fs::cursor::read_to_end", read).await;

    table
        .refuses("fs::cursor::seek", cursor.seek(SeekFrom::Start(1)))
        .await;
    table
        .refuses("fs::cursor::seek", cursor.seek(SeekFrom::End(0)))
        .await;
    assert_eq!(cursor.position(), 7);
    let seek = async || assert_eq!(cursor.seek(SeekFrom::Start(0)).await.unwrap(), 0);
    table.repeats("fs::cursor::seek", seek).await;
    let seek = async || assert_eq!(cursor.seek(SeekFrom::End(-7)).await.unwrap(), 0);
    table.repeats("fs::cursor::seek", seek).await;

    table
        .refuses("fs::cursor::write", cursor.write(b"OTHER"))
        .await;
    table
        .refuses("fs::cursor::write_all", cursor.write_all(b"OTHER"))
        .await;
    assert_eq!(cursor.position(), 0);
    cursor.seek(SeekFrom::Start(7)).await.unwrap();
    let nothing = async || assert_eq!(cursor.write(b"").await.unwrap(), 0);
    table.repeats("fs::cursor::write", nothing).await;
    let nothing = async || cursor.write_all(b"").await.unwrap();
    table.repeats("fs::cursor::write_all", nothing).await;
    table
        .row("fs::cursor::flush", async || cursor.flush().await.unwrap())
        .await;
}
