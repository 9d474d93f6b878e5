//! Files: what is written is read again, from any loop, on every driver, and what goes wrong is told
//! with the path.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::polls::cut;
use kit::random::{Random, patterned};
use kit::runtime;
use kit::wait::{eventually, soon};
use ringmill::fs::{self, File, OpenOptions, TemporaryDirectory};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

async fn directory() -> TemporaryDirectory {
    soon("a directory", fs::temporary_directory())
        .await
        .unwrap()
}

/// Takes a file out of the page cache, so that reads go to the disk.
fn forget(path: &Path) {
    let file = std::fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: plain integers, of an open file.
    let advised = unsafe { libc::posix_fadvise(fd, 0, 0, libc::POSIX_FADV_DONTNEED) };
    assert_eq!(advised, 0);
}

#[apply(on_each_driver)]
fn a_closed_file_has_given_its_lock_back() {
    runtime(1).block_on(async {
        let directory = directory().await;
        let path = directory.path().join("file");
        let file = File::create(&path).await.unwrap();
        file.try_lock().unwrap();
        soon("the close", file.close()).await.unwrap();
        let again = File::open(&path).await.unwrap();
        again.try_lock().unwrap();
    });
}

#[apply(on_each_driver)]
fn what_is_written_is_read_again_cached_or_not() {
    runtime(1).block_on(async {
        const LEN: usize = 3 << 20;
        let directory = directory().await;
        let path = directory.path().join("file");
        let bytes = patterned(0, LEN);
        let file = File::create(&path).await.unwrap();
        let (written, back) = soon("the write", file.write_all_at(bytes, 0)).await;
        written.unwrap();
        file.sync_all().await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), LEN as u64);

        let file = File::open(&path).await.unwrap();
        for cached in [true, false] {
            if !cached {
                forget(&path);
            }
            let (read, all) = soon("the read", file.read_exact_at(vec![0; LEN], 0)).await;
            read.unwrap();
            assert!(all == back, "cached: {cached}");
            // From the middle, into room of its own.
            let (read, some) = soon("a read", file.read_at(Vec::with_capacity(100), 1000)).await;
            let read = read.unwrap();
            assert_eq!((some.len(), &some[..]), (read, &back[1000..1000 + read]));
        }
        // At the end, and behind it.
        let (read, some) = file.read_at(vec![7; 100], LEN as u64 - 10).await;
        assert_eq!((read.unwrap(), some.len()), (10, 10));
        let (read, some) = file.read_at(some, LEN as u64).await;
        assert_eq!((read.unwrap(), some.len()), (0, 0));
        let (read, some) = file.read_exact_at(vec![0; 20], LEN as u64 - 10).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(some, back[LEN - 10..]);
    });
}

#[apply(on_each_driver)]
fn many_operations_on_one_file_from_several_loops() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    runtime.block_on(async move {
        const BLOCKS: usize = 200;
        const BLOCK: usize = 4096;
        let directory = directory().await;
        let path = directory.path().join("blocks");
        let options = OpenOptions::new().read(true).write(true).create(true);
        let file = Arc::new(options.open(&path).await.unwrap());
        let written = handle.for_each_loop({
            let file = file.clone();
            move |index| async move {
                let writes: Vec<_> = (0..BLOCKS)
                    .filter(|block| block % 2 == index)
                    .map(|block| {
                        let file = file.clone();
                        ringmill::spawn(async move {
                            let bytes = vec![block as u8; BLOCK];
                            file.write_all_at(bytes, (block * BLOCK) as u64).await.0
                        })
                    })
                    .collect();
                for write in writes {
                    write.await.unwrap().unwrap();
                }
            }
        });
        soon("the writes", written).await.unwrap();
        forget(&path);
        let reads: Vec<_> = (0..BLOCKS)
            .map(|block| {
                let file = file.clone();
                ringmill::spawn(async move {
                    file.read_exact_at(vec![0; BLOCK], (block * BLOCK) as u64)
                        .await
                })
            })
            .collect();
        for (block, read) in reads.into_iter().enumerate() {
            let (read, bytes) = soon("a read", read).await.unwrap();
            read.unwrap();
            assert!(bytes.iter().all(|&byte| byte == block as u8), "{block}");
        }
    });
}

