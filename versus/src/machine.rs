//! Which machine and when: the stamp on every report.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Written at the head of the JSON report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub kernel: String,
    pub cpu: String,
    pub processors: usize,
    /// In bytes.
    pub memory: u64,
    /// Of every peer: what the kit is linked with.
    pub allocator: String,
    /// `rustc 1.95.0 (…)`.
    pub compiler: String,
    /// TCP's default here; both ends of every connection use it.
    pub congestion_control: String,
    /// UTC, `2026-01-31T23:59:59Z`.
    pub date: String,
}

impl Machine {
    /// Reads `/proc`; what cannot be read says so, as a report is worth having without it.
    pub fn here() -> Self {
        let unknown = || String::from("unknown");
        let setting = |path: &str| {
            fs::read_to_string(path).map_or_else(|_| unknown(), |text| text.trim().to_owned())
        };
        let cpu = fs::read_to_string("/proc/cpuinfo")
            .ok()
            .and_then(|text| model_name(&text))
            .unwrap_or_else(unknown);
        let processors = thread::available_parallelism().map_or(0, usize::from);
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self {
            kernel: setting("/proc/sys/kernel/osrelease"),
            cpu,
            processors,
            memory: fs::read_to_string("/proc/meminfo").map_or(0, |text| memory(&text)),
            allocator: String::from("the system's (glibc malloc)"),
            compiler: compiler(),
            congestion_control: setting("/proc/sys/net/ipv4/tcp_congestion_control"),
            date: utc(seconds),
        }
    }
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// In bytes; 0 if unknown.
fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kibibytes.map_or(0, |kibibytes| kibibytes * 1_024)
}

/// The compiler that is there now; the kit was built with it a moment ago, or with an older one.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or_else(
        |_| String::from("unknown"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Seconds since 1970 as a UTC date and time (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`).
fn utc(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_735_689_599), "2024-12-31T23:59:59Z");
    }
}
