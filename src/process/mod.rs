//! Child processes.
//!
//! ```
//! use ringmill::process::Command;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringmill::block_on(async {
//!     let output = Command::new("echo").arg("hello").output().await?;
//!     assert!(output.status.success());
//!     assert_eq!(output.stdout, b"hello\n");
//!     Ok::<_, std::io::Error>(())
//! })??;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Command`] is started by [`spawn`](Command::spawn), [`status`](Command::status) or
//! [`output`](Command::output). A [`Child`] has the loop's ends of its pipes
//! ([`Sender`](crate::pipe::Sender), [`Receiver`](crate::pipe::Receiver)) and is waited for by its
//! pidfd, on the loop, beside everything else: no signal handler is set, and SIGCHLD is left alone.
//! Where pidfds are missing (before Linux 5.3) or denied, a thread waits.
//!
//! # No zombies
//!
//! A process that has ended stays as a zombie until its parent has taken its status. The status of
//! every child is taken:
//!
//! - by [`Child::wait`], [`Child::try_wait`] and what is made of them;
//! - of a [`Child`] that is dropped, at the drop if the process has ended (one that the drop kills
//!   ends a moment later);
//! - else by a thread of the whole program's, `ringmill-orphans`, which is there while dropped
//!   children live and waits for all of them at once. It needs no loop: children that were dropped
//!   with their task, their loop or their runtime are seen to as well. Where there is no pidfd, it
//!   is a thread a child.
//!
//! Children that live when the program ends are the init process's.
//!
//! # What a child inherits
//!
//! Its standard streams and no other descriptor of the runtime's: all of them are close-on-exec.
//! Until it has become the other program it does have copies, as after every fork: what a loop on
//! another thread closes in that moment (a listener, a connection) is closed for its peers only at
//! the end of it.
//!
//! It has the processors and the timer slack that the program began with, not those of the loop's
//! thread. Rings and buffers are not mapped in it, also before it has become another program; the
//! loops go on undisturbed beside a child of fork(2) that never does.

mod child;
mod command;
mod orphans;
mod running;
mod wait_thread;

pub use child::Child;
pub use command::Command;
pub use std::process::{ExitStatus, Output, Stdio};
