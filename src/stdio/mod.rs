//! The program's standard streams: [`stdin`], [`stdout`] and [`stderr`].
//!
//! ```no_run
//! use ringmill::stdio::{stdin, stdout};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // cat, beside whatever else the loop does.
//! ringmill::block_on(async {
//!     let (mut stdin, mut stdout) = (stdin(), stdout());
//!     let mut room = vec![0; 64 * 1024];
//!     loop {
//!         match stdin.read(&mut room).await? {
//!             0 => return stdout.flush().await,
//!             read => stdout.write_all(&room[..read]).await?,
//!         }
//!     }
//! })??;
//! # Ok(())
//! # }
//! ```
//!
//! # How they are waited for
//!
//! Whether a call on a descriptor waits (O_NONBLOCK) is a property of the open file, which the
//! program shares with others: the shell that started it, the other programs of a pipeline. One that
//! was left non-blocking breaks them. So it is never changed here; what is done instead depends on
//! what the stream is:
//!
//! | | |
//! |---|---|
//! | pipe, terminal | opened again (by `/proc/self/fd`), non-blocking: an open file of the program's own, that the loop waits for |
//! | socket | the loop waits for it, and the calls say by themselves that they do not wait |
//! | regular file, `/dev/null` | read and written as they are: the only wait is that for a disk |
//! | what else there is, or cannot be opened again | a thread reads or writes, and waits |
//!
//! The last is for terminals of another user's (after `su`), pipes of one, and where `/proc` is
//! missing.
//!
//! A terminal or pipe that was opened again stays open as long as the [`Stdin`], [`Stdout`] or
//! [`Stderr`] lives, also if the program closes descriptor 0, 1 or 2.
//!
//! # What is kept
//!
//! Nothing is buffered here, except by the thread: what it has read waits for whoever reads next,
//! from any handle of any loop, and what it is to write (64 KiB at most) is gone if the program ends
//! before a [`flush`](Stdout::flush). The buffers of [`std::io::stdin`] and [`std::io::stdout`] are
//! their own: what they have read, nobody else reads, and what they have not written comes later.

mod by_loop;
mod input;
mod output;
mod read_thread;
mod write_thread;

pub use input::{Stdin, stdin};
pub use output::{Stderr, Stdout, stderr, stdout};