#[apply(on_each_driver)]
fn reads_and_writes_may_be_dropped_at_any_poll() {
    let mut random = Random::seeded();
    runtime(1).block_on(async {
        let directory = directory().await;
        let path = directory.path().join("file");
        let bytes = patterned(0, 1 << 20);
        soon("the write", fs::write(&path, bytes.clone()))
            .await
            .unwrap();
        let options = OpenOptions::new().read(true).write(true);
        let file = options.open(&path).await.unwrap();
        for round in 0..500 {
            if round % 50 == 0 {
                forget(&path);
            }
            let at = random.below(bytes.len() as u64 - 4096) as usize;
            let read = file.read_at(vec![0; 4096], at as u64);
            if let Some((read, some)) = cut(read, random.below(4)).await {
                assert_eq!(some, bytes[at..at + read.unwrap()]);
            }
            // The same bytes again: whether it happens does not matter.
            let again = bytes[at..at + 512].to_vec();
            cut(file.write_at(again, at as u64), random.below(3)).await;
        }
        let (read, all) = soon("the read", file.read_exact_at(vec![0; 1 << 20], 0)).await;
        read.unwrap();
        assert!(all == bytes);
    });
}

#[apply(on_each_driver)]
fn what_fails_is_told_and_the_buffer_comes_back() {
    runtime(1).block_on(async {
        let missing = soon("an error", File::open("/no/such/file"))
            .await
            .unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.to_string().contains("/no/such/file"), "{missing}");
        let renamed = fs::rename("/no/such/file", "/no/such/place").await;
        let error = renamed.unwrap_err().to_string();
        assert!(
            error.contains("/no/such/file") && error.contains("/no/such/place"),
            "{error}"
        );
        // A device that is always full.
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .await
            .unwrap();
        let (written, bytes) = soon("an error", full.write_all_at(vec![1; 10], 0)).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(bytes, [1; 10]);
        // Not opened for that.
        let directory = directory().await;
        let file = File::create(directory.path().join("file")).await.unwrap();
        let (read, bytes) = soon("an error", file.read_at(vec![1; 10], 0)).await;
        assert_eq!(read.unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert_eq!((bytes.len(), bytes.capacity()), (0, 10));
        // -1 to the kernel, which is where the open file is.
        let (read, _) = soon("an error", file.read_at(vec![1; 10], u64::MAX)).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput);
        let (written, _) = soon("an error", file.write_all_at("x", u64::MAX)).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[apply(on_each_driver)]
fn lengths_room_and_locks() {
    runtime(1).block_on(async {
        let directory = directory().await;
        let path = directory.path().join("file");
        let file = File::create(&path).await.unwrap();
        file.allocate(0, 1 << 16, true).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 0);
        file.allocate(0, 1 << 16, false).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 1 << 16);
        file.set_len(10).await.unwrap();
        file.sync_data().await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 10);
        file.set_permissions(PermissionsExt::from_mode(0o600))
            .await
            .unwrap();
        let mode = fs::metadata(&path).await.unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let other = File::open(&path).await.unwrap();
        soon("the lock", file.lock()).await.unwrap();
        assert_eq!(other.try_lock().unwrap_err().kind(), ErrorKind::WouldBlock);
        let waits = ringmill::spawn(async move {
            other.lock_shared().await.unwrap();
        });
        file.unlock().unwrap();
        soon("the other's lock", waits).await.unwrap();

        let log = OpenOptions::new().append(true).open(&path).await.unwrap();
        for _ in 0..3 {
            log.write_all_at("end", 0).await.0.unwrap();
        }
        let content = fs::read(&path).await.unwrap();
        assert_eq!((content.len(), &content[10..]), (19, &b"endendend"[..]));
    });
}

