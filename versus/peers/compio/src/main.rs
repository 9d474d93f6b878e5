//! compio: a runtime for each processor, buffers that go into each call and come back with it, a task
//! a connection, as its users write it. Of its settings for io_uring those two are taken that it
//! recommends to most (`coop_taskrun`): an echo then costs a twentieth less than by its defaults.
//!
//! hyper runs on compio's own adapter, which copies through a buffer between completion and hyper.

mod start;
mod task;
mod timer;

use std::future::Future;
use std::io;
use std::process::ExitCode;

use compio::BufResult;
use compio::driver::ProactorBuilder;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{self, Runtime, RuntimeBuilder};
use cyper_core::{CompioTimer, HyperStream};
use hyper::service::service_fn;
use versus::peer::{self, Orders, Servers};

/// The buffer of each connection.
const BUFFER: usize = 8 * 1024;

fn main() -> ExitCode {
    let servers = Servers {
        echo: Some(echo),
        http: Some(http),
    };
    let measured = peer::measured(
        "compio",
        &[
            task::MEASURES,
            task::YIELDS,
            timer::MEASURES,
            start::MEASURES,
        ],
    );
    peer::main("compio", &servers, &measured)
}

/// One runtime. `single_issuer` and `defer_taskrun` instead cost an echo as much (median of five
/// rounds, 64 connections).
fn runtime() -> io::Result<Runtime> {
    let mut driver = ProactorBuilder::new();
    driver.coop_taskrun(true).taskrun_flag(true);
    RuntimeBuilder::new().with_proactor(driver).build()
}

fn echo(orders: &Orders) -> io::Result<()> {
    accept_each(orders, |mut stream| async move {
        let mut buffer = Vec::with_capacity(BUFFER);
        loop {
            let BufResult(read, filled) = stream.read(buffer).await;
            if matches!(read, Ok(0) | Err(_)) {
                return;
            }
            let BufResult(written, emptied) = stream.write_all(filled).await;
            if written.is_err() {
                return;
            }
            buffer = emptied;
            buffer.clear();
        }
    })
}

fn http(orders: &Orders) -> io::Result<()> {
    let builder = peer::http_builder(CompioTimer);
    accept_each(orders, move |stream| {
        let stream = HyperStream::new_plain(stream);
        let connection = builder.serve_connection(stream, service_fn(peer::hello));
        async move {
            // A connection that breaks off shows in the generator's own count of errors.
            let _ = connection.await;
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
        let runtime = runtime()?;
        runtime.block_on(async {
            share.ready()?;
            let listener = TcpListener::from_std(share.listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                runtime::spawn(connection(stream)).detach();
            }
        })
    })
}
