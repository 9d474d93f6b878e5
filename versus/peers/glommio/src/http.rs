//! hyper on glommio: its `rt` traits for glommio's streams and timers.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_lite::{AsyncRead, AsyncWrite};
use glommio::net::TcpStream;
use glommio::timer::Timer;
use hyper::rt::{self, ReadBufCursor};
use hyper::service::service_fn;
use send_wrapper::SendWrapper;
use versus::peer::{self, Orders};

pub fn serve(orders: &Orders) -> io::Result<()> {
    let builder = peer::http_builder(Timers);
    super::accept_each(orders, move |stream| {
        let connection = builder.serve_connection(
            Stream {
                stream,
                room: Box::new([0; _]),
            },
            service_fn(peer::hello),
        );
        async move {
            // A connection that breaks off shows in the generator's own count of errors.
            let _ = connection.await;
        }
    })
}

struct Stream {
    stream: TcpStream,
    /// glommio reads into what is initialised; this is, once and for all.
    room: Box<[u8; 8 * 1024]>,
}

impl rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let length = this.room.len().min(cursor.remaining());
        let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut this.room[..length]))?;
        cursor.put_slice(&this.room[..read]);
        Poll::Ready(Ok(()))
    }
}

/// Not vectored: glommio would write the first slice only, so hyper gathers them by itself.
impl rt::Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

struct Timers;

impl rt::Timer for Timers {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(SendWrapper::new(Timer::new(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(mut timer) => timer
                .0
                .reset(deadline.saturating_duration_since(Instant::now())),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

/// hyper wants it to be `Send`; in truth it stays on its thread, or panics.
struct Sleep(SendWrapper<Timer>);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut *self.0).poll(cx).map(drop)
    }
}

impl rt::Sleep for Sleep {}
