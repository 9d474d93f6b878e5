//! [`DrainingService`]: tells clients of a server that drains that their answer is the last one.

use crate::Drain;
use ::hyper::Response;
use ::hyper::header::{CONNECTION, HeaderValue};
use ::hyper::service::Service;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A service whose answers carry `Connection: close` once the drain has started.
///
/// So a busy connection ends with an answer, at a point that the client knows of, and never between
/// a request that is on its way and its answer.
pub(super) struct DrainingService<S> {
    pub(super) service: S,
    pub(super) drain: Drain,
}

impl<S, R, B> Service<R> for DrainingService<S>
where
    S: Service<R, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn call(&self, request: R) -> Self::Future {
        Answer {
            answer: self.service.call(request),
            drain: self.drain.clone(),
        }
    }
}

pin_project! {
    /// The answer to one request.
    pub(super) struct Answer<F> {
        #[pin]
        answer: F,
        drain: Drain,
    }
}

impl<F, B, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.answer.poll(cx))?;
        if this.drain.is_started() {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        Poll::Ready(Ok(answer))
    }
}
