//! May io_uring be used at all: the sysctl, and each of the three system calls.

use super::report::{Check, Status};
use crate::driver::{Refusal, io_uring_disabled};
use crate::sys::{errno, host, ring_trials};
use std::io;

pub(super) const GROUP: &str = "io_uring";

/// How the three calls fared.
pub(super) struct Calls(ring_trials::Calls);

impl Calls {
    pub(super) fn find() -> Self {
        Calls(ring_trials::try_calls())
    }

    /// What a plain ring says of itself, if one could be made.
    pub(super) fn ring(&self) -> Option<ring_trials::Plain> {
        self.0.setup.as_ref().ok().copied()
    }

    /// Which operations exist, if that could be asked.
    pub(super) fn operations(&self) -> &[(&'static str, bool)] {
        self.0.register.as_deref().unwrap_or_default()
    }

    /// Whether nothing is in the way of trying operations out.
    pub(super) fn all_work(&self) -> bool {
        self.0.setup.is_ok() && self.0.enter.is_ok() && self.0.register.is_ok()
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        vec![
            self.sysctl(),
            call("io_uring_setup", "makes a ring", &self.0.setup),
            call(
                "io_uring_enter",
                "submits and waits, which is all that a loop does",
                &self.0.enter,
            ),
            call(
                "io_uring_register",
                "lends a ring its buffers",
                &self.0.register,
            ),
        ]
    }

    /// The system's own switch, since Linux 6.6 (Documentation/admin-guide/sysctl/kernel.rst).
    fn sysctl(&self) -> Check {
        const NAME: &str = "io_uring_disabled";
        let Some(value) = io_uring_disabled() else {
            return Check::good(GROUP, NAME, "not there")
                .but(Status::Note, "kernels before 6.6 have no such sysctl");
        };
        let found = match (value.as_str(), host::sysctl("kernel/io_uring_group")) {
            ("0", _) => return Check::good(GROUP, NAME, "0: everyone may"),
            ("1", None | Some(-1)) => "1: privileged processes only".to_owned(),
            ("1", Some(group)) => format!("1: members of group {group} and privileged processes"),
            _ => format!("{value}: nobody may"),
        };
        let check = Check::good(GROUP, NAME, found);
        if self.0.setup.is_ok() {
            return check.but(Status::Note, "this process is one of those who may");
        }
        let refusal = Refusal::Disabled(value);
        check
            .but(Status::Missing, "this process may not make a ring")
            .remedy(whole_remedy(&refusal))
    }
}

fn call<T>(name: &'static str, purpose: &str, result: &io::Result<T>) -> Check {
    match result {
        Ok(_) => Check::good(GROUP, name, "works").means(format!("it {purpose}")),
        Err(error) => refused(GROUP, name, name, error).means_too(&format!(
            "io_uring is of no use without this call, which {purpose}"
        )),
    }
}

/// A check that met with a refusal of `call`.
pub(super) fn refused(
    group: &'static str,
    name: &'static str,
    call: &str,
    error: &io::Error,
) -> Check {
    let refusal = Refusal::of(call, error);
    let named = errno::named(error);
    let found = if call == name {
        named
    } else {
        format!("{call}: {named}")
    };
    Check::good(group, name, found)
        .but(Status::Missing, refusal.cause())
        .remedy(whole_remedy(&refusal))
}

/// The remedy with the lines to copy.
fn whole_remedy(refusal: &Refusal) -> String {
    match refusal.steps() {
        Some(steps) => format!("{}\n{steps}", refusal.remedy()),
        None => refusal.remedy().to_owned(),
    }
}

impl Check {
    /// Adds to what it means.
    fn means_too(mut self, more: &str) -> Self {
        self.meaning.push_str("; ");
        self.meaning.push_str(more);
        self
    }
}
