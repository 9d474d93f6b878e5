//! Where io_uring is denied: the runtime works on epoll, and says so once.

mod kit;

use kit::child::{DRIVER, Ended, Running, is_child};
use kit::tcp::ANY;
use kit::{seccomp, wait::soon};
use ringmill::net::{TcpListener, TcpStream};
use ringmill::{BuildError, Builder, DriverKind, Handle, Runtime, Tier, spawn};

/// What the child that has a variable set to `value` is to do.
enum With<'a> {
    Nothing,
    Variable(&'a str),
}

/// Runs `body` in a child. Gives what became of it, to the parent alone.
fn child(name: &str, with: With<'_>, body: impl FnOnce()) -> Option<Ended> {
    if is_child(name) {
        body();
        return None;
    }
    let child = match with {
        With::Nothing => Running::start(name),
        With::Variable(value) => Running::start_with_driver(name, value),
    };
    let ended = child.finish();
    ended.assert_passed(name);
    Some(ended)
}

/// What the child's runtimes said.
fn told(ended: &Ended) -> Vec<&str> {
    let lines = ended.errors.iter().map(String::as_str);
    lines.filter(|line| line.starts_with("ringmill:")).collect()
}

fn build(builder: Builder) -> Runtime {
    match builder.build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("{error}"),
    }
}

/// The refusal; a runtime has no `Debug`.
fn refused(builder: Builder) -> BuildError {
    match builder.build() {
        Ok(runtime) => panic!("it was built: {}", runtime.handle().driver()),
        Err(error) => error,
    }
}

/// Bytes there and back, over TCP, on each loop.
fn echo(runtime: &Runtime) {
    runtime.block_on(async {
        for task in Handle::current().spawn_on_each(|index| async move {
            let mut listener = TcpListener::bind(ANY).await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                while let Some(bytes) = stream.recv().await.unwrap() {
                    stream.send(bytes).await.0.unwrap();
                }
            });
            let mut client = TcpStream::connect(address).await.unwrap();
            let asked = [index as u8; 1_000];
            client.write_all(&asked).await.unwrap();
            let mut room = [0; 1_000];
            soon("the echo", client.read_exact(&mut room))
                .await
                .unwrap();
            assert_eq!(room, asked);
            drop(client);
            soon("the server", server).await.unwrap();
        }) {
            soon("a loop", task).await.unwrap();
        }
    });
}

/// Builds several runtimes, one after the other and two at once, and checks what they are on.
fn all_on(kind: DriverKind, make: fn() -> Builder) {
    let check = |runtime: Runtime| {
        let driver = runtime.handle().driver();
        assert_eq!(driver.kind, kind);
        assert_eq!(driver.tier == Tier::Epoll, kind == DriverKind::Epoll);
        echo(&runtime);
    };
    for loops in [1, 2] {
        check(build(make().loops(loops)));
    }
    let (one, two) = (build(make().loops(1)), build(make().loops(1)));
    check(one);
    check(two);
    assert_eq!(ringmill::block_on(async { 5 }).unwrap(), 5);
}

fn auto() -> Builder {
    Builder::new()
}

/// Checks that a runtime works on epoll where `call` is denied with `errno`, and that one line
/// names the call that failed, the cause, and the variable by which to choose.
fn falls_back(name: &str, call: i64, errno: i32, names: &[&str]) {
    let ended = child(name, With::Nothing, || {
        seccomp::deny(call, errno);
        all_on(DriverKind::Epoll, auto);
    });
    let Some(ended) = ended else { return };
    let told = told(&ended);
    assert_eq!(told.len(), 1, "{}", ended.output);
    for part in names.iter().chain(&["epoll", DRIVER]) {
        assert!(told[0].contains(part), "no {part:?} in {}", told[0]);
    }
}

/// What is behind an EPERM of io_uring_setup here, where a filter gives it to a process that may
/// not have been allowed anyway.
fn cause_of_eperm() -> &'static str {
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    match disabled.as_deref().map(str::trim) {
        Ok("1" | "2") => "sysctl",
        _ => "seccomp",
    }
}

#[test]
fn io_uring_denied_with_eperm_makes_it_epoll() {
    falls_back(
        "io_uring_denied_with_eperm_makes_it_epoll",
        libc::SYS_io_uring_setup,
        libc::EPERM,
        &["io_uring_setup", cause_of_eperm()],
    );
}

#[test]
fn io_uring_denied_with_eacces_makes_it_epoll() {
    falls_back(
        "io_uring_denied_with_eacces_makes_it_epoll",
        libc::SYS_io_uring_setup,
        libc::EACCES,
        &["io_uring_setup", "seccomp"],
    );
}

