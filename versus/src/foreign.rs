//! The peers that are programs of their own, in packages under `versus/peers`: found and built.
//!
//! Their libraries bring C code and assumptions about the kernel. One that does not build here is
//! reported and left out, and `versus` itself never depends on it. Built they are by cargo, with the
//! profile and into the directory of this program, where `child` then looks for them.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The packages: each peer's name, and its program's.
const PACKAGES: [(&str, &str); 3] = [
    ("compio", "versus-compio"),
    ("glommio", "versus-glommio"),
    ("monoio", "versus-monoio"),
];

/// The package of [`build_own`].
const OWN: &str = env!("CARGO_PKG_NAME");

/// Of what cargo says when it fails, the end is kept: the cause comes last.
const LAST_LINES: usize = 12;

/// What has been built, or has failed to, by the arguments that ask for it.
static BUILT: Mutex<BTreeMap<String, Result<(), String>>> = Mutex::new(BTreeMap::new());

/// The package, and program, of a peer or contender that is not in this program: `glommio` and
/// `glommio-spinning` are both in `versus-glommio`.
pub fn package(peer: &str) -> Option<&'static str> {
    let of = |name: &str| {
        let rest = peer.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let found = PACKAGES.iter().find(|(name, _)| of(name));
    found.map(|(_, package)| *package)
}

/// Builds the program of a foreign peer, once in a run; of other peers, nothing. Where cargo or the
/// sources are not to be had, a program that is there already is good enough.
///
/// # Errors
/// When there is no such program afterwards; says what cargo said at the end.
pub fn build(peer: &str) -> Result<(), String> {
    match package(peer) {
        Some(package) => once(&["-p", package], &[package]),
        None => Ok(()),
    }
}

/// As [`build`], with programs of this very package, by name.
///
/// # Errors
/// As [`build`].
pub fn build_own(programs: &[&str]) -> Result<(), String> {
    let mut arguments = vec!["-p", OWN];
    for program in programs {
        arguments.extend(["--bin", program]);
    }
    once(&arguments, programs)
}

fn once(arguments: &[&str], programs: &[&str]) -> Result<(), String> {
    // Held while cargo runs, too: a second one could only wait for the first.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let done = built
        .entry(arguments.join(" "))
        .or_insert_with(|| run_cargo(arguments, programs));
    done.clone()
}

fn run_cargo(arguments: &[&str], programs: &[&str]) -> Result<(), String> {
    let own = env::current_exe().map_err(|error| format!("this program is not found: {error}"))?;
    let are_there = || {
        let mut paths = programs.iter().map(|program| own.with_file_name(program));
        paths.all(|path| path.is_file())
    };
    let failed = |why: String| {
        if are_there() {
            eprintln!("versus: {why}; {} as it is", programs.join(", "));
            return Ok(());
        }
        Err(why)
    };
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    if !manifest.is_file() {
        return failed(format!("{} is not there", manifest.display()));
    }
    let Some((target, profile)) = directories(&own) else {
        return failed(format!("{} is not where cargo puts it", own.display()));
    };
    eprintln!("versus: building {}", programs.join(", "));
    let output = Command::new(cargo())
        .arg("build")
        .args(arguments)
        .args(["--profile", profile, "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .stdin(Stdio::null())
        .output();
    match output {
        // One from an earlier day may be there, but is not what the sources say.
        Ok(output) if !output.status.success() => Err(format!(
            "does not build:\n{}",
            last_lines(&String::from_utf8_lossy(&output.stderr))
        )),
        Ok(_) if are_there() => Ok(()),
        Ok(_) => Err(format!("was built, but not beside {}", own.display())),
        Err(error) => failed(format!("cargo does not run: {error}")),
    }
}

/// The cargo that runs this program, if one does.
fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Cargo's target directory and profile, of a program at `TARGET/PROFILE/NAME`.
fn directories(program: &Path) -> Option<(PathBuf, &str)> {
    let directory = program.parent()?;
    // The one profile that is not called like its directory.
    let profile = match directory.file_name()?.to_str()? {
        "debug" => "dev",
        profile => profile,
    };
    Some((directory.parent()?.to_owned(), profile))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::{directories, last_lines, package};
    use std::path::{Path, PathBuf};

    #[test]
    fn contenders_belong_to_their_peers_program() {
        assert_eq!(package("glommio-spinning"), Some("versus-glommio"));
        assert_eq!(package("compio"), Some("versus-compio"));
        assert_eq!(package("monoionic"), None);
        assert_eq!(package("tokio-multi"), None);
    }

    #[test]
    fn profiles_are_known_by_their_directories() {
        let of = |path: &'static str| directories(Path::new(path));
        let target = PathBuf::from("/a/target");
        assert_eq!(of("/a/target/debug/versus"), Some((target.clone(), "dev")));
        assert_eq!(of("/a/target/release/versus"), Some((target, "release")));
    }

    #[test]
    fn of_much_text_the_end_is_kept() {
        let text: Vec<_> = (0..100).map(|line| line.to_string()).collect();
        let last = last_lines(&text.join("\n"));
        assert!(last.starts_with("88\n") && last.ends_with("\n99"));
        assert_eq!(last_lines("one\ntwo"), "one\ntwo");
    }
}
