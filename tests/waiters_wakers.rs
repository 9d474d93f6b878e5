//! `Waiters` and the wakers of foreign executors, whose destructors may do anything.

mod kit;

use kit::block_on;
use kit::driver::{apply, on_each_driver};
use kit::wait::until;
use ringmill::correlation::Waiters;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

const SHORT: Duration = Duration::from_micros(300);

/// Looks at the registry as it is dropped.
struct Looks(Waiters<u64, u64>);

impl Wake for Looks {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Looks {
    fn drop(&mut self) {
        self.0.stats();
    }
}

#[apply(on_each_driver)]
fn a_waker_that_is_left_behind_may_use_the_registry_as_it_is_dropped() {
    block_on(async {
        let waiters = Waiters::<u64, u64>::builder().shards(1).build();
        let mut waiter = Box::pin(waiters.register(1, SHORT).unwrap());
        let left = {
            let looks = Arc::new(Looks(waiters.clone()));
            let left = Arc::downgrade(&looks);
            let waker = Waker::from(looks);
            let polled = waiter.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            left
        };
        // The timer has used its waker up; the registry still has one.
        until("the deadline", || left.strong_count() == 1).await;
        drop(waiter);
        assert_eq!(waiters.stats().dropped, 1);
    });
}
