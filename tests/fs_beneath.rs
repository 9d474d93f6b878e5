//! What strangers' paths open: what is beneath a directory, and nothing else, also while links change,
//! and on kernels without openat2(2).

mod kit;

use kit::child;
use kit::driver::{apply, on_each_driver};
use kit::runtime;
use kit::seccomp;
use kit::wait::soon;
use ringmill::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// `root`, with files in it, and `secret` beside it.
fn tree(base: &Path) {
    let root = base.join("root");
    std::fs::create_dir_all(root.join("sub/deep")).unwrap();
    std::fs::write(root.join("file"), "inside").unwrap();
    std::fs::write(root.join("sub/page"), "page").unwrap();
    std::fs::write(base.join("secret"), "secret").unwrap();
    // Begins as the root does.
    std::fs::create_dir(base.join("root-beside")).unwrap();
    std::fs::write(base.join("root-beside/file"), "secret").unwrap();
    symlink("../file", root.join("sub/in")).unwrap();
    symlink("../../secret", root.join("sub/out")).unwrap();
    symlink("../root-beside", root.join("beside")).unwrap();
    symlink(base.join("secret"), root.join("absolute")).unwrap();
    symlink("/proc/self/root", root.join("magic")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    let fifo = root.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
}

async fn read(directory: &File, path: &str) -> std::io::Result<Vec<u8>> {
    let open = File::open_beneath(directory, path);
    let (file, metadata) = soon("the open", open).await?;
    let len = metadata.len() as usize;
    let (read, bytes) = file.read_exact_at(vec![0; len], 0).await;
    read.map(|()| bytes)
}

async fn check_all() {
    let base = fs::temporary_directory().await.unwrap();
    tree(base.path());
    let root = File::open(base.path().join("root")).await.unwrap();
    for (path, bytes) in [
        ("file", "inside"),
        ("sub/page", "page"),
        ("sub/../file", "inside"),
        ("./sub//page", "page"),
        ("sub/in", "inside"),
    ] {
        assert_eq!(read(&root, path).await.unwrap(), bytes.as_bytes(), "{path}");
    }
    for path in [
        "..",
        "../secret",
        "sub/../../secret",
        "sub/deep/../../../secret",
        "sub/out",
        "beside",
        "beside/file",
        "absolute",
        "/etc/passwd",
        "magic",
        "magic/etc/passwd",
    ] {
        let error = read(&root, path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CrossesDevices, "{path}: {error}");
    }
    for (path, errno) in [
        ("nothing", libc::ENOENT),
        ("", libc::ENOENT),
        ("file/more", libc::ENOTDIR),
        ("loop", libc::ELOOP),
    ] {
        let error = read(&root, path).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(errno), "{path}: {error}");
    }
    assert!(read(&root, "nul\0").await.is_err());
    // Directories and FIFOs are opened at once, and said to be what they are.
    let (sub, metadata) = File::open_beneath(&root, "sub").await.unwrap();
    assert!(metadata.is_dir());
    assert_eq!(read(&sub, "page").await.unwrap(), b"page");
    assert!(read(&sub, "in").await.is_err(), "beneath this one");
    let (_, metadata) = soon("the FIFO", File::open_beneath(&root, "fifo"))
        .await
        .unwrap();
    assert!(metadata.file_type().is_fifo());
}

#[apply(on_each_driver)]
fn only_what_is_beneath_a_directory_is_opened() {
    runtime(1).block_on(check_all());
}

#[apply(on_each_driver)]
fn so_it_is_where_the_kernel_does_not_know_how() {
    child::alone("so_it_is_where_the_kernel_does_not_know_how", || {
        seccomp::deny(libc::SYS_openat2, libc::ENOSYS);
        runtime(1).block_on(check_all());
    });
}

#[apply(on_each_driver)]
fn and_where_a_profile_denies_it() {
    child::alone("and_where_a_profile_denies_it", || {
        seccomp::deny(libc::SYS_openat2, libc::EPERM);
        runtime(1).block_on(check_all());
    });
}

/// Reads through a link that leads in and out by turns, until both were met often.
fn check_while_a_link_changes() {
    const EACH: usize = 200;
    let base = tempfile::tempdir().unwrap();
    tree(base.path());
    std::fs::write(base.path().join("root-beside/page"), "secret").unwrap();
    let path = base.path().join("root");
    symlink("sub", path.join("turn")).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let to = ["sub", "../root-beside"][number % 2];
                symlink(to, path.join("next")).unwrap();
                std::fs::rename(path.join("next"), path.join("turn")).unwrap();
            }
        });
        // Also when what is below panics.
        let _over = AtEnd(|| over.store(true, Ordering::Relaxed));
        runtime(1).block_on(async {
            let root = File::open(&path).await.unwrap();
            let (mut inside, mut refused) = (0, 0);
            let both = async {
                while inside < EACH || refused < EACH {
                    match read(&root, "turn/page").await {
                        Ok(bytes) => {
                            assert_eq!(bytes, b"page");
                            inside += 1;
                        }
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::CrossesDevices, "{error}");
                            refused += 1;
                        }
                    }
                }
            };
            soon("both", both).await;
            println!("{inside} inside, {refused} refused");
        });
    });
}

/// Does something at the end of a scope.
struct AtEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[apply(on_each_driver)]
fn a_link_that_changes_leads_out_at_no_moment() {
    check_while_a_link_changes();
}

#[apply(on_each_driver)]
fn nor_does_it_where_the_kernel_does_not_know_how() {
    child::alone("nor_does_it_where_the_kernel_does_not_know_how", || {
        seccomp::deny(libc::SYS_openat2, libc::ENOSYS);
        check_while_a_link_changes();
    });
}
