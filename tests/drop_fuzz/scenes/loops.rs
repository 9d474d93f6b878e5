//! Tasks and loops: who joins, calls, or waits for a server's end.

use super::gap;
use crate::cut::Cut;
use crate::kit::dropped::Dropped;
use crate::kit::tcp::ANY;
use crate::kit::wait::until;
use ringmill::net::TcpStream;
use ringmill::{Drain, Handle, PerLoop, serve, serve_with, spawn, spawn_anywhere, yield_now};
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

/// The loop that is not the scene's.
const OTHER: usize = 1;

async fn answer() -> u32 {
    gap().await;
    7
}

pub async fn join(cut: Cut) {
    let mut task = spawn(answer());
    let joined = loop {
        if let Some(joined) = cut.at(&mut task).await {
            break joined;
        }
    };
    assert_eq!(joined.unwrap(), 7);
}

pub async fn join_from_another_loop(cut: Cut) {
    let mut task = Handle::current().spawn_on(OTHER, answer);
    let joined = loop {
        if let Some(joined) = cut.at(&mut task).await {
            break joined;
        }
    };
    assert_eq!(joined.unwrap(), 7);
}

pub async fn join_from_anywhere(cut: Cut) {
    let mut task = spawn_anywhere(answer);
    while cut.at(&mut task).await.is_none() {}
}

pub async fn abort_on_drop(cut: Cut) {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let task = spawn(async move {
        let _guard = guard;
        answer().await
    });
    if let Some(joined) = cut.at(task.abort_on_drop()).await {
        assert_eq!(joined.unwrap(), 7);
    }
    until("its drop", || dropped.count() == 1).await;
}

pub async fn yielding(cut: Cut) {
    cut.at(yield_now()).await;
}

/// What the call had taken along is gone in any case.
pub async fn call(cut: Cut) {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let handle = Handle::current();
    let call = handle.loops()[OTHER].call(move || async move {
        let _guard = guard;
        answer().await
    });
    if let Some(answer) = cut.at(call).await {
        assert_eq!(answer.unwrap(), 7);
    }
    until("its drop", || dropped.count() == 1).await;
}

pub async fn for_each_loop(cut: Cut) {
    let handle = Handle::current();
    let asking = handle.for_each_loop(|index| async move {
        gap().await;
        index
    });
    if let Some(answers) = cut.at(asking).await {
        assert_eq!(answers.unwrap(), [0, 1]);
    }
}

/// The values are dropped, on the loops where they were made.
pub async fn per_loop(cut: Cut) {
    let dropped = Dropped::default();
    let handle = Handle::current();
    let made = {
        let dropped = dropped.clone();
        cut.at(PerLoop::new(&handle, move |index| (index, dropped.guard())))
            .await
    };
    if let Some(values) = made {
        let values = values.unwrap();
        let there = values.call_on(OTHER, |value| async move { value.0 });
        let there = cut.at(there).await;
        assert!(there.is_none_or(|there| there.unwrap() == OTHER));
        drop(values);
        until("the drops", || dropped.count() == 2).await;
    }
}

/// Echoes one byte.
async fn echo(mut stream: TcpStream, drain: Drain) {
    let mut room = [0; 1];
    if let Ok(1) = stream.read(&mut room).await {
        stream.write_all(&room).await.unwrap();
        drain.started().await;
    }
}

/// A server that is ended serves nobody any more; one that is let be drains when it is told to.
async fn serving(
    cut: Cut,
    serve: impl AsyncFnOnce(Rc<Cell<Option<SocketAddr>>>, Rc<Cell<bool>>) -> io::Result<()>,
) {
    let (address, stop) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(false)));
    let client = spawn({
        let (address, stop) = (address.clone(), stop.clone());
        async move {
            while address.get().is_none() && !stop.get() {
                gap().await;
            }
            if let Some(address) = address.get()
                && let Ok(mut stream) = TcpStream::connect(address).await
            {
                // A server that was ended takes the connection down.
                let _ = stream.write_all(b"x").await;
                let _ = stream.read(&mut [0; 1]).await;
                stop.set(true);
                let _ = stream.read(&mut [0; 1]).await;
            }
        }
    });
    if let Some(served) = cut.at(serve(address, stop.clone())).await {
        served.unwrap();
    }
    stop.set(true);
    client.await.unwrap();
}

async fn stopped(stop: Rc<Cell<bool>>) {
    while !stop.get() {
        gap().await;
    }
}

pub async fn server(cut: Cut) {
    serving(cut, async |address, stop| {
        let ready = move |bound| address.set(Some(bound));
        serve(ANY, echo)
            .signals(false)
            .on_ready(ready)
            .until(stopped(stop))
            .await
    })
    .await;
}

pub async fn server_with(cut: Cut) {
    serving(cut, async |address, stop| {
        let ready = move |bound| address.set(Some(bound));
        serve_with(ANY, || echo)
            .signals(false)
            .on_ready(ready)
            .until(stopped(stop))
            .await
    })
    .await;
}

pub async fn draining(cut: Cut) {
    let drain = Drain::default();
    let starting = spawn({
        let drain = drain.clone();
        async move {
            gap().await;
            drain.start();
        }
    });
    while cut.at(drain.started()).await.is_none() {}
    assert!(drain.is_started());
    starting.await.unwrap();
}
