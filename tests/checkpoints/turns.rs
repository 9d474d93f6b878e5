//! Who is cancelled while waiting in a line, and stays for what somebody else shields, does not hold
//! up those behind.

use crate::kit::block_on;
use crate::kit::driver::{apply, on_each_driver};
use crate::kit::wait::{soon, until};
use ringmill::blocking::Limiter;
use ringmill::channel::{mpsc, oneshot};
use ringmill::scope::{CancelScope, NoValue, join_all, scope, shield};
use ringmill::{spawn, yield_now};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

type Part = Pin<Box<dyn Future<Output = ()>>>;

/// Lines `first` up, and behind it, shielded, `second`; cancels their scope, and makes room for one.
async fn line_up(
    first: impl Future<Output = ()> + 'static,
    second: impl Future<Output = ()> + 'static,
    are_waiting: impl FnMut() -> bool,
    make_room: impl FnOnce(),
) {
    let served = Rc::new(Cell::new(false));
    let serve = served.clone();
    let second = shield(async move {
        second.await;
        serve.set(true);
    });
    // Each is polled only when it is woken itself.
    let both: [Part; 2] = [Box::pin(first), Box::pin(second)];
    let scope = CancelScope::new();
    let token = scope.token();
    let ended = spawn(scope.run(join_all(both)));
    until("both in line", are_waiting).await;
    drop(token.cancel());
    make_room();
    assert!(
        soon("the turn of the second", ended)
            .await
            .unwrap()
            .is_err()
    );
    assert!(served.get());
}

#[apply(on_each_driver)]
fn a_cancelled_sender_passes_its_turn_on() {
    block_on(async {
        let (tx, mut rx) = mpsc::channel(1);
        tx.try_send(0).unwrap();
        let polled = Rc::new(Cell::new(0));
        let send = |number| {
            let (tx, polled) = (tx.clone(), polled.clone());
            async move {
                polled.set(polled.get() + 1);
                tx.send(number).await.unwrap();
            }
        };
        let receive = || assert_eq!(rx.try_recv(), Ok(0));
        line_up(send(1), send(2), || polled.get() == 2, receive).await;
        assert_eq!(rx.try_recv(), Ok(2));
        assert!(rx.try_recv().is_err());
    });
}

#[apply(on_each_driver)]
fn a_cancelled_acquire_passes_its_turn_on() {
    block_on(async {
        let limiter = Limiter::new(1);
        let permit = limiter.try_acquire(()).unwrap();
        let acquire = || {
            let limiter = limiter.clone();
            async move { drop(limiter.acquire(()).await) }
        };
        let are_waiting = || limiter.waiting(&()) == 2;
        line_up(acquire(), acquire(), are_waiting, || drop(permit)).await;
        assert_eq!((limiter.in_use(&()), limiter.waiting(&())), (0, 0));
    });
}

#[apply(on_each_driver)]
fn a_cancelled_start_of_a_limited_child_passes_its_turn_on() {
    block_on(async {
        let served = Cell::new(false);
        let all = scope(async |s| {
            let one = s.limited(1);
            let (end, ends) = oneshot::channel::<()>();
            let occupant = one
                .spawn(async {
                    ends.await.unwrap();
                    Ok(())
                })
                .await;
            let first = one.spawn(async { Ok(()) });
            let second = one.spawn(async {
                served.set(true);
                Ok(())
            });
            type Part<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
            let both: [Part<'_>; 2] = [
                Box::pin(async { drop(first.await) }),
                Box::pin(shield(async { drop(second.await) })),
            ];
            let inner = CancelScope::new();
            let token = inner.token();
            let ended = s.spawn(async { Ok(inner.run(join_all(both)).await.is_err()) });
            for _ in 0..8 {
                yield_now().await;
            }
            drop(token.cancel());
            end.send(()).unwrap();
            occupant.await.unwrap();
            assert!(ended.await.unwrap());
            Ok::<_, NoValue>(())
        });
        soon("the turn of the second", all).await.unwrap();
        assert!(served.get());
    });
}
