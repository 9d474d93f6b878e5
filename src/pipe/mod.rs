//! Pipes and FIFOs.
//!
//! [`pipe`] makes a pipe; [`Sender::open`] and [`Receiver::open`] open a FIFO (a pipe with a name,
//! mkfifo(3)); [`Sender::from_owned_fd`] and [`Receiver::from_owned_fd`] take over an end that was
//! made elsewhere. The pipes of a child [`process`](crate::process) are of these types, too.
//!
//! ```
//! use ringmill::pipe::pipe;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringmill::block_on(async {
//!     let (mut sender, mut receiver) = pipe()?;
//!     sender.write_all(b"hello").await?;
//!     drop(sender);
//!     let mut all = Vec::new();
//!     receiver.read_to_end(&mut all).await?;
//!     assert_eq!(all, b"hello");
//!     Ok::<_, std::io::Error>(())
//! })??;
//! # Ok(())
//! # }
//! ```
//!
//! The loop waits until an end is ready, and then one call that does not wait moves bytes straight
//! between the pipe and the caller's slice. So the kernel holds no buffer of the program's while a
//! future waits: a dropped read has taken nothing, a dropped write has given nothing.
//!
//! An end is non-blocking while a `Sender` or `Receiver` has it. That is a property of the open
//! file, which duplicates of the descriptor share, in other processes too; what
//! [`into_owned_fd`](Sender::into_owned_fd) gives is blocking again, as other programs expect it.

mod end;
mod receiver;
mod sender;

pub(crate) use end::{Calls, End};
pub use receiver::Receiver;
pub use sender::Sender;

use crate::event_loop::context;
use crate::sys::file::{self, Kind, Readiness};
use crate::sys::socket;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Makes a pipe. What is written to the sender comes out of the receiver.
///
/// Neither end is inherited by child programs (O_CLOEXEC).
///
/// # Errors
///
/// If there are no descriptors left.
///
/// # Panics
///
/// Outside of a loop.
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let driver = context::driver();
    let (read, write) = file::pipe()?;
    let sender = Sender::new(End::new(driver.clone(), write, Calls::File));
    let receiver = Receiver::new(End::new(driver, read, Calls::File));
    Ok((sender, receiver))
}

/// Takes over one end of a pipe.
#[track_caller]
fn adopt(fd: OwnedFd, what: Readiness) -> io::Result<End> {
    let driver = context::driver();
    if file::kind(fd.as_fd())? != Kind::Pipe {
        return Err(invalid("not a pipe"));
    }
    if !file::permits(fd.as_fd(), what)? {
        return Err(invalid("the other end of the pipe"));
    }
    socket::set_nonblocking(fd.as_fd(), true)?;
    Ok(End::new(driver, fd, Calls::File))
}

/// Opens one end of a FIFO.
#[track_caller]
fn open(path: &Path, what: Readiness) -> io::Result<End> {
    let opened = file::open_now(path, what).and_then(|fd| adopt(fd, what));
    opened.map_err(|error| {
        let message = format!("cannot open the FIFO {}: {error}", path.display());
        io::Error::new(error.kind(), message)
    })
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn debug(name: &str, fd: impl fmt::Debug, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name).field("fd", &fd).finish()
}
