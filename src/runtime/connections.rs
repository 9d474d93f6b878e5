//! The connections of one server on one loop: how many live, and ending them.

use super::placement::Seats;
use crate::task::AbortHandle;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// The live connection tasks of one server on one loop.
pub(super) struct Connections {
    seats: Seats,
    live: RefCell<Slab<Option<AbortHandle>>>,
    waiting: Cell<Option<Waker>>,
}

/// One connection's place; it is free again when this is dropped.
pub(super) struct Place {
    connections: Rc<Connections>,
    key: usize,
}

impl Connections {
    /// None yet; those to come are counted by `seats`.
    pub(super) fn new(seats: Seats) -> Self {
        Connections {
            seats,
            live: RefCell::default(),
            waiting: Cell::default(),
        }
    }

    /// Runs the future of a connection that is counted as a task. The count ends with it.
    pub(super) fn spawn(self: &Rc<Self>, connection: impl Future<Output = ()> + 'static) {
        let key = self.live.borrow_mut().insert(None);
        let place = Place {
            connections: self.clone(),
            key,
        };
        let task = super::spawn(async move {
            let _place = place;
            connection.await;
        });
        if let Some(entry) = self.live.borrow_mut().get_mut(key) {
            *entry = Some(task.abort_handle());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.live.borrow().len()
    }

    /// Waits until no connection lives.
    pub(super) async fn ended(&self) {
        poll_fn(|cx| {
            if self.len() == 0 {
                return Poll::Ready(());
            }
            drop(self.waiting.replace(Some(cx.waker().clone())));
            Poll::Pending
        })
        .await;
    }

    /// Cancels every connection that lives. Returns how many.
    pub(super) fn abort(&self) -> usize {
        let handles: Vec<AbortHandle> = self
            .live
            .borrow()
            .iter()
            .filter_map(|(_, handle)| handle.clone())
            .collect();
        for handle in &handles {
            handle.abort();
        }
        handles.len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (handle, left) = {
            let mut live = self.connections.live.borrow_mut();
            (live.try_remove(self.key), live.len())
        };
        drop(handle);
        self.connections.seats.leave();
        if left == 0
            && let Some(waker) = self.connections.waiting.take()
        {
            waker.wake();
        }
    }
}
