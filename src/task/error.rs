//! Why a task gave no output.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;

/// Why a task ended without an output: it panicked, or it was cancelled.
///
/// The message names the place where the task was spawned. Converted into an [`io::Error`] it has
/// the kind [`Other`](io::ErrorKind::Other) and stays reachable through [`io::Error::get_ref`].
pub struct JoinError {
    spawned_at: &'static Location<'static>,
    /// `None`: cancelled. A [`Cause`]: cancelled, and why. Else what it panicked with.
    payload: Option<Payload>,
}

/// Why a task was cancelled, if not because somebody asked for it.
struct Cause(String);

/// A panic's payload, which may not be `Sync`.
struct Payload(Box<dyn Any + Send + 'static>);

// SAFETY: through `&Payload` nothing of the payload is reachable but its type and, if that is
// `&'static str`, `String` or `Cause` (all `Sync`), its text.
unsafe impl Sync for Payload {}

impl Payload {
    fn cause(&self) -> Option<&str> {
        let Cause(cause) = self.0.downcast_ref()?;
        Some(cause)
    }

    fn message(&self) -> Option<&str> {
        let payload: &(dyn Any + Send) = &*self.0;
        match payload.downcast_ref::<&'static str>() {
            Some(text) => Some(text),
            None => payload.downcast_ref::<String>().map(String::as_str),
        }
    }
}

impl JoinError {
    pub(crate) fn cancelled(spawned_at: &'static Location<'static>) -> Self {
        Self {
            spawned_at,
            payload: None,
        }
    }

    /// Says why it was cancelled, though nobody asked for it.
    pub(crate) fn because(mut self, cause: String) -> Self {
        self.payload = Some(Payload(Box::new(Cause(cause))));
        self
    }

    pub(crate) fn panic(
        spawned_at: &'static Location<'static>,
        payload: Box<dyn Any + Send + 'static>,
    ) -> Self {
        Self {
            spawned_at,
            payload: Some(Payload(payload)),
        }
    }

    /// Whether the task was cancelled: aborted, or its loop shut down before it was done.
    pub fn is_cancelled(&self) -> bool {
        !self.is_panic()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        let payload = self.payload.as_ref();
        payload.is_some_and(|Payload(payload)| !payload.is::<Cause>())
    }

    /// What the task panicked with, ready for [`std::panic::resume_unwind`].
    ///
    /// # Panics
    /// If the task was cancelled; [`try_into_panic`](Self::try_into_panic) hands the error back
    /// instead.
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("`JoinError::into_panic` on a task that did not panic: {error}"),
        }
    }

    /// What the task panicked with.
    ///
    /// # Errors
    /// The error itself, if the task was cancelled.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, Self> {
        match self.payload {
            Some(Payload(payload)) if !payload.is::<Cause>() => Ok(payload),
            _ => Err(self),
        }
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spawned_at = self.spawned_at;
        match &self.payload {
            None => write!(f, "the task spawned at {spawned_at} was cancelled"),
            Some(payload) => match (payload.cause(), payload.message()) {
                (Some(cause), _) => {
                    write!(f, "the task spawned at {spawned_at} did not run: {cause}")
                }
                (None, Some(message)) => {
                    write!(f, "the task spawned at {spawned_at} panicked: {message}")
                }
                (None, None) => write!(f, "the task spawned at {spawned_at} panicked"),
            },
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        io::Error::other(error)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn assert_send_sync<T: Send + Sync>() {}

    #[test]
    fn a_join_error_tells_what_happened_and_where() {
        assert_send_sync::<JoinError>();
        let here = Location::caller();

        let cancelled = JoinError::cancelled(here);
        assert!(cancelled.is_cancelled() && !cancelled.is_panic());
        assert_eq!(
            cancelled.to_string(),
            format!("the task spawned at {here} was cancelled")
        );
        assert!(cancelled.try_into_panic().unwrap_err().is_cancelled());

        for payload in [
            Box::new("boom") as Box<dyn Any + Send>,
            Box::new(String::from("boom")),
        ] {
            let panicked = JoinError::panic(here, payload);
            assert!(panicked.is_panic() && !panicked.is_cancelled());
            assert_eq!(
                panicked.to_string(),
                format!("the task spawned at {here} panicked: boom")
            );
        }

        let odd = JoinError::panic(here, Box::new(7_u32));
        assert_eq!(
            odd.to_string(),
            format!("the task spawned at {here} panicked")
        );
        assert_eq!(*odd.into_panic().downcast::<u32>().unwrap(), 7);

        let io = io::Error::from(JoinError::cancelled(here));
        assert_eq!(io.kind(), io::ErrorKind::Other);
        assert!(
            io.get_ref()
                .unwrap()
                .downcast_ref::<JoinError>()
                .unwrap()
                .is_cancelled()
        );
    }
}