#[apply(on_each_driver)]
fn directories_and_links() {
    runtime(1).block_on(async {
        const FILES: usize = 1_300;
        let directory = directory().await;
        let path = |name: &str| directory.path().join(name);
        fs::create_dir_all(path("a/b/c")).await.unwrap();
        fs::create_dir(path("many")).await.unwrap();
        for number in 0..FILES {
            std::fs::write(path("many").join(number.to_string()), "").unwrap();
        }
        let mut entries = fs::read_dir(path("many")).await.unwrap();
        let mut names = BTreeSet::new();
        while let Some(entry) = soon("an entry", entries.next_entry()).await.unwrap() {
            assert!(entry.file_type().unwrap().is_file());
            assert!(names.insert(entry.file_name().clone()), "twice");
        }
        assert_eq!(names.len(), FILES);
        // Dropped in the middle.
        let mut entries = fs::read_dir(path("many")).await.unwrap();
        entries.next_entry().await.unwrap().unwrap();
        drop(entries);

        fs::write(path("file"), "text").await.unwrap();
        assert_eq!(fs::copy(path("file"), path("copy")).await.unwrap(), 4);
        fs::hard_link(path("file"), path("hard")).await.unwrap();
        fs::symlink("file", path("soft")).await.unwrap();
        assert_eq!(
            fs::read_link(path("soft")).await.unwrap(),
            Path::new("file")
        );
        assert!(
            fs::symlink_metadata(path("soft"))
                .await
                .unwrap()
                .is_symlink()
        );
        assert_eq!(fs::read_to_string(path("soft")).await.unwrap(), "text");
        let real = fs::canonicalize(path("soft")).await.unwrap();
        assert_eq!(real.file_name().unwrap(), "file");
        fs::rename(path("copy"), path("moved")).await.unwrap();
        assert!(fs::exists(path("moved")).await.unwrap());
        assert!(!fs::exists(path("copy")).await.unwrap());
        fs::remove_file(path("moved")).await.unwrap();
        fs::remove_dir(path("a/b/c")).await.unwrap();
        assert!(fs::remove_dir(path("many")).await.is_err());
        fs::remove_dir_all(path("many")).await.unwrap();
    });
}

#[apply(on_each_driver)]
fn a_file_is_replaced_as_a_whole_and_keeps_its_permissions() {
    runtime(1).block_on(async {
        let directory = directory().await;
        let path = directory.path().join("config");
        soon("the first", fs::replace(&path, "old")).await.unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640))
            .await
            .unwrap();
        // Who has it open has the old content, whole.
        let open = File::open(&path).await.unwrap();
        soon("the second", fs::replace(&path, "the new content"))
            .await
            .unwrap();
        let (read, old) = open.read_at(vec![0; 100], 0).await;
        assert_eq!((read.unwrap(), &old[..]), (3, &b"old"[..]));
        assert_eq!(fs::read(&path).await.unwrap(), b"the new content");
        let mode = fs::metadata(&path).await.unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        // A link to it stays one.
        let link = directory.path().join("link");
        fs::symlink("config", &link).await.unwrap();
        fs::replace(&link, "by the link").await.unwrap();
        assert!(fs::symlink_metadata(&link).await.unwrap().is_symlink());
        assert_eq!(fs::read(&path).await.unwrap(), b"by the link");
        fs::remove_file(&link).await.unwrap();
        // Nothing is left beside it, also where it cannot be done.
        let error = fs::replace(directory.path(), "a directory")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("replacing"), "{error}");
        let mut entries = fs::read_dir(directory.path()).await.unwrap();
        let only = entries.next_entry().await.unwrap().unwrap();
        assert_eq!(only.file_name(), "config");
        assert!(entries.next_entry().await.unwrap().is_none());
    });
}

#[apply(on_each_driver)]
fn temporary_things_are_gone_afterwards() {
    let runtime = runtime(1);
    let (closed, dropped) = runtime.block_on(async {
        let file = fs::temporary_file().await.unwrap();
        file.write_all_at("x", 0).await.0.unwrap();
        let first = directory().await;
        let path = first.path().to_owned();
        fs::write(path.join("file"), "x").await.unwrap();
        soon("the end", first.close()).await.unwrap();
        assert!(!path.exists());
        let second = directory().await;
        (path, second.path().to_owned())
    });
    assert!(!closed.exists());
    eventually("the removal", || !dropped.exists());
}
