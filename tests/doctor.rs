//! The doctor tells what is: on this machine, and in processes that something is taken from.

mod kit;

use kit::child::alone;
use kit::driver::{apply, on_uring};
use kit::{builder, process, seccomp};
use nix::sys::resource::{Resource, getrlimit};
use ringmill::doctor::{Check, Report, Status};
use ringmill::{DriverKind, Tier, doctor};
use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;

#[track_caller]
fn check<'a>(report: &'a Report, name: &str) -> &'a Check {
    let found = report.checks().iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no check {name} in\n{report}"))
}

/// Examines, and checks what holds of every report.
#[track_caller]
fn examine() -> Report {
    let before = process::descriptors();
    let report = doctor();
    assert_eq!(process::descriptors(), before, "a descriptor is left");
    let mut names = HashSet::new();
    let text = report.to_string();
    for check in report.checks() {
        assert!(names.insert(check.name), "{} comes twice", check.name);
        assert!(text.contains(check.name), "{}", check.name);
        if check.status > Status::Good {
            assert!(!check.meaning.is_empty(), "{check:?}");
        }
        if check.status > Status::Note {
            assert!(check.remedy.is_some(), "{check:?}");
        }
    }
    for line in text.lines() {
        // What was found may be a long path of the system's.
        let fits = line.chars().count() <= 80 || line.contains('/');
        assert!(fits, "{line}");
    }
    let last = text.lines().last().expect("a verdict");
    let verdict = format!("verdict: {}", report.tier());
    assert!(last.starts_with(&verdict), "{last}");
    let tiers = [Tier::Full, Tier::Degraded, Tier::Epoll];
    let code = usize::from(report.exit_code());
    assert_eq!(tiers.get(code), Some(&report.tier()));
    report
}

/// Checks that the doctor agrees with a runtime.
#[track_caller]
fn assert_agrees(report: &Report) {
    match builder(1).driver(DriverKind::Uring).build() {
        Ok(runtime) => assert_eq!(report.tier(), runtime.handle().driver().tier, "{report}"),
        Err(error) => assert_eq!(report.tier(), Tier::Epoll, "{error}\n{report}"),
    }
}

// Alone, where descriptors are counted: other tests of this binary have some, too.

#[apply(on_uring)]
fn the_tier_is_that_of_a_runtime() {
    alone("the_tier_is_that_of_a_runtime", || {
        let report = examine();
        assert_agrees(&report);
        // A second look finds the same, also from inside a loop.
        let runtime = builder(1).build().expect("a runtime");
        let inside = runtime.block_on(async { doctor() });
        assert_eq!(inside.tier(), report.tier());
        let names = |report: &Report| -> Vec<&str> {
            report.checks().iter().map(|check| check.name).collect()
        };
        assert_eq!(names(&inside), names(&report));
    });
}

#[test]
fn where_io_uring_works_its_calls_and_operations_do() {
    let report = doctor();
    if report.tier() == Tier::Epoll {
        println!("skipped: no io_uring here");
        return;
    }
    let names = [
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "CQSIZE, CLAMP",
        "EXT_ARG",
        "NODROP",
        "exist",
        "accept, multishot",
    ];
    for name in names {
        assert_eq!(check(&report, name).status, Status::Good, "{report}");
    }
    if report.tier() == Tier::Full {
        for name in ["DEFER_TASKRUN", "NO_IOWAIT", "receive, multishot"] {
            assert_eq!(check(&report, name).status, Status::Good, "{report}");
        }
    }
}

