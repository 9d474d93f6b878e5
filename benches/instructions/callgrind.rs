//! Running a path under callgrind, and what it says.

use crate::comparison::total;
use crate::paths::Path;
use std::io::ErrorKind;
use std::process::{Command, Stdio};

/// What a program says of its version; its absence comes with the remedy.
pub fn version(program: &str, option: &str) -> Result<String, String> {
    let output = Command::new(program).arg(option).output();
    match output {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound && program == "valgrind" => {
            Err("there is no valgrind, which counts: apt-get install valgrind".to_owned())
        }
        Err(error) => Err(format!("{program} {option}: {error}")),
    }
}

/// Instructions of one round: the difference of a run and one of twice as many rounds.
pub fn count(path: &Path, keep: Option<&std::path::Path>) -> Result<f64, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let profile = folder.path().join("callgrind.out");
    let once = collected(path, path.rounds, &profile)?;
    let twice = collected(path, 2 * path.rounds, &profile)?;
    if let Some(keep) = keep {
        let kept = keep.join(format!("{}.callgrind", path.name.replace([' ', ','], "-")));
        std::fs::create_dir_all(keep)
            .and_then(|()| std::fs::copy(&profile, &kept))
            .map_err(|error| format!("{}: {error}", kept.display()))?;
    }
    let difference = twice
        .checked_sub(once)
        .ok_or_else(|| format!("{}: more rounds took fewer instructions", path.name))?;
    Ok(difference as f64 / path.rounds as f64)
}

/// All instructions of a process that runs the path so many times.
fn collected(path: &Path, rounds: u64, profile: &std::path::Path) -> Result<u64, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(this)
        .args(["--run", path.name, "--rounds", &rounds.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{} under valgrind ends with {}:\n{}",
            path.name,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let text = std::fs::read_to_string(profile).map_err(|error| format!("the profile: {error}"))?;
    total(&text).ok_or_else(|| format!("{}: the profile has no total", path.name))
}
