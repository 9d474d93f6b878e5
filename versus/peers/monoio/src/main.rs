//! monoio: an executor for each processor on its io_uring driver, buffers that go into each call and
//! come back with it, a task a connection, as its users write it. Its ring is set up with
//! `coop_taskrun`: an echo then costs a twentieth less than by its defaults, and
//! with `single_issuer` and `defer_taskrun` as much (median of five rounds, 64 connections).
//!
//! The driver is named, as `FusionDriver` would go on with epoll unasked where io_uring is refused.
//! hyper runs on monoio's own adapter, which works by readiness: poll, then read or write.

mod start;
mod task;
mod timer;

use std::future::Future;
use std::io;
use std::process::ExitCode;

use hyper::service::service_fn;
use io_uring::IoUring;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt, IntoPollIo};
use monoio::net::{TcpListener, TcpStream};
use monoio::time::TimeDriver;
use monoio::{IoUringDriver, Runtime, RuntimeBuilder};
use monoio_compat::hyper::{MonoioIo, MonoioTimer};
use versus::peer::{self, Orders, Servers};

/// The buffer of each connection, as in monoio's own examples.
const BUFFER: usize = 8 * 1024;

fn main() -> ExitCode {
    let servers = Servers {
        echo: Some(echo),
        http: Some(http),
    };
    let measured = peer::measured(
        "monoio",
        &[
            task::MEASURES,
            timer::MEASURES,
            timer::RESETS,
            start::MEASURES,
        ],
    );
    peer::main("monoio", &servers, &measured)
}

/// One executor, as its users have it, with its timer.
fn runtime() -> io::Result<Runtime<TimeDriver<IoUringDriver>>> {
    let mut ring = IoUring::builder();
    ring.setup_coop_taskrun().setup_taskrun_flag();
    RuntimeBuilder::<IoUringDriver>::new()
        .uring_builder(ring)
        .enable_timer()
        .build()
}

fn echo(orders: &Orders) -> io::Result<()> {
    accept_each(orders, |mut stream| async move {
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut done;
        loop {
            (done, buffer) = stream.read(buffer).await;
            if matches!(done, Ok(0) | Err(_)) {
                return;
            }
            (done, buffer) = stream.write_all(buffer).await;
            if done.is_err() {
                return;
            }
            buffer.clear();
        }
    })
}

fn http(orders: &Orders) -> io::Result<()> {
    let builder = peer::http_builder(MonoioTimer);
    accept_each(orders, move |stream| {
        let builder = builder.clone();
        async move {
            // Both show in the generator's own count of errors.
            let Ok(stream) = stream.into_poll_io() else {
                return;
            };
            let _ = builder
                .serve_connection(MonoioIo::new(stream), service_fn(peer::hello))
                .await;
        }
    })
}

/// Accepts for ever and spawns a task for each connection.
fn accept_each<C>(
    orders: &Orders,
    connection: impl Fn(TcpStream) -> C + Clone + Send + 'static,
) -> io::Result<()>
where
    C: Future<Output = ()> + 'static,
{
    orders.each_processor(move |share| {
        let mut runtime = runtime()?;
        runtime.block_on(async {
            share.ready()?;
            let listener = TcpListener::from_std(share.listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                monoio::spawn(connection(stream));
            }
        })
    })
}