/// Examines where `call` is denied, and gives the check of it.
#[track_caller]
fn denied(call: (i64, &str), errno: (i32, &str)) -> Report {
    seccomp::deny(call.0, errno.0);
    let report = examine();
    assert_eq!(report.tier(), Tier::Epoll, "{report}");
    assert_eq!(report.exit_code(), 2);
    let refused = check(&report, call.1);
    assert_eq!(refused.status, Status::Missing, "{report}");
    assert!(refused.found.contains(errno.1), "{refused:?}");
    let remedy = refused.remedy.as_deref().expect("a remedy");
    let needed = [
        "seccomp profile",
        "--security-opt seccomp=",
        "\"io_uring_setup\", \"io_uring_enter\"",
        "\"SCMP_ACT_ALLOW\"",
        "localhostProfile:",
        "SystemCallFilter=",
    ];
    // Where the system's own switch is off, that is the remedy.
    let switched_off = remedy.contains("sysctl kernel.io_uring_disabled=0");
    let told = needed.iter().all(|part| remedy.contains(part));
    assert!(told || switched_off, "{remedy}");
    assert!(check(&report, "seccomp").found.contains("filter"));
    assert_agrees(&report);
    report
}

const SETUP: (i64, &str) = (libc::SYS_io_uring_setup, "io_uring_setup");
const ENTER: (i64, &str) = (libc::SYS_io_uring_enter, "io_uring_enter");
const REGISTER: (i64, &str) = (libc::SYS_io_uring_register, "io_uring_register");
const EPERM: (i32, &str) = (libc::EPERM, "EPERM");

#[apply(on_uring)]
fn setup_denied_with_eperm_is_named() {
    alone("setup_denied_with_eperm_is_named", || {
        let report = denied(SETUP, EPERM);
        // The others pass the filter: they are not accused.
        for name in ["io_uring_enter", "io_uring_register"] {
            assert_eq!(check(&report, name).status, Status::Good, "{report}");
        }
    });
}

#[apply(on_uring)]
fn setup_denied_with_eacces_is_named() {
    alone("setup_denied_with_eacces_is_named", || {
        denied(SETUP, (libc::EACCES, "EACCES"));
    });
}

#[apply(on_uring)]
fn setup_that_is_hidden_is_named() {
    alone("setup_that_is_hidden_is_named", || {
        let report = denied(SETUP, (libc::ENOSYS, "ENOSYS"));
        let remedy = check(&report, "io_uring_setup").remedy.as_deref();
        assert!(remedy.is_some_and(|remedy| remedy.contains("5.19")));
    });
}

#[apply(on_uring)]
fn enter_alone_denied_is_named() {
    alone("enter_alone_denied_is_named", || {
        let report = denied(ENTER, EPERM);
        assert_eq!(check(&report, "io_uring_register").status, Status::Good);
    });
}

#[apply(on_uring)]
fn register_alone_denied_is_named() {
    alone("register_alone_denied_is_named", || {
        let report = denied(REGISTER, EPERM);
        assert_eq!(check(&report, "io_uring_enter").status, Status::Good);
    });
}

#[apply(on_uring)]
fn all_three_denied_get_one_remedy_in_the_text() {
    alone("all_three_denied_get_one_remedy_in_the_text", || {
        for call in [SETUP, ENTER, REGISTER] {
            seccomp::deny(call.0, libc::EPERM);
        }
        let report = examine();
        assert_eq!(report.tier(), Tier::Epoll);
        for (_, name) in [SETUP, ENTER, REGISTER] {
            assert_eq!(check(&report, name).status, Status::Missing, "{report}");
        }
        assert_eq!(report.to_string().matches("SCMP_ACT_ALLOW").count(), 1);
    });
}

#[apply(on_uring)]
fn epoll_without_nanoseconds_is_told() {
    alone("epoll_without_nanoseconds_is_told", || {
        seccomp::deny(libc::SYS_epoll_pwait2, libc::ENOSYS);
        let report = examine();
        let epoll = check(&report, "epoll");
        assert_eq!(epoll.status == Status::Note, report.tier() > Tier::Epoll);
        assert!(epoll.meaning.contains("milliseconds"), "{epoll:?}");
    });
}

