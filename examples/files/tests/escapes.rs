//! Nothing outside of the root is served, and nothing that is no file.

use super::Site;
use crate::kit::child;
use crate::kit::driver::{apply, on_each_driver};
use crate::kit::seccomp;
use crate::kit::wait::NEVER;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

fn check_all() {
    let site = Site::start();
    let mut client = site.connect();
    site.write("file", "inside");
    site.write("sub/page", "page");
    site.write("sub/..\\..\\secret", "a name");
    site.write("%2e%2e", "a name, too");
    symlink("../file", site.path("sub/in")).unwrap();
    symlink("../../secret", site.path("sub/out")).unwrap();
    symlink("..", site.path("up")).unwrap();
    symlink(site.base.path().join("secret"), site.path("absolute")).unwrap();
    symlink("/", site.path("slash")).unwrap();
    symlink("/proc/self/root", site.path("magic")).unwrap();
    symlink("/dev/zero", site.path("zero")).unwrap();
    symlink("loop", site.path("loop")).unwrap();
    fs::create_dir(site.path("index")).unwrap();
    symlink("../../secret", site.path("index/index.html")).unwrap();

    client.expect("/sub/in", &[], 200, "inside");
    client.expect("/sub/..%5c..%5csecret", &[], 200, "a name");
    client.expect("/%252e%252e", &[], 200, "a name, too");
    for target in [
        "/..",
        "/../",
        "/../secret",
        "/sub/../../secret",
        "/sub/../file",
        "/./file",
        "/%2e%2e/secret",
        "/%2E%2e/secret",
        "/.%2e/secret",
        "/%2e./secret",
        "/sub/%2e%2e/%2e%2e/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/sub%2fpage",
        "/%2fetc%2fpasswd",
        "/file%00",
        "/file%00.html",
        "/%00",
    ] {
        client.expect_status(target, 400);
    }
    for target in [
        "//",
        "//etc/passwd",
        "//secret",
        "/sub//page",
        "/sub/page//",
        "/etc/passwd",
        "/%252e%252e/secret",
        "/%252e%252e%252fsecret",
        "/..%5csecret",
        "/..\\secret",
        "/%c0%ae%c0%ae/secret",
        "/%ff%fe",
        "/.../secret",
        "/..;/secret",
        "/%u002e%u002e/secret",
        "/loop",
        "/http://test/file",
    ] {
        client.expect_status(target, 404);
    }
    for target in [
        "/sub/out",
        "/up",
        "/up/",
        "/up/secret",
        "/absolute",
        "/slash",
        "/slash/",
        "/slash/etc/passwd",
        "/magic/etc/passwd",
        "/zero",
        "/index/",
    ] {
        client.expect_status(target, 403);
    }
    // A target may be a whole URI.
    client.expect("http://elsewhere/file", &[], 200, "inside");
    client.expect_status("http://elsewhere/../secret", 400);
    drop(client);
    site.end();
}

#[apply(on_each_driver)]
fn no_path_leaves_the_root() {
    check_all();
}

#[apply(on_each_driver)]
fn nor_does_one_where_the_kernel_cannot_see_to_it() {
    let name = "tests::escapes::nor_does_one_where_the_kernel_cannot_see_to_it";
    child::alone(name, || {
        seccomp::deny(libc::SYS_openat2, libc::ENOSYS);
        check_all();
    });
}

#[apply(on_each_driver)]
fn no_redirect_leads_to_another_host() {
    let site = Site::start();
    let mut client = site.connect();
    fs::create_dir_all(site.path("evil.test")).unwrap();
    fs::create_dir_all(site.path("\\evil.test")).unwrap();
    client.expect_status("//evil.test", 404);
    for target in ["/\\evil.test", "/%5Cevil.test"] {
        let reply = client.get(target);
        assert_eq!(reply.status, 301, "{target}");
        assert_eq!(reply.header("location"), Some("/%5Cevil.test/"));
    }
    drop(client);
    site.end();
}

#[apply(on_each_driver)]
fn a_link_that_is_changed_meanwhile_leads_out_at_no_moment() {
    const EACH: usize = 100;
    let site = Site::start();
    site.write("sub/page", "page");
    let outside = site.base.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("page"), "secret").unwrap();
    symlink("sub", site.path("turn")).unwrap();
    let over = AtomicBool::new(false);
    let turn = |to: &str| {
        symlink(to, site.path("next")).unwrap();
        fs::rename(site.path("next"), site.path("turn")).unwrap();
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                turn("../outside");
                turn("sub");
            }
        });
        let ask = || {
            let mut client = site.connect();
            let (mut inside, mut refused) = (0, 0);
            let start = Instant::now();
            while (inside < EACH || refused < EACH) && start.elapsed() < NEVER {
                let reply = client.get("/turn/page");
                match (reply.status, &*reply.text()) {
                    (200, "page") => inside += 1,
                    (403, _) => refused += 1,
                    (status, text) => return Err(format!("{status}: {text}")),
                }
            }
            Ok((inside, refused))
        };
        let asked = ask();
        over.store(true, Ordering::Relaxed);
        let (inside, refused) = asked.unwrap();
        assert!(inside >= EACH && refused >= EACH, "{inside}, {refused}");
    });
    site.end();
}

/// Makes a character device; who is not root may not.
fn make_device(path: &Path, major: u32, minor: u32) -> bool {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
    let mode = libc::S_IFCHR | 0o666;
    // SAFETY: a string that ends with a zero, and plain integers.
    unsafe { libc::mknod(path.as_ptr(), mode, libc::makedev(major, minor)) == 0 }
}

#[apply(on_each_driver)]
fn what_is_no_file_is_refused_and_hangs_nothing() {
    // More than the pool has threads, if each request took one for good.
    const TIMES: usize = 600;
    let site = Site::start();
    let mut client = site.connect();
    nix::unistd::mkfifo(&site.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(site.path("socket")).unwrap();
    for _ in 0..TIMES {
        client.expect_status("/fifo", 403);
    }
    client.expect_status("/fifo/", 404);
    client.expect_status("/socket", 403);
    // One that never ends, and one without a driver.
    for (name, major, minor) in [("zero", 1, 5), ("none", 240, 77)] {
        if make_device(&site.path(name), major, minor) {
            client.expect_status(&format!("/{name}"), 403);
        }
    }
    site.write("file", "text");
    client.expect("/file", &[], 200, "text");
    drop(client);
    site.end();
}
