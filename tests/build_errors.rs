//! Refusals at the start: each names the call, the likely cause and the remedy, and leaves nothing.

mod kit;

use kit::child::alone;
use kit::driver::{apply, on_each_driver, on_uring};
use kit::wait::soon;
use kit::{builder, process, runtime, seccomp};
use nix::sys::resource::{Resource, getrlimit};
use ringmill::net::TcpListener;
use ringmill::{BuildError, Builder, Runtime, SpinPolicy, serve};
use std::io::{self, ErrorKind};
use std::time::Duration;

/// The refusal; a runtime has no `Debug`.
fn refused(built: Result<Runtime, BuildError>) -> BuildError {
    match built {
        Ok(_) => panic!("a runtime was built"),
        Err(error) => error,
    }
}

/// Checks that everything that the error knows is said, and what it is.
fn assert_tells(error: &BuildError, call: &str, cause: &str, remedy: &str) {
    assert_eq!(error.call(), call, "{error}");
    assert!(error.cause().contains(cause), "{error}");
    assert!(error.remedy().contains(remedy), "{error}");
    let all = error.to_string();
    let parts = [call, error.cause(), error.remedy()];
    assert!(parts.iter().all(|part| all.contains(part)), "{error}");
    assert!(all.contains(&error.io_error().to_string()), "{error}");
}

/// Builds where `call` is denied with `errno`.
fn denied(call: i64, errno: i32) -> BuildError {
    let before = process::descriptors();
    seccomp::deny(call, errno);
    let error = refused(builder(2).build());
    assert_eq!(error.io_error().raw_os_error(), Some(errno));
    assert_eq!(process::descriptors(), before);
    let kind = error.io_error().kind();
    assert_eq!(io::Error::from(error).kind(), kind);
    refused(builder(1).build())
}

#[apply(on_uring)]
fn io_uring_denied_with_eperm_is_told_from_the_sysctl() {
    alone("io_uring_denied_with_eperm_is_told_from_the_sysctl", || {
        let error = denied(libc::SYS_io_uring_setup, libc::EPERM);
        let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
        match disabled.as_deref().map(str::trim) {
            Ok("1" | "2") => assert_tells(&error, "io_uring_setup", "sysctl", "sysctl"),
            _ => assert_tells(
                &error,
                "io_uring_setup",
                "seccomp",
                "--security-opt seccomp",
            ),
        }
    });
}

#[apply(on_uring)]
fn io_uring_denied_with_eacces_names_the_profile() {
    alone("io_uring_denied_with_eacces_names_the_profile", || {
        let error = denied(libc::SYS_io_uring_setup, libc::EACCES);
        assert_tells(&error, "io_uring_setup", "seccomp", "io_uring_enter");
    });
}

#[apply(on_uring)]
fn io_uring_that_is_not_there_names_the_kernel() {
    alone("io_uring_that_is_not_there_names_the_kernel", || {
        let error = denied(libc::SYS_io_uring_setup, libc::ENOSYS);
        assert_tells(&error, "io_uring_setup", "no io_uring", "5.19");
    });
}

#[apply(on_uring)]
fn io_uring_half_denied_names_the_call_that_is_missing() {
    alone(
        "io_uring_half_denied_names_the_call_that_is_missing",
        || {
            let error = denied(libc::SYS_io_uring_enter, libc::EPERM);
            assert_tells(&error, "io_uring_enter", "seccomp", "io_uring_enter");
            let error = denied(libc::SYS_io_uring_register, libc::EPERM);
            assert!(error.call().starts_with("io_uring_register"), "{error}");
        },
    );
}

#[test]
fn options_out_of_range_are_named() {
    let cases: [(&str, Builder); 11] = [
        ("loops", Builder::new().loops(0)),
        ("ring_entries", Builder::new().ring_entries(0)),
        ("ring_entries", Builder::new().ring_entries(32_769)),
        (
            "completion_entries",
            Builder::new().ring_entries(64).completion_entries(63),
        ),
        (
            "completion_entries",
            Builder::new().completion_entries(65_537),
        ),
        ("buffer_pool", Builder::new().buffer_pool(0, 4_096)),
        ("buffer_pool", Builder::new().buffer_pool(1_000, 4_096)),
        ("buffer_pool", Builder::new().buffer_pool(8, 63)),
        ("buffer_pool", Builder::new().buffer_pool(8, (1 << 20) + 1)),
        ("poll_budget", Builder::new().poll_budget(0)),
        ("name", Builder::new().name("a\0b")),
    ];
    for (option, builder) in cases {
        let error = refused(builder.build());
        assert_tells(&error, "Builder::build", "option", option);
        assert_eq!(error.io_error().kind(), ErrorKind::InvalidInput);
        assert!(error.io_error().to_string().contains(option), "{error}");
    }
}

