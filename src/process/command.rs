//! [`Command`]: what to start, and how.

use super::child::Child;
use super::orphans;
use crate::event_loop::context;
use crate::sys::lock;
use crate::sys::process::{self, Identity, assume_before_exec};
use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

/// A program to start, with its arguments, its environment and its standard streams.
///
/// It can be started more than once. Unless told otherwise a child inherits the environment, the
/// working directory and, except by [`output`](Command::output), the standard streams.
#[derive(Debug)]
pub struct Command {
    inner: std::process::Command,
    /// Once there is something to do between fork and exec.
    identity: Option<Arc<Mutex<Identity>>>,
    /// Which of the streams were set.
    chosen: Chosen,
    kill_on_drop: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Command {
    /// A program without arguments. A name without a slash is looked up in the directories of
    /// `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Command {
            inner: std::process::Command::new(program),
            identity: None,
            chosen: Chosen::default(),
            kill_on_drop: false,
        }
    }

    /// Adds an argument. No shell looks at it.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = A>) -> &mut Self {
        self.inner.args(args);
        self
    }

    /// Sets argument 0, which is otherwise the program's name.
    pub fn arg0(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.inner.arg0(arg);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.inner.env(key, value);
        self
    }

    /// Sets variables of the environment.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        self.inner.envs(variables);
        self
    }

    /// Takes a variable out of the environment.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Self {
        self.inner.env_remove(key);
        self
    }

    /// Begins with an empty environment.
    pub fn env_clear(&mut self) -> &mut Self {
        self.inner.env_clear();
        self
    }

    /// Sets the working directory. It is entered with this process's rights, before
    /// [`uid`](Command::uid) and its kin take effect.
    pub fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.inner.current_dir(directory);
        self
    }

    /// Sets what the child reads from.
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Self {
        self.chosen.stdin = true;
        self.inner.stdin(stdin);
        self
    }

    /// Sets where the child writes to.
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Self {
        self.chosen.stdout = true;
        self.inner.stdout(stdout);
        self
    }

    /// Sets where the child writes its errors to.
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Self {
        self.chosen.stderr = true;
        self.inner.stderr(stderr);
        self
    }

    /// Sets the child's user. A child of root's that is not root's own has no supplementary groups,
    /// unless [`groups`](Command::groups) gives it some.
    pub fn uid(&mut self, uid: u32) -> &mut Self {
        lock(self.identity()).uid = Some(uid);
        self
    }

    /// Sets the child's group.
    pub fn gid(&mut self, gid: u32) -> &mut Self {
        lock(self.identity()).gid = Some(gid);
        self
    }

    /// Sets the child's supplementary groups. Needs the right to (CAP_SETGID).
    pub fn groups(&mut self, groups: &[u32]) -> &mut Self {
        lock(self.identity()).groups = Some(groups.to_vec());
        self
    }

    /// Puts the child into a process group: one that it leads, for 0, or one that there is.
    /// [`Child::signal_group`] reaches the group that a child leads. A signal that the terminal
    /// sends (ctrl-c) reaches only the group in its foreground.
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.inner.process_group(group);
        self
    }

    /// Calls a closure in the child, between fork and exec, after everything else that was set. An
    /// error of its fails the start, and comes back from it.
    ///
    /// # Safety
    ///
    /// The child is a copy of this process with one thread in it: what other threads held stays
    /// locked, the allocator included, and the loops' rings are not there. So it may call what is
    /// safe in a signal handler (signal-safety(7)) and nothing else; see
    /// [`CommandExt::pre_exec`](std::os::unix::process::CommandExt::pre_exec).
    pub unsafe fn pre_exec(
        &mut self,
        call: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
    ) -> &mut Self {
        // Before it, whenever it is set.
        self.identity();
        // SAFETY: the caller's contract.
        unsafe { self.inner.pre_exec(call) };
        self
    }

    /// Whether a [`Child`] that is dropped before it was waited for is killed. Default no.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.kill_on_drop = kill;
        self
    }

    /// The same for the standard library, to look at.
    pub fn as_std(&self) -> &std::process::Command {
        &self.inner
    }

    /// What is assumed between fork and exec, from now on.
    fn identity(&mut self) -> &Mutex<Identity> {
        self.identity.get_or_insert_with(|| {
            let identity = Arc::<Mutex<Identity>>::default();
            assume_before_exec(&mut self.inner, identity.clone());
            identity
        })
    }

    /// Starts the program.
    ///
    /// The loop stands still until the child has become the program, or failed to: 0.1 ms on a
    /// machine with a processor to spare, a few ms on one without. That is vfork(2), by
    /// posix_spawn(3), as long as neither [`uid`](Command::uid) and its kin nor
    /// [`pre_exec`](Command::pre_exec) is used; with them it is fork(2), which copies the page
    /// tables: 50 ms were measured where 1 GiB of memory was in use.
    ///
    /// # Errors
    ///
    /// If the program cannot be started, naming it, with the kind of the system's error: `NotFound`,
    /// `PermissionDenied`, ….
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    pub fn spawn(&mut self) -> io::Result<Child> {
        let driver = context::driver();
        orphans::sweep();
        let started = process::spawn(&mut self.inner)
            .and_then(|child| Child::new(&driver, child, self.kill_on_drop));
        started.map_err(|error| self.named(&error))
    }

    /// Says what could not be started.
    fn named(&self, error: &io::Error) -> io::Error {
        let program = self.inner.get_program();
        let place = match self.inner.get_current_dir() {
            Some(directory) => format!(" in {}", directory.display()),
            None => String::new(),
        };
        let message = format!("cannot run {}{place}: {error}", program.display());
        io::Error::new(error.kind(), message)
    }

    /// Starts the program, now, and waits until it has ended. Pipes are closed.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Command::spawn) and [`Child::wait`].
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the child: see [`Child`] and [`kill_on_drop`](Command::kill_on_drop).
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let spawned = self.spawn();
        async {
            let mut child = spawned?;
            drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
            child.wait().await
        }
    }

    /// Starts the program, now, waits until it has ended, and gives what it wrote. Its outputs are piped
    /// and its standard input is empty, unless they were set otherwise.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Command::spawn) and [`Child::wait_with_output`].
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the child, and what it wrote: see [`Child`] and
    /// [`kill_on_drop`](Command::kill_on_drop).
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        let spawned = self.spawn_captured();
        async { spawned?.wait_with_output().await }
    }

    /// Starts it with the streams of [`output`](Command::output), this once.
    fn spawn_captured(&mut self) -> io::Result<Child> {
        let chosen = self.chosen;
        if !chosen.stdin {
            self.inner.stdin(Stdio::null());
        }
        if !chosen.stdout {
            self.inner.stdout(Stdio::piped());
        }
        if !chosen.stderr {
            self.inner.stderr(Stdio::piped());
        }
        let spawned = self.spawn();
        if !chosen.stdin {
            self.inner.stdin(Stdio::inherit());
        }
        if !chosen.stdout {
            self.inner.stdout(Stdio::inherit());
        }
        if !chosen.stderr {
            self.inner.stderr(Stdio::inherit());
        }
        spawned
    }
}
