//! [`Context`]: the values of all task-locals at one point of the program.

use super::{Attached, TaskLocal, current};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// The values that all [`TaskLocal`]s have at one point of the program. Cheap to clone, and immutable.
///
/// Tasks, calls and closures in pools take it along by themselves. It is for work that goes another
/// way, over a channel or a thread of one's own:
///
/// ```
/// use ringmill::context::Context;
///
/// ringmill::task_local! {
///     static USER: &'static str;
/// }
///
/// USER.sync_scope("ada", || {
///     let context = Context::current();
///     let thread = std::thread::spawn(move || context.run(|| USER.get()));
///     assert_eq!(thread.join().unwrap(), "ada");
/// });
/// ```
#[derive(Clone, Default)]
pub struct Context {
    /// One a task-local, so that its size does not grow with what was set before. `None` if empty.
    entries: Option<Arc<[Entry]>>,
}

#[derive(Clone)]
struct Entry {
    key: usize,
    name: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl Context {
    /// A context in which no task-local has a value.
    pub const fn empty() -> Self {
        Context { entries: None }
    }

    /// The context of the task or closure that runs on this thread; an empty one, if there is none.
    pub fn current() -> Self {
        current::look(|context| context.cloned().unwrap_or_default())
    }

    /// Whether no task-local has a value in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_none()
    }

    /// This context with another value, that of `key`.
    pub fn with<T: Send + Sync + 'static>(&self, key: &'static TaskLocal<T>, value: T) -> Self {
        let new = Entry {
            key: key.id(),
            name: key.name(),
            value: Arc::new(value),
        };
        let before = self.entries.as_deref().unwrap_or_default();
        // Iterators whose length is known: each fills one allocation.
        let entries: Arc<[Entry]> = match before.iter().position(|entry| entry.key == new.key) {
            Some(place) => {
                let mut new = Some(new);
                let replaced = before.iter().enumerate().map(|(at, entry)| {
                    let new = if at == place { new.take() } else { None };
                    new.unwrap_or_else(|| entry.clone())
                });
                replaced.collect()
            }
            None => before.iter().cloned().chain([new]).collect(),
        };
        Context {
            entries: Some(entries),
        }
    }

    /// The value of `key` in it.
    pub fn get<T: Send + Sync + 'static>(&self, key: &'static TaskLocal<T>) -> Option<&T> {
        let id = key.id();
        let mut entries = self.entries.as_deref()?.iter();
        let entry = entries.find(|entry| entry.key == id)?;
        entry.value.downcast_ref()
    }

    /// Runs a closure in this context, and in no other: a task-local that has no value in it has none
    /// for the closure.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        current::enter(self, work)
    }

    /// Has each poll of a future run in this context, and in no other, and its destructors as well.
    ///
    /// ```
    /// use ringmill::context::Context;
    /// use ringmill::time::sleep;
    /// use std::time::Duration;
    ///
    /// ringmill::task_local! {
    ///     static USER: &'static str;
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let context = Context::empty().with(&USER, "ada");
    /// ringmill::block_on(context.attach(async {
    ///     sleep(Duration::from_millis(1)).await;
    ///     assert_eq!(USER.get(), "ada");
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn attach<F: Future>(self, future: F) -> Attached<F> {
        Attached::new(self, future)
    }
}

/// Names the task-locals that have a value.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.iter().flat_map(|entries| entries.iter());
        let names = entries.map(|entry| entry.name);
        f.write_str("Context ")?;
        f.debug_set().entries(names).finish()
    }
}
