//! Whole slices, by operations that move a part of one at a time.

use std::future::{Future, poll_fn};
use std::io;
use std::task::{Context, Poll, ready};

/// Fills `room` whole; `stream` is what the error calls the one that ends before.
pub(crate) fn read_exact(
    stream: &'static str,
    room: &mut [u8],
    mut poll_read: impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
) -> impl Future<Output = io::Result<()>> {
    let mut filled = 0;
    poll_fn(move |cx| {
        // Once also for no room: each call is a checkpoint.
        loop {
            match ready!(poll_read(cx, &mut room[filled..]))? {
                0 if filled < room.len() => {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        format!("the {stream} ended {} bytes early", room.len() - filled),
                    )));
                }
                read => filled += read,
            }
            if filled == room.len() {
                return Poll::Ready(Ok(()));
            }
        }
    })
}

/// Writes all of `bytes`.
pub(crate) fn write_all(
    mut bytes: &[u8],
    mut poll_write: impl FnMut(&mut Context<'_>, &[u8]) -> Poll<io::Result<usize>>,
) -> impl Future<Output = io::Result<()>> {
    poll_fn(move |cx| {
        // Once also for no bytes, as above.
        loop {
            let written = ready!(poll_write(cx, bytes))?;
            bytes = &bytes[written..];
            if bytes.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    })
}
