//! [`Cursor`]: a file from one place to the next, in borrowed memory.

use super::file::File;
use crate::event_loop::{context, poll_proceed, refund};
use crate::op;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, SeekFrom};
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Bytes that are read ahead, or gathered before they are written: what a job in the pool costs is
/// little beside copying so much.
const CHUNK: usize = 128 * 1024;

type Asking = Pin<Box<dyn Future<Output = io::Result<u64>>>>;
type Reading = Pin<Box<dyn Future<Output = (io::Result<usize>, Vec<u8>)>>>;
type Writing = Pin<Box<dyn Future<Output = (io::Result<()>, Vec<u8>)>>>;

/// Reads or writes a file from one place on, into and from borrowed memory; made by
/// [`File::cursor`].
///
/// It reads ahead, and gathers what is written, 128 KiB at a time. What was written is in the file
/// after a [`flush`](Cursor::flush), which tells of errors. If it is dropped before, its loop writes
/// what is left, if that goes on for so long.
///
/// With the feature `futures-io` it is an `AsyncRead`, `AsyncWrite` and `AsyncSeek`.
pub struct Cursor {
    file: Arc<File>,
    /// Where the buffer begins in the file.
    start: u64,
    buffer: Vec<u8>,
    state: State,
    /// The file's length is being asked for.
    length: Option<Asking>,
}

enum State {
    /// The buffer holds what was read ahead; the reader is so far in it.
    Read(usize),
    /// A chunk is being read, for `start`.
    Reading(Reading),
    /// The buffer holds what is to be written at `start`.
    Gathered,
    /// That is being written.
    Writing(Writing),
}

impl Cursor {
    pub(super) fn new(file: Arc<File>, offset: u64) -> Self {
        Cursor {
            file,
            start: offset,
            buffer: Vec::new(),
            state: State::Read(0),
            length: None,
        }
    }

    /// Where the next byte is read or written.
    pub fn position(&self) -> u64 {
        match &self.state {
            State::Read(at) => self.start.saturating_add(*at as u64),
            State::Reading(_) => self.start,
            State::Gathered => self.start.saturating_add(self.buffer.len() as u64),
            // The buffer travels with the write, and `start` is behind it already.
            State::Writing(_) => self.start,
        }
    }

