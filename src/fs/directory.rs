//! [`read_dir`]: what is in a directory.

use super::pooled::{self, about};
use crate::blocking::Job;
use crate::event_loop::budgeted;
use futures_core::Stream;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, FileType, Metadata};
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Entries that a thread reads at a time: about what one getdents(2) of std's brings.
const BATCH: usize = 512;

/// The entries of a directory, but for `.` and `..`, in no particular order.
///
/// # Errors
///
/// If the directory cannot be opened; the error names it.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// Nothing happens by it.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path: Arc<Path> = path.as_ref().into();
    let directory = path.clone();
    let open = move |path: &Path| fs::read_dir(path).map(Source);
    let source = pooled::call_for("reading the directory", &directory, open).await?;
    Ok(ReadDir {
        path,
        batch: VecDeque::new(),
        state: State::Idle(source),
    })
}

/// The entries of a directory: a [`Stream`], read in batches by the pool.
#[derive(Debug)]
pub struct ReadDir {
    path: Arc<Path>,
    batch: VecDeque<io::Result<DirEntry>>,
    state: State,
}

#[derive(Debug)]
struct Source(fs::ReadDir);

#[derive(Debug)]
enum State {
    Idle(Source),
    /// A thread reads the next batch; whether there is more comes back with it.
    Reading(Job<(VecDeque<io::Result<DirEntry>>, Option<Source>)>),
    Over,
}

impl ReadDir {
    /// The next entry, `None` after the last.
    ///
    /// # Errors
    ///
    /// What reading the directory gave; the error names it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// No entry is lost by dropping it.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_entry(cx)).await.transpose()
    }

    fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<DirEntry>>> {
        budgeted(cx, |cx| self.poll_next_entry(cx))
    }

    fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<DirEntry>>> {
        loop {
            if let Some(entry) = self.batch.pop_front() {
                return Poll::Ready(Some(entry));
            }
            match std::mem::replace(&mut self.state, State::Over) {
                State::Idle(source) => {
                    let path = self.path.clone();
                    let job = crate::blocking::spawn_blocking(move || source.batch(&path));
                    self.state = State::Reading(job);
                }
                State::Reading(mut job) => {
                    let Poll::Ready(read) = Pin::new(&mut job).poll(cx) else {
                        self.state = State::Reading(job);
                        return Poll::Pending;
                    };
                    match read {
                        Ok((batch, more)) => {
                            self.batch = batch;
                            self.state = more.map_or(State::Over, State::Idle);
                        }
                        Err(error) => return Poll::Ready(Some(Err(error.into()))),
                    }
                }
                State::Over => return Poll::Ready(None),
            }
        }
    }
}

impl Stream for ReadDir {
    type Item = io::Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(ready!(self.poll_entry(cx)))
    }
}

impl Source {
    fn batch(mut self, path: &Path) -> (VecDeque<io::Result<DirEntry>>, Option<Self>) {
        let mut batch = VecDeque::with_capacity(BATCH);
        while batch.len() < BATCH {
            match self.0.next() {
                Some(Ok(entry)) => batch.push_back(Ok(DirEntry::new(&entry))),
                Some(Err(error)) => {
                    batch.push_back(Err(about("reading the directory", path, &error)));
                }
                None => return (batch, None),
            }
        }
        (batch, Some(self))
    }
}

/// One entry of a directory.
#[derive(Clone, Debug)]
pub struct DirEntry {
    path: PathBuf,
    name: OsString,
    kind: Option<FileType>,
}

impl DirEntry {
    fn new(entry: &fs::DirEntry) -> Self {
        DirEntry {
            path: entry.path(),
            name: entry.file_name(),
            kind: entry.file_type().ok(),
        }
    }

    /// The directory's path and the name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name alone.
    pub fn file_name(&self) -> &OsString {
        &self.name
    }

    /// What it is; symbolic links are not followed. `None` if that could not be found out.
    pub fn file_type(&self) -> Option<FileType> {
        self.kind
    }

    /// What is known of it; symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// As [`symlink_metadata`](super::symlink_metadata).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing happens by it.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        super::symlink_metadata(&self.path).await
    }
}
