//! Only so many children at a time, and their values as they come.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::dropped::Dropped;
use kit::wait::soon;
use kit::{ON_PURPOSE, block_on, hush};
use ringmill::scope::{NoValue, Results, move_on_after, scope};
use ringmill::yield_now;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

#[apply(on_each_driver)]
fn at_most_so_many_run_and_those_who_wait_come_in_order() {
    let (now, most) = (Cell::new(0), Cell::new(0));
    let order = RefCell::new(Vec::new());
    block_on(scope(async |s| {
        let few = s.limited(3);
        // Many who wait, in a known order.
        for i in 0..50 {
            let (few, now, most, order) = (few.clone(), &now, &most, &order);
            s.spawn(async move {
                few.spawn(async move {
                    order.borrow_mut().push(i);
                    now.set(now.get() + 1);
                    most.set(most.get().max(now.get()));
                    for _ in 0..i % 7 {
                        yield_now().await;
                    }
                    now.set(now.get() - 1);
                })
                .await;
            });
        }
        Ok::<_, Infallible>(())
    }))
    .unwrap();
    assert_eq!((now.get(), most.get()), (0, 3));
    assert_eq!(order.take(), (0..50).collect::<Vec<_>>());
}

#[apply(on_each_driver)]
fn without_room_the_future_comes_back_and_room_comes_back_in_any_case() {
    hush();
    block_on(scope(async |s| {
        let one = s.limited(1);
        for how in 0..3 {
            assert_eq!(one.room(), 1);
            let child = one.try_spawn(pending::<()>()).unwrap();
            assert_eq!(one.room(), 0);
            assert!(one.try_spawn(pending::<()>()).is_err());
            match how {
                0 => child.cancel().await,
                1 => {
                    // Two who wait: the first is given up, before its turn or when it has come.
                    let first = move_on_after(Duration::ZERO, one.spawn(pending::<()>()));
                    assert!(first.await.is_none());
                    let mut first = Box::pin(one.spawn(async { Ok(1) }));
                    assert!(futures_lite::future::poll_once(&mut first).await.is_none());
                    let mut second = Box::pin(one.spawn(async { Ok(2) }));
                    assert!(futures_lite::future::poll_once(&mut second).await.is_none());
                    child.cancel().await;
                    assert!(one.try_spawn(async {}).is_err(), "overtook those who wait");
                    drop(first);
                    let child = soon("its turn", second).await;
                    assert_eq!(child.await, Ok(2));
                }
                _ => {
                    drop(child.cancel());
                    let quick = soon("room", one.spawn(async { Ok(3) })).await;
                    assert_eq!(quick.await, Ok(3));
                }
            }
        }
        Ok::<_, NoValue>(())
    }))
    .unwrap();
    // A panic gives its room back, too.
    let group = block_on(scope(async |s| {
        let one = s.limited(1);
        one.spawn(async {
            if true {
                panic!("{ON_PURPOSE}");
            }
        })
        .await;
        drop(ringmill::scope::shield(one.spawn(async {})).await);
        Ok::<_, Infallible>(())
    }));
    assert!(group.unwrap_err().is_panic());
}

#[apply(on_each_driver)]
fn values_come_as_children_end() {
    let dropped = Dropped::default();
    let order = block_on(scope(async |s| {
        let mut results = Results::new();
        assert!(results.next().await.is_none());
        for i in [9, 1, 5] {
            results.push(s.spawn(async move {
                for _ in 0..i {
                    yield_now().await;
                }
                Ok::<_, NoValue>(i)
            }));
        }
        let never = s.spawn(async { Ok(pending::<i32>().await) });
        let token = never.token();
        results.push(never);
        let mut order = Vec::new();
        while let Some(result) = soon("a result", results.next()).await {
            order.push(result);
            if order.len() == 3 {
                drop(token.cancel());
            }
        }
        let guard = dropped.guard();
        results.push(s.spawn(async move {
            yield_now().await;
            drop(guard);
            Ok(1)
        }));
        drop(results);
        Ok(order)
    }))
    .unwrap();
    assert_eq!(order, [Ok(1), Ok(5), Ok(9), Err(NoValue::Cancelled)]);
    assert_eq!(dropped.count(), 1);
}
