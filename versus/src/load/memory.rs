//! The resident memory of another process.

use std::fs;
use std::io;

use crate::during::During;

/// VmRSS in bytes.
///
/// # Errors
/// When the process has ended.
pub fn resident(pid: libc::pid_t) -> io::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).during(format_args!("reading {path}"))?;
    parse(&status).ok_or_else(|| io::Error::other(format!("{path} names no VmRSS")))
}

fn parse(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn resident_memory_is_in_kibibytes() {
        assert_eq!(
            parse("VmSize:\t 10 kB\nVmRSS:\t    1234 kB\n"),
            Some(1234 * 1024)
        );
        assert_eq!(parse("Name:\tkthreadd\n"), None);
    }
}