#[test]
fn io_uring_that_is_not_there_makes_it_epoll() {
    falls_back(
        "io_uring_that_is_not_there_makes_it_epoll",
        libc::SYS_io_uring_setup,
        libc::ENOSYS,
        &["io_uring_setup", "no io_uring"],
    );
}

#[test]
fn rings_that_cannot_be_entered_make_it_epoll() {
    falls_back(
        "rings_that_cannot_be_entered_make_it_epoll",
        libc::SYS_io_uring_enter,
        libc::EPERM,
        &["io_uring_enter", cause_of_eperm()],
    );
}

#[test]
fn rings_that_cannot_be_registered_with_make_it_epoll() {
    falls_back(
        "rings_that_cannot_be_registered_with_make_it_epoll",
        libc::SYS_io_uring_register,
        libc::EPERM,
        &["io_uring_register", cause_of_eperm()],
    );
}

#[test]
fn io_uring_that_works_is_used_without_a_word() {
    const NAME: &str = "io_uring_that_works_is_used_without_a_word";
    let ended = child(NAME, With::Nothing, || all_on(DriverKind::Uring, auto));
    if let Some(ended) = ended {
        assert_eq!(told(&ended), [""; 0]);
    }
}

// The environment variable.

#[test]
fn the_variable_chooses_epoll_without_a_word() {
    const NAME: &str = "the_variable_chooses_epoll_without_a_word";
    let ended = child(NAME, With::Variable("epoll"), || {
        all_on(DriverKind::Epoll, auto);
    });
    if let Some(ended) = ended {
        assert_eq!(told(&ended), [""; 0]);
    }
}

#[test]
fn the_variable_that_says_auto_changes_nothing() {
    const NAME: &str = "the_variable_that_says_auto_changes_nothing";
    let ended = child(NAME, With::Variable("auto"), || {
        all_on(DriverKind::Uring, auto);
        seccomp::deny(libc::SYS_io_uring_setup, libc::EPERM);
        all_on(DriverKind::Epoll, auto);
    });
    if let Some(ended) = ended {
        assert_eq!(told(&ended).len(), 1, "{}", ended.output);
    }
}

#[test]
fn the_variable_that_says_uring_makes_a_denial_an_error() {
    const NAME: &str = "the_variable_that_says_uring_makes_a_denial_an_error";
    let ended = child(NAME, With::Variable("uring"), || {
        all_on(DriverKind::Uring, auto);
        seccomp::deny(libc::SYS_io_uring_setup, libc::EPERM);
        for loops in [1, 2] {
            let error = refused(auto().loops(loops));
            assert_eq!(error.call(), "io_uring_setup", "{error}");
            assert_eq!(error.io_error().raw_os_error(), Some(libc::EPERM));
        }
        assert!(ringmill::block_on(async {}).is_err());
    });
    if let Some(ended) = ended {
        assert_eq!(told(&ended), [""; 0]);
    }
}

#[test]
fn a_variable_that_names_no_driver_is_an_error_that_lists_them() {
    const NAME: &str = "a_variable_that_names_no_driver_is_an_error_that_lists_them";
    child(NAME, With::Variable("nonsense"), || {
        let error = refused(auto().loops(1)).to_string();
        for part in [DRIVER, "nonsense", "auto", "uring", "epoll"] {
            assert!(error.contains(part), "no {part:?} in {error}");
        }
    });
}

// The builder.

#[test]
fn a_driver_that_the_builder_names_wins_over_the_variable() {
    const NAME: &str = "a_driver_that_the_builder_names_wins_over_the_variable";
    for other in ["uring", "epoll"] {
        let ended = child(NAME, With::Variable(other), || {
            for kind in [DriverKind::Uring, DriverKind::Epoll] {
                let runtime = build(Builder::new().loops(2).driver(kind));
                assert_eq!(runtime.handle().driver().kind, kind);
                echo(&runtime);
            }
        });
        match ended {
            Some(ended) => assert_eq!(told(&ended), [""; 0]),
            None => return,
        }
    }
}

#[test]
fn epoll_by_the_builder_needs_no_io_uring_and_says_nothing() {
    const NAME: &str = "epoll_by_the_builder_needs_no_io_uring_and_says_nothing";
    let ended = child(NAME, With::Nothing, || {
        seccomp::deny(libc::SYS_io_uring_setup, libc::EPERM);
        let runtime = build(Builder::new().loops(2).driver(DriverKind::Epoll));
        assert_eq!(runtime.handle().driver().tier, Tier::Epoll);
        echo(&runtime);
    });
    if let Some(ended) = ended {
        assert_eq!(told(&ended), [""; 0]);
    }
}
