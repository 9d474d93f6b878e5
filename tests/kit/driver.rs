//! Which driver a test is on. Each test that makes a runtime says so, most of them by being two
//! tests: `name::uring` and `name::epoll`.

use ringmill::DriverKind;
use std::cell::Cell;

/// Puts a macro of this file before a function, as an attribute.
pub use macro_rules_attribute::apply;

thread_local! {
    static CURRENT: Cell<Option<DriverKind>> = const { Cell::new(None) };
}

/// One test of a function: on this driver.
macro_rules! test_on {
    ($driver:ident, $kind:ident, $name:ident $(#[$attribute:meta])*) => {
        $(#[$attribute])*
        #[test]
        fn $driver() {
            $crate::kit::driver::on(::ringmill::DriverKind::$kind, super::$name);
        }
    };
}

/// Makes a function a test for each driver. Its other attributes go to both.
macro_rules! on_each_driver {
    ($(#[$attribute:meta])* fn $name:ident() $body:block) => {
        fn $name() $body

        mod $name {
            $crate::kit::driver::test_on!(uring, Uring, $name $(#[$attribute])*);
            $crate::kit::driver::test_on!(epoll, Epoll, $name $(#[$attribute])*);
        }
    };
}

/// Makes a function a test on io_uring alone: what it is about, epoll does not have.
macro_rules! on_uring {
    ($(#[$attribute:meta])* fn $name:ident() $body:block) => {
        fn $name() $body

        mod $name {
            $crate::kit::driver::test_on!(uring, Uring, $name $(#[$attribute])*);
        }
    };
}

/// Makes a function a test on epoll alone: what it is about, io_uring does not have.
macro_rules! on_epoll {
    ($(#[$attribute:meta])* fn $name:ident() $body:block) => {
        fn $name() $body

        mod $name {
            $crate::kit::driver::test_on!(epoll, Epoll, $name $(#[$attribute])*);
        }
    };
}

pub(crate) use {on_each_driver, on_epoll, on_uring, test_on};

/// Runs `body` on a driver: the runtimes of [`kit`](super) that this thread makes have it.
pub fn on<T>(kind: DriverKind, body: impl FnOnce() -> T) -> T {
    /// Puts back what was before, after a panic too: a thread may run several tests.
    struct Before(Option<DriverKind>);

    impl Drop for Before {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }

    let _before = Before(CURRENT.replace(Some(kind)));
    body()
}

/// The driver that this thread's test is on.
///
/// # Panics
///
/// If the test did not say: it would run on whatever there is, and prove nothing about the rest.
#[track_caller]
pub fn current() -> DriverKind {
    match CURRENT.get() {
        Some(kind) => kind,
        None => panic!(
            "no driver was chosen on this thread: the test needs #[apply(on_each_driver)], \
             a thread that makes runtimes needs driver::carried"
        ),
    }
}

/// Takes the driver of this thread's test along to the thread that calls the result.
#[track_caller]
pub fn carried<T>(body: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let kind = current();
    move || on(kind, body)
}

/// The name by which the harness knows this thread's test `name`: with its driver, if it is on one.
pub fn full_name(name: &str) -> String {
    match CURRENT.get() {
        Some(kind) => format!("{name}::{kind}"),
        None => name.to_owned(),
    }
}
