//! [`TaskLocal`]: one value that follows the work, and the scopes in which it has one.

use super::{Attached, Context, current};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll};

/// Declares [`TaskLocal`]s, as `thread_local!` does thread-locals.
///
/// ```
/// ringmill::task_local! {
///     /// Who asks.
///     pub static USER: String;
///     static ATTEMPT: u32;
/// }
///
/// USER.sync_scope("ada".to_owned(), || {
///     ATTEMPT.sync_scope(2, || {
///         assert_eq!((USER.get().as_str(), ATTEMPT.get()), ("ada", 2));
///     });
/// });
/// ```
#[macro_export]
macro_rules! task_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty);* $(;)?) => {
        $(
            $(#[$attribute])*
            $visibility static $name: $crate::context::TaskLocal<$type> =
                $crate::context::TaskLocal::new(::core::stringify!($name));
        )*
    };
}

/// A value that a future has for itself and for all that it begins; see the [module](super).
///
/// Declared by [`task_local!`](crate::task_local), or as a static by hand.
pub struct TaskLocal<T: 'static> {
    name: &'static str,
    /// Given at the first use; 0 until then. (It also has the compiler refuse a `const`, of which
    /// each use would be a task-local of its own.)
    id: AtomicUsize,
    value: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> TaskLocal<T> {
    /// A task-local without a value. The name is for messages.
    pub const fn new(name: &'static str) -> Self {
        TaskLocal {
            name,
            id: AtomicUsize::new(0),
            value: PhantomData,
        }
    }

    /// Gives it a value for a future, and for the tasks, calls and closures that the future begins.
    /// The other task-locals keep what they have where the future is first polled.
    ///
    /// The value is dropped with the last of them.
    ///
    /// ```
    /// ringmill::task_local! {
    ///     static DEPTH: u32;
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// ringmill::block_on(DEPTH.scope(1, async {
    ///     DEPTH.scope(2, async { assert_eq!(DEPTH.get(), 2) }).await;
    ///     assert_eq!(DEPTH.get(), 1);
    /// }))?;
    /// assert_eq!(DEPTH.try_get().ok(), None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// That of the future, which is dropped within the scope.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scope<T, F> {
        Scope {
            begins: Some((self, value)),
            attached: Attached::new(Context::empty(), future),
        }
    }

    /// Gives it a value for a closure, and for all that the closure begins.
    pub fn sync_scope<R>(&'static self, value: T, work: impl FnOnce() -> R) -> R {
        let context = current::look(|context| inner(context, self, value));
        context.run(work)
    }

    /// Looks at the value.
    ///
    /// # Panics
    ///
    /// If it has none.
    #[track_caller]
    pub fn with<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        match self.try_with(look) {
            Ok(looked) => looked,
            Err(error) => panic!("{error}"),
        }
    }

    /// Looks at the value, if it has one.
    ///
    /// # Errors
    ///
    /// [`AccessError`] where it has none.
    pub fn try_with<R>(&'static self, look: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        current::look(
            |context| match context.and_then(|context| context.get(self)) {
                Some(value) => Ok(look(value)),
                None => Err(AccessError { name: self.name }),
            },
        )
    }

    /// A clone of the value.
    ///
    /// # Panics
    ///
    /// If it has none.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A clone of the value, if it has one.
    ///
    /// # Errors
    ///
    /// [`AccessError`] where it has none.
    pub fn try_get(&'static self) -> Result<T, AccessError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// What tells it from all others: not 0.
    pub(super) fn id(&'static self) -> usize {
        match self.id.load(Ordering::Relaxed) {
            0 => self.first_id(),
            id => id,
        }
    }

    #[cold]
    fn first_id(&'static self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let new = NEXT.fetch_add(1, Ordering::Relaxed);
        // Another thread may have been faster.
        let set = self
            .id
            .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
        set.map_or_else(|id| id, |_| new)
    }
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn inner<T: Send + Sync + 'static>(
    context: Option<&Context>,
    key: &'static TaskLocal<T>,
    value: T,
) -> Context {
    context.unwrap_or(&Context::empty()).with(key, value)
}

pin_project! {
    /// A future for which a task-local has a value: what [`TaskLocal::scope`] returns.
    ///
    /// # Cancel safety
    ///
    /// That of the future.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Scope<T, F>
    where
        T: Send,
        T: Sync,
        T: 'static,
    {
        // Until the first poll, which knows the other task-locals' values.
        begins: Option<(&'static TaskLocal<T>, T)>,
        #[pin]
        attached: Attached<F>,
    }

    impl<T, F> PinnedDrop for Scope<T, F>
    where
        T: Send,
        T: Sync,
        T: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            // The future is dropped next, and has the value then even if it was never polled.
            this.begin();
        }
    }
}

impl<T: Send + Sync + 'static, F> Scope<T, F> {
    fn begin(self: Pin<&mut Self>) {
        let this = self.project();
        if let Some((key, value)) = this.begins.take() {
            let context = current::look(|context| inner(context, key, value));
            this.attached.set_context(context);
        }
    }
}

impl<T: Send + Sync + 'static, F: Future> Future for Scope<T, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        self.as_mut().begin();
        self.project().attached.poll(cx)
    }
}

impl<T: Send + Sync + 'static, F> fmt::Debug for Scope<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// A [`TaskLocal`] has no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError {
    name: &'static str,
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task-local {} has no value here", self.name)
    }
}

impl Error for AccessError {}
