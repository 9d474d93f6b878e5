//! The house rules, as far as a program can check them: which layer may use which, where `unsafe`
//! and foreign crates belong, what a file may be called, be as long as, and contain.

mod source;

use source::{Source, crate_uses, find_words, sources};
use std::collections::BTreeMap;

/// The layers of `src/`, top first; those on one line do not know each other. A layer may use those
/// below it.
const LAYERS: [&[&str]; 22] = [
    &["compat"],
    &["doctor", "entry"],
    &["service"],
    &["actor"],
    &["scope"],
    &["runtime"],
    &["net"],
    &["fs", "process", "signal", "stdio"],
    &["pipe"],
    &["blocking"],
    &["correlation"],
    &["channel"],
    &["sync"],
    &["test_util"],
    &["time", "random"],
    &["event_loop"],
    &["task"],
    &["context"],
    &["op"],
    &["driver"],
    &["buf"],
    &["sys"],
];

/// Uses that point up, and are allowed: an operation asks which loop it is on.
const ALLOWED: [(&str, &str); 1] = [("op", "event_loop::context")];

/// The operating system's crates, for `src/sys/` alone.
const SYSTEM_CRATES: [&str; 4] = ["libc", "io_uring", "nix", "socket2"];

/// Where `unsafe` may be written.
const UNSAFE: [&str; 15] = [
    "src/sys/",
    "src/driver/",
    "src/task/",
    "src/buf/",
    "src/channel/oneshot/",
    "src/channel/spsc/",
    // The value behind a lock; and, in loom's models, a value that loom watches.
    "src/sync/cell.rs",
    "src/sync/models/permits.rs",
    "src/compat/",
    // The address of what is borrowed further down on the stack.
    "src/context/current.rs",
    // Give buffers back that the kernel has filled.
    "src/op/file_io.rs",
    "src/op/file_vectored.rs",
    "src/process/command.rs",
    "src/event_loop/wheel.rs",
    "src/event_loop/wheel/",
];

/// Tests that may make runtimes by themselves, and not by `kit`: those of the choice of a driver, of
/// what the builder refuses, of a runtime that is not made at all.
const OWN_RUNTIMES: [&str; 5] = [
    "tests/kit/",
    "tests/fallback.rs",
    "tests/events.rs",
    "tests/build_errors.rs",
    "tests/shutdown.rs",
];

/// The longest file, in lines.
const LONGEST: usize = 500;

/// Where sources are.
const FOLDERS: [&str; 6] = [
    "src",
    "macros/src",
    "tests",
    "examples",
    "benches",
    "versus/src",
];

fn all() -> Vec<Source> {
    FOLDERS.iter().flat_map(|folder| sources(folder)).collect()
}

fn library() -> Vec<Source> {
    sources("src")
}

/// Fails with all violations at once.
#[track_caller]
fn assert_none(rule: &str, violations: &[String]) {
    let list = violations.join("\n  ");
    assert!(violations.is_empty(), "{rule}:\n  {list}");
}

fn level(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|level| level.contains(&layer))
}

#[test]
fn layers_use_only_what_is_below_them() {
    // What `lib.rs` exports under the crate's name belongs to the layer that it comes from.
    let lib = std::fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let exports: BTreeMap<String, String> = source::exports(&lib).into_iter().collect();
    let mut violations = Vec::new();
    for file in library() {
        let Some(layer) = file.layer() else { continue };
        let Some(from) = level(layer) else {
            violations.push(format!(
                "{}: the layer {layer} is not in the list",
                file.path
            ));
            continue;
        };
        for (line, used) in crate_uses(&file.code) {
            let first = used.split("::").next().unwrap_or_default();
            let target = exports.get(first).map_or(first, String::as_str);
            let allowed = ALLOWED
                .iter()
                .any(|(who, what)| *who == layer && used.starts_with(what));
            let fine = match level(target) {
                Some(to) => target == layer || to > from,
                None => false,
            };
            if !fine && !allowed {
                let path = &file.path;
                violations.push(format!(
                    "{path}:{line}: {layer} uses {used}, which is {target}"
                ));
            }
        }
        for line in find_words(&file.code, "super::super") {
            violations.push(format!("{}:{line}: super::super hides a layer", file.path));
        }
    }
    assert_none("a layer uses what is not below it", &violations);
}

#[test]
fn the_systems_crates_are_used_in_sys_alone() {
    let mut violations = Vec::new();
    for file in library() {
        if file.path.starts_with("src/sys/") {
            continue;
        }
        for name in SYSTEM_CRATES {
            for line in find_words(&file.code, &format!("{name}::")) {
                violations.push(format!("{}:{line}: {name}", file.path));
            }
            for line in find_words(&file.code, &format!("use {name}")) {
                violations.push(format!("{}:{line}: {name}", file.path));
            }
        }
    }
    assert_none("a crate of the system's outside of src/sys", &violations);
}

#[test]
fn unsafe_code_is_where_it_belongs() {
    let mut violations = Vec::new();
    for file in library() {
        if UNSAFE.iter().any(|place| file.path.starts_with(place)) {
            continue;
        }
        for line in find_words(&file.code, "unsafe") {
            // The promise of an operation about its memory is made where the operation is.
            let text = file.line(line);
            let promise = file.path.starts_with("src/op/")
                && text.trim_start().starts_with("unsafe impl")
                && (text.contains(" Operation for ") || text.contains(" OneShot for "));
            if !promise {
                violations.push(format!("{}:{line}: {}", file.path, text.trim()));
            }
        }
    }
    assert_none("unsafe outside of its places", &violations);
}

