//! [`TraceId`]: which request a piece of work belongs to.

use crate::context::{Scope, TaskLocal};
use crate::random;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU128;
use std::str::FromStr;

static CURRENT: TaskLocal<TraceId> = TaskLocal::new("trace_id");

/// The trace id of the work that runs on this thread, if it has one.
pub fn trace_id() -> Option<TraceId> {
    CURRENT.try_get().ok()
}

/// Names all the work that belongs together, a request's say, in logs and across services: the
/// `trace-id` of [W3C Trace Context](https://www.w3.org/TR/trace-context/), 16 bytes that are not all
/// zero, written as 32 lower-case hexadecimal digits.
///
/// It is a [task-local](crate::context): once set, it goes along to tasks, other loops, and pools.
///
/// ```
/// use ringmill::{TraceId, trace_id};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // From a request's header, or a new one.
/// let header = "4bf92f3577b34da6a3ce929d0e0e4736";
/// let id: TraceId = header.parse().unwrap_or_else(|_| TraceId::random());
/// ringmill::block_on(id.scope(async {
///     let logged = ringmill::spawn(async { trace_id().unwrap().to_string() });
///     assert_eq!(logged.await.unwrap(), header);
/// }))?;
/// assert_eq!(trace_id(), None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// A new one, of [`random`] numbers: the same again under the same seed.
    pub fn random() -> Self {
        loop {
            let mut bytes = [0; 16];
            random::fill(&mut bytes);
            if let Some(id) = TraceId::from_bytes(bytes) {
                return id;
            }
        }
    }

    /// The id of these bytes; `None` if all are zero.
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        match NonZeroU128::new(u128::from_be_bytes(bytes)) {
            Some(number) => Some(TraceId(number)),
            None => None,
        }
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }

    /// Makes it the [`trace_id`] of a future, and of all that the future begins; see
    /// [`TaskLocal::scope`].
    ///
    /// # Cancel safety
    ///
    /// That of the future.
    pub fn scope<F: Future>(self, future: F) -> Scope<TraceId, F> {
        CURRENT.scope(self, future)
    }

    /// Makes it the [`trace_id`] of a closure, and of all that the closure begins.
    pub fn sync_scope<R>(self, work: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, work)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl FromStr for TraceId {
    type Err = ParseTraceIdError;

    /// Upper-case digits are refused, as the standard demands.
    fn from_str(text: &str) -> Result<Self, ParseTraceIdError> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(ParseTraceIdError(()));
        }
        let number = u128::from_str_radix(text, 16).ok();
        let number = number.and_then(NonZeroU128::new);
        number.map(TraceId).ok_or(ParseTraceIdError(()))
    }
}

/// A text is no [`TraceId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseTraceIdError(());

impl fmt::Display for ParseTraceIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a trace id is 32 lower-case hexadecimal digits that are not all zero")
    }
}

impl Error for ParseTraceIdError {}