#[apply(on_uring)]
fn few_descriptors_are_told_and_change_no_tier() {
    alone("few_descriptors_are_told_and_change_no_tier", || {
        let before = doctor().tier();
        process::limit(Resource::RLIMIT_NOFILE, 64);
        let report = examine();
        assert_eq!(report.tier(), before, "{report}");
        let few = check(&report, "open descriptors");
        assert_eq!(few.status, Status::Degraded);
        assert!(few.found.contains("64"), "{few:?}");
        let remedy = few.remedy.as_deref().expect("a remedy");
        for part in ["ulimit -n", "LimitNOFILE=", "--ulimit nofile="] {
            assert!(remedy.contains(part), "{remedy}");
        }
        assert_eq!(check(&report, "SO_REUSEPORT").status, Status::Good);
    });
}

#[apply(on_uring)]
fn no_descriptors_at_all_are_survived() {
    alone("no_descriptors_at_all_are_survived", || {
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        for room in 0..12 {
            let before = process::descriptors();
            let fillers = process::limit_descriptors(room);
            let report = doctor();
            drop(fillers);
            process::limit(Resource::RLIMIT_NOFILE, soft);
            assert_eq!(process::descriptors(), before, "with room for {room}");
            assert_eq!(check(&report, "open descriptors").name, "open descriptors");
        }
    });
}

/// Becomes a user without privileges, for whom limits hold.
fn become_nobody() -> bool {
    // SAFETY: plain integers.
    unsafe { libc::geteuid() != 0 || libc::setuid(65_534) == 0 }
}

#[apply(on_uring)]
fn little_memory_to_lock_is_told_and_changes_no_tier() {
    alone("little_memory_to_lock_is_told_and_changes_no_tier", || {
        assert!(become_nobody());
        let before = doctor().tier();
        process::limit(Resource::RLIMIT_MEMLOCK, 64 << 10);
        let report = examine();
        assert_eq!(report.tier(), before, "{report}");
        if before > Tier::Epoll {
            let memory = check(&report, "locked memory");
            assert!(memory.found.contains("64 KiB"), "{memory:?}");
            // Kernels from 5.12 to 6.13 count the memory with the control group's instead.
            if memory.status > Status::Note {
                assert!(memory.found.contains("ENOMEM"), "{memory:?}");
                let remedy = memory.remedy.as_deref().expect("a remedy");
                assert!(remedy.contains("LimitMEMLOCK="), "{remedy}");
            }
        }
    });
}

#[apply(on_uring)]
fn no_memory_to_lock_is_told() {
    alone("no_memory_to_lock_is_told", || {
        assert!(become_nobody());
        process::limit(Resource::RLIMIT_MEMLOCK, 0);
        let report = examine();
        let setup = check(&report, "io_uring_setup");
        if setup.found.contains("ENOMEM") {
            let remedy = setup.remedy.as_deref().expect("a remedy");
            assert!(remedy.contains("ulimit -l"), "{remedy}");
        }
        assert_agrees(&report);
    });
}

/// The example, if it was built; `cargo test` does so, `cargo test --test doctor` does not.
fn example() -> Option<PathBuf> {
    let this = std::env::current_exe().expect("a path");
    let example = this.parent()?.parent()?.join("examples/doctor");
    example.exists().then_some(example)
}

#[test]
fn the_example_ends_with_the_tiers_code_and_prints_json() {
    let Some(example) = example() else {
        println!("skipped: the example is not built");
        return;
    };
    let code = i32::from(doctor().exit_code());
    let plain = Command::new(&example).output().expect("it runs");
    assert_eq!(plain.status.code(), Some(code));
    assert!(String::from_utf8_lossy(&plain.stdout).contains("\nverdict: "));
    let json = Command::new(&example).arg("--json").output();
    let json = json.expect("it runs");
    assert_eq!(json.status.code(), Some(code));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["exit_code"], code);
    let tier = ["full", "degraded", "epoll"][code as usize];
    assert_eq!(json["tier"], tier);
    let checks = json["checks"].as_array().expect("an array");
    assert!(checks.len() > 10, "{json}");
    for check in checks {
        for field in ["group", "name", "status", "found", "meaning"] {
            assert!(check[field].is_string(), "{check}");
        }
    }
}