    /// Goes to another place. What is gathered is written first.
    ///
    /// # Errors
    ///
    /// As [`flush`](Cursor::flush); and if the place is before the beginning.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the position as it was, or as it was to be.
    pub async fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // One that was given up may have asked for the length long ago.
        self.length = None;
        poll_fn(|cx| self.poll_seek(cx, to)).await
    }

    pub(crate) fn poll_seek(
        &mut self,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        ready!(self.poll_flush(cx))?;
        let (base, by) = match to {
            SeekFrom::Start(offset) => return Poll::Ready(self.jump(Some(offset))),
            SeekFrom::Current(by) => (self.position(), by),
            SeekFrom::End(by) => {
                let file = self.file.clone();
                let ask =
                    || -> Asking { Box::pin(async move { Ok(file.metadata().await?.len()) }) };
                let asking = self.length.get_or_insert_with(ask);
                let length = ready!(asking.as_mut().poll(cx));
                self.length = None;
                (length?, by)
            }
        };
        Poll::Ready(self.jump(base.checked_add_signed(by)))
    }

    fn jump(&mut self, to: Option<u64>) -> io::Result<u64> {
        let Some(to) = to else {
            let message = "a place before the beginning of the file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        self.start = to;
        self.buffer.clear();
        self.state = State::Read(0);
        Ok(to)
    }

    /// Reads as much as is there and has room; 0 at the end of the file (or for no room).
    ///
    /// # Errors
    ///
    /// As [`File::read_at`]; and if what was gathered before cannot be written.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, room)).await
    }

    /// Reads up to the end of the file.
    ///
    /// # Errors
    ///
    /// As [`read`](Cursor::read); what was read before is in `into`.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// What was read before it is dropped is in `into`.
    pub async fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let before = into.len();
        loop {
            let read = poll_fn(|cx| {
                let chunk = ready!(self.poll_fill(cx))?;
                into.extend_from_slice(chunk);
                Poll::Ready(io::Result::Ok(chunk.len()))
            });
            match read.await? {
                0 => return Ok(into.len() - before),
                read => self.consume(read),
            }
        }
    }

    /// Takes some of the bytes, to be written with what follows.
    ///
    /// # Errors
    ///
    /// If what was taken before cannot be written.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped before it is ready, none of the bytes were taken.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write(cx, bytes)).await
    }

    /// Takes all of the bytes.
    ///
    /// # Errors
    ///
    /// As [`write`](Cursor::write).
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// How many of the bytes were taken is not told.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        op::write_all(bytes, |cx, bytes| self.poll_write(cx, bytes)).await
    }

    /// Writes what is gathered to the file. (Not to the disk: that is [`File::sync_data`].)
    ///
    /// # Errors
    ///
    /// As [`File::write_all_at`]. What could not be written is gone.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it: the next call goes on with it.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if room.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(poll_proceed(cx));
        let Poll::Ready(chunk) = self.poll_fill(cx) else {
            refund();
            return Poll::Pending;
        };
        let chunk = chunk?;
        let read = chunk.len().min(room.len());
        room[..read].copy_from_slice(&chunk[..read]);
        self.consume(read);
        Poll::Ready(Ok(read))
    }

    /// What is read ahead; where nothing is, more of it. Empty at the end of the file.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        loop {
            match &mut self.state {
                State::Gathered | State::Writing(_) => {
                    ready!(self.poll_flush(cx))?;
                    self.buffer.clear();
                    self.state = State::Read(0);
                }
                State::Read(at) if *at < self.buffer.len() => {
                    let at = *at;
                    return Poll::Ready(Ok(&self.buffer[at..]));
                }
                State::Read(at) => {
                    self.start = self.start.saturating_add(*at as u64);
                    let (file, offset) = (self.file.clone(), self.start);
                    let mut buffer = mem::take(&mut self.buffer);
                    buffer.clear();
                    buffer.reserve_exact(CHUNK);
                    let read = async move { file.read_at(buffer, offset).await };
                    self.state = State::Reading(Box::pin(read));
                }
                State::Reading(reading) => {
                    let (read, buffer) = ready!(reading.as_mut().poll(cx));
                    self.buffer = buffer;
                    self.state = State::Read(0);
                    if read? == 0 {
                        return Poll::Ready(Ok(&[]));
                    }
                }
            }
        }
    }

    fn consume(&mut self, read: usize) {
        if let State::Read(at) = &mut self.state {
            *at += read;
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(poll_proceed(cx));
        let polled = self.poll_take(cx, bytes);
        if polled.is_pending() {
            refund();
        }
        polled
    }

    fn poll_take(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match &mut self.state {
                State::Writing(_) => ready!(self.poll_written(cx))?,
                State::Read(_) | State::Reading(_) => {
                    // What was read ahead is dropped, and read again where it is wanted.
                    self.start = self.position();
                    self.buffer.clear();
                    self.state = State::Gathered;
                }
                State::Gathered if self.buffer.len() < CHUNK => {
                    let taken = bytes.len().min(CHUNK - self.buffer.len());
                    self.buffer.extend_from_slice(&bytes[..taken]);
                    return Poll::Ready(Ok(taken));
                }
                State::Gathered => self.begin_to_write(),
            }
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.state {
                State::Writing(_) => ready!(self.poll_written(cx))?,
                State::Gathered if !self.buffer.is_empty() => self.begin_to_write(),
                State::Gathered | State::Read(_) | State::Reading(_) => {
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    fn begin_to_write(&mut self) {
        let (file, offset) = (self.file.clone(), self.start);
        let buffer = mem::take(&mut self.buffer);
        self.start = offset.saturating_add(buffer.len() as u64);
        self.length = None;
        let write = async move { file.write_all_at(buffer, offset).await };
        self.state = State::Writing(Box::pin(write));
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Writing(writing) = &mut self.state else {
            return Poll::Ready(Ok(()));
        };
        let (written, mut buffer) = ready!(writing.as_mut().poll(cx));
        buffer.clear();
        self.buffer = buffer;
        self.state = State::Gathered;
        Poll::Ready(written)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        if matches!(&self.state, State::Gathered if !self.buffer.is_empty()) {
            self.begin_to_write();
        }
        if let State::Writing(writing) = mem::replace(&mut self.state, State::Gathered)
            && let Some(here) = context::try_current()
        {
            let finish = async move {
                // There is nobody to hear of an error.
                let _ = writing.await;
            };
            drop(here.spawn(finish, Location::caller()));
        }
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("file", &self.file)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}
