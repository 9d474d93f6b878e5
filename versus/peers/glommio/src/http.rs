//! hyper on glommio: its `rt` traits for glommio's streams and timers.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::slice;
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
        let connection = builder.serve_connection(Stream(stream), service_fn(peer::hello));
        async move {
            // A connection that breaks off shows in the generator's own count of errors.
            let _ = connection.await;
        }
    })
}

struct Stream(TcpStream);

impl rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: nothing in it is uninitialised again.
        let room = unsafe { cursor.as_mut() };
        // futures-io reads into what is initialised only; so do the examples of glommio.
        room.fill(MaybeUninit::new(0));
        // SAFETY: it was filled in the line before, and is borrowed until `read` is known.
        let room = unsafe { slice::from_raw_parts_mut(room.as_mut_ptr().cast::<u8>(), room.len()) };
        let read = ready!(Pin::new(&mut self.0).poll_read(cx, room))?;
        assert!(read <= room.len(), "read more than there was room for");
        // SAFETY: the first `read` bytes are initialised, as all of them are, and lie within.
        unsafe { cursor.advance(read) };
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
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
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