#[apply(on_each_driver)]
fn options_at_the_ends_of_their_ranges_work() {
    let settings = [
        builder(1).ring_entries(1).completion_entries(1),
        builder(1).ring_entries(32_768),
        builder(1).ring_entries(3).completion_entries(5),
        builder(1).buffer_pool(1, 64),
        builder(1).buffer_pool(32_768, 64),
        builder(1).buffer_pool(2, 1 << 20),
        builder(1).poll_budget(1).time_budget(Duration::ZERO),
        builder(1).poll_budget(u32::MAX).time_budget(Duration::MAX),
        builder(1).drain_timeout(Duration::ZERO).name(""),
        builder(1).name("a name that is longer than the kernel shows"),
        builder(2).pin(true),
        builder(9).pin(true),
        builder(2).spin(SpinPolicy::UpTo(Duration::MAX)).pin(false),
    ];
    for (n, builder) in settings.into_iter().enumerate() {
        let runtime = match builder.build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("setting {n}: {error}"),
        };
        let sum = runtime.block_on(async {
            let tasks = ringmill::Handle::current().spawn_on_each(|index| async move {
                ringmill::time::sleep(Duration::from_micros(10)).await;
                ringmill::yield_now().await;
                index
            });
            let mut sum = 0;
            for task in tasks {
                sum += soon("a loop", task).await.unwrap();
            }
            sum
        });
        let loops = runtime.handle().loops().len();
        assert_eq!(sum, loops * (loops - 1) / 2, "setting {n}");
    }
}

/// Becomes a user without privileges, for whom limits hold.
fn become_nobody() -> bool {
    // SAFETY: plain integers.
    unsafe { libc::geteuid() != 0 || libc::setuid(65_534) == 0 }
}

#[apply(on_uring)]
fn no_memory_to_lock_is_named_or_does_not_matter() {
    alone("no_memory_to_lock_is_named_or_does_not_matter", || {
        assert!(become_nobody());
        process::limit(Resource::RLIMIT_MEMLOCK, 0);
        // Kernels from 5.12 on count the memory with the control group's instead.
        match builder(2).build() {
            Ok(runtime) => assert_eq!(runtime.block_on(async { 1 }), 1),
            Err(error) => {
                assert!(error.cause().contains("RLIMIT_MEMLOCK"), "{error}");
                assert!(error.remedy().contains("ulimit -l"), "{error}");
            }
        }
    });
}

#[apply(on_each_driver)]
fn no_memory_for_the_pool_names_the_pool() {
    alone("no_memory_for_the_pool_names_the_pool", || {
        process::limit(Resource::RLIMIT_AS, 4 << 30);
        let before = process::descriptors();
        let error = refused(builder(1).buffer_pool(32_768, 1 << 20).build());
        assert_tells(&error, "mmap", "memory", "Builder::buffer_pool");
        assert_eq!(process::descriptors(), before);
        drop(runtime(1));
    });
}

#[apply(on_each_driver)]
fn no_thread_names_the_limit_and_ends_those_that_were_started() {
    alone(
        "no_thread_names_the_limit_and_ends_those_that_were_started",
        || {
            let before = (process::descriptors(), process::threads());
            assert!(become_nobody());
            process::limit(Resource::RLIMIT_NPROC, 0);
            let error = refused(builder(3).build());
            assert_tells(&error, "thread::spawn", "RLIMIT_NPROC", "Builder::loops");
            assert_eq!((process::descriptors(), process::threads()), before);
            assert_eq!(runtime(1).block_on(async { 1 }), 1);
        },
    );
}

#[apply(on_each_driver)]
fn no_descriptor_for_any_step_is_named_and_leaks_none() {
    alone("no_descriptor_for_any_step_is_named_and_leaks_none", || {
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let mut refusals = 0;
        // One descriptor more each time, until there are enough: every step fails once.
        for room in 0.. {
            let before = process::descriptors();
            let fillers = process::limit_descriptors(room);
            let built = builder(2).build();
            drop(fillers);
            process::limit(Resource::RLIMIT_NOFILE, soft);
            match built {
                Ok(_) => break,
                Err(error) => {
                    assert_eq!(error.io_error().raw_os_error(), Some(libc::EMFILE));
                    assert!(error.cause().contains("descriptors"), "{error}");
                    assert!(error.remedy().contains("ulimit -n"), "{error}");
                }
            }
            assert_eq!(process::descriptors(), before, "with room for {room}");
            refusals += 1;
        }
        assert!(refusals >= 3, "{refusals}");
    });
}

// Listening.

#[apply(on_each_driver)]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let check = |error: io::Error| {
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    };
    for loops in [1, 2] {
        let runtime = runtime(loops);
        runtime.block_on(async {
            check(TcpListener::bind(address).await.unwrap_err());
            let server = serve(address, async |_, _| {}).signals(false);
            check(soon("the refusal", server.into_future()).await.unwrap_err());
        });
    }
}

#[apply(on_each_driver)]
fn a_second_server_on_the_same_port_is_refused() {
    for loops in [1, 2] {
        let runtime = runtime(loops);
        runtime.block_on(async {
            let bound = std::rc::Rc::new(std::cell::Cell::new(None));
            let first = ringmill::spawn({
                let bound = bound.clone();
                serve("127.0.0.1:0", async |_, _| {})
                    .signals(false)
                    .on_ready(move |address| bound.set(Some(address)))
                    .into_future()
            });
            kit::wait::until("the first server", || bound.get().is_some()).await;
            let second = serve(bound.get().unwrap(), async |_, _| {}).signals(false);
            let error = soon("the refusal", second.into_future()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse, "with {loops} loops");
            first.abort();
        });
    }
}

#[apply(on_each_driver)]
fn an_address_that_is_not_local_is_named() {
    // TEST-NET-3 of RFC 5737: nobody's.
    let runtime = runtime(1);
    let error = runtime
        .block_on(TcpListener::bind("203.0.113.1:0"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    assert!(error.to_string().contains("203.0.113.1:0"), "{error}");
}
