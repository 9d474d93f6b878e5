//! The sending end of an unbounded channel.

use super::shared::Shared;
use crate::channel::SendError;
use crate::sys::atomics::Arc;
use std::fmt;

/// The sending end of an [`unbounded`](super::unbounded()) channel. Clones send to the same
/// receiver, which gets its `None` when the last of them is gone.
pub struct UnboundedSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> UnboundedSender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        UnboundedSender { shared }
    }

    /// Sends a message, from anywhere: there is always room.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or has closed the channel; the message is in the error.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let sent = self.shared.try_send(message);
        sent.map_err(|error| SendError(error.into_inner()))
    }

    /// Whether nobody will receive what is sent: the receiver is gone or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// How many messages are queued.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no message is queued.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// Whether both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        UnboundedSender::new(self.shared.clone())
    }
}

impl<T> Drop for UnboundedSender<T> {
    fn drop(&mut self) {
        self.shared.drop_sender();
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender")
            .field("len", &self.len())
            .finish()
    }
}