#[test]
fn every_unsafe_impl_says_why_it_is_sound() {
    // Of blocks clippy takes care: `undocumented_unsafe_blocks` is denied.
    let mut violations = Vec::new();
    for file in library() {
        for line in find_words(&file.code, "unsafe impl") {
            if !file.has_comment_above(line, "SAFETY:") {
                violations.push(format!("{}:{line}: {}", file.path, file.line(line).trim()));
            }
        }
    }
    assert_none("an unsafe impl without a SAFETY comment", &violations);
}

#[test]
fn nothing_is_left_to_do_or_to_debug() {
    // Written apart, so that this file does not name them.
    let banned = [
        concat!("to", "do!"),
        concat!("db", "g!"),
        concat!("unim", "plemented!"),
        concat!("FIX", "ME"),
        concat!("ha", "ck"),
        concat!("HA", "CK"),
    ];
    let mut violations = Vec::new();
    for file in all() {
        for word in banned {
            for line in find_words(&file.text, word) {
                violations.push(format!("{}:{line}: {word}", file.path));
            }
        }
    }
    assert_none("a word that should not stay", &violations);
}

#[test]
fn files_are_named_by_their_subject() {
    let banned = [
        "util", "utils", "common", "helper", "helpers", "core", "misc",
    ];
    let mut violations = Vec::new();
    for file in all() {
        let names = file.path.trim_end_matches(".rs").split('/');
        for name in names.filter(|name| banned.contains(name)) {
            violations.push(format!("{}: {name}", file.path));
        }
    }
    assert_none("a name that says nothing", &violations);
}

#[test]
fn files_are_neither_empty_nor_long() {
    let mut violations = Vec::new();
    for file in all() {
        let lines = file.text.lines().count();
        if file.text.trim().is_empty() || lines > LONGEST {
            violations.push(format!("{}: {lines} lines", file.path));
        }
    }
    assert_none("a file without a subject, or with several", &violations);
}

#[test]
fn files_of_the_library_open_with_what_they_are_for() {
    let mut violations = Vec::new();
    for file in library() {
        if !file.text.starts_with("//! ") {
            violations.push(file.path);
        }
    }
    assert_none("a file that does not say what it is for", &violations);
}

#[test]
fn tests_say_which_driver_they_are_on() {
    let makers = ["Builder::new(", "Runtime::new(", "block_on("];
    let ringmills = makers.map(|maker| format!("ringmill::{maker}"));
    let alone = makers[..2].iter().map(|maker| maker.to_string());
    let words: Vec<String> = ringmills.into_iter().chain(alone).collect();
    let mut violations = Vec::new();
    for file in sources("tests") {
        if OWN_RUNTIMES.iter().any(|own| file.path.starts_with(own)) {
            continue;
        }
        for word in &words {
            for line in find_words(&file.code, word) {
                violations.push(format!("{}:{line}: {word}", file.path));
            }
        }
    }
    assert_none("a runtime on whatever driver there is", &violations);
}

#[test]
fn no_function_is_compiled_in_two_ways() {
    let mut violations = Vec::new();
    for file in library().iter().filter(|file| file.layer().is_some()) {
        for line in source::conditional_in_bodies(&file.code) {
            violations.push(format!("{}:{line}: {}", file.path, file.line(line).trim()));
        }
    }
    assert_none("a cfg inside a function", &violations);
}

#[test]
fn the_lexer_sees_code_and_nothing_else() {
    const TEXT: &str = r##"//! See crate::comment and unsafe code.
use crate::{first::Name, second::{self, Other}};
fn life<'a>(x: &'a str, _: [u8; 3]) -> impl Fn() + 'a {
    let _ = ("crate::string \" unsafe", 'u', '\'', r#"crate::raw " "#);
    let third = crate::third::call(); /* crate::block /* nested */ */
    #[cfg(unix)]
    let fourth = $crate::fourth!(other_crate::fifth);
    move || {}
}
#[cfg(feature = "x")]
mod inner {
    #[cfg(unix)]
    fn item() {}
    // SAFETY: for the test.
    #[attribute]
    unsafe impl Send for Name {}
}
unsafe impl Sync for Name {}
#[cfg(test)]
mod tests {
    use crate::only_in_tests;
}
"##;
    let file = Source::of("src/some/file.rs".to_owned(), TEXT.to_owned());
    let uses = crate_uses(&file.code);
    let expected = [
        (2, "first::Name"),
        (2, "second"),
        (5, "third::call"),
        (7, "fourth"),
    ];
    assert_eq!(uses, expected.map(|(line, path)| (line, path.to_owned())));
    assert_eq!(source::conditional_in_bodies(&file.code), [6]);
    let unsafes = find_words(&file.code, "unsafe impl");
    assert_eq!(unsafes, [16, 18]);
    assert!(file.has_comment_above(16, "SAFETY:"));
    assert!(!file.has_comment_above(18, "SAFETY:"));
    assert_eq!(file.layer(), Some("some"));
    let root = "pub use a::{B, c::D};\npub use e::F;\nuse g::H;";
    let expected = [("B", "a"), ("D", "a"), ("F", "e")];
    assert_eq!(
        source::exports(root),
        expected.map(|(name, module)| (name.to_owned(), module.to_owned()))
    );
}
