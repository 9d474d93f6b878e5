//! [`scope()`]: children that end before it does.

use super::caught::Caught;
use super::child::{Child, NoValue, Outcome, Ready, Slot};
use super::error_group::{ErrorGroup, Failure};
use super::local::{End, FillOnDrop, Local};
use super::node::{Hold, Listener, Node, Running};
use super::shield::outside;
use super::under::{Alarm, Under};
use super::{CancelReason, CancelToken, checkpoint, current};
use crate::event_loop::{poll_proceed, refund};
use crate::runtime::LoopRef;
use crate::task::JoinError;
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{pending, poll_fn};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};

/// Children whose ends a scope takes note of in one poll, before the loop's other tasks have a
/// turn. A child that waits for nothing is done in its first poll, at no charge to the budget.
const ENDS_A_POLL: u32 = 64;

/// Opens a scope: a place for children, which run concurrently with the body and have all ended
/// when the scope gives its result.
///
/// The children run inside the scope's own task, so they may borrow what lives longer than the
/// scope, as the threads of [`std::thread::scope`] may, and need not be `Send`; and nothing can
/// leak them. [`Scope::spawn_on`] starts one on another loop.
///
/// If the body or a child fails or panics, everything else in the scope is cancelled, and once that
/// has ended the failures come back together. See [the module](super) for what cancelling is.
///
/// ```
/// use ringmill::scope::scope;
/// use ringmill::time::sleep;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let words = vec!["structured", "concurrency"];
/// let lengths = ringmill::block_on(scope(async |s| {
///     let first = s.spawn(async { Ok(words[0].len()) });
///     let second = s.spawn(async { Ok(words[1].len()) });
///     Ok::<_, std::io::Error>(first.await? + second.await?)
/// }))??;
/// assert_eq!(lengths, 21);
///
/// let failed = ringmill::block_on(scope(async |s| {
///     s.spawn(async { sleep(Duration::from_secs(3600)).await });
///     s.spawn(async { Err::<(), _>("no such host") });
///     Ok(())
/// }))?;
/// let group = failed.unwrap_err();
/// assert_eq!(group.errors().collect::<Vec<_>>(), [&"no such host"]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// An [`ErrorGroup`] with what the body and the children failed with; an empty one if the scope was
/// cancelled (by [`Scope::token`]) before its body was done.
///
/// # Cancel safety
///
/// Where a cancel scope around it is cancelled the children are, too, and that scope waits for
/// their shielded parts and for those on other loops; if one of them fails, the error group is given
/// all the same, as nothing else would tell of it. Where the future is dropped otherwise, the
/// children that run here are dropped with it; those on other loops are cancelled, and end soon
/// after.
#[track_caller]
pub fn scope<'env, T, E, B>(body: B) -> impl Future<Output = Result<T, ErrorGroup<E>>>
where
    B: for<'scope> AsyncFnOnce(&'scope Scope<'scope, 'env, E>) -> Result<T, E>,
{
    run(body, Location::caller())
}

async fn run<'env, T, E, B>(
    body: B,
    opened_at: &'static Location<'static>,
) -> Result<T, ErrorGroup<E>>
where
    B: for<'scope> AsyncFnOnce(&'scope Scope<'scope, 'env, E>) -> Result<T, E>,
{
    checkpoint().await;
    let around = current::current();
    // From the first failure on, so that it is told even if the scope around is cancelled.
    let mut told = None;
    let scope = Scope::new(around.as_ref());
    let _running = Running::under(&scope.node);
    // Dropped after all that may spawn.
    let _closing = Closing(&scope);
    let mut listener = Listener::new(scope.node.clone());
    let mut alarm = pin!(Alarm::new());
    let mut ends = FuturesUnordered::new();
    let mut body = pin!(Caught::new(async { body(&scope).await }));
    // Its own, so that a child's shield does not hold it up.
    let body_node = Node::below(&scope.node);
    let mut body_is = Body::New;
    let mut value = None;
    let mut cut_short = false;
    let mut failures = Vec::new();
    let mut fail = |failures: &mut Vec<_>, failure| {
        failures.push(failure);
        told.get_or_insert_with(|| around.as_ref().map(Hold::on));
        scope.node.cancel(CancelReason::Failure);
    };

    poll_fn(|cx| {
        listener.listen(cx.waker());
        alarm.as_mut().mind(&scope.node, cx);
        if body_is != Body::Ended {
            let mut polled = Poll::Pending;
            if body_is == Body::New || !body_node.must_end() {
                let _inside = current::enter(Some(body_node.clone()));
                polled = body.as_mut().poll(cx).map_ok(Some);
            }
            if polled.is_pending() && body_node.must_end() {
                polled = Poll::Ready(body.as_mut().end().map(|()| None));
            }
            body_is = Body::Begun;
            if let Poll::Ready(ended) = polled {
                body_is = Body::Ended;
                match ended {
                    Ok(Some(Ok(output))) => value = Some(output),
                    Ok(Some(Err(error))) => {
                        fail(&mut failures, Failure::error_at(error, opened_at))
                    }
                    Ok(None) => cut_short = true,
                    Err(panic) => {
                        let error = JoinError::panic(opened_at, panic);
                        fail(&mut failures, Failure::join_at(error, opened_at));
                    }
                }
            }
        }
        let inside = current::enter(Some(scope.node.clone()));
        for _ in 0..ENDS_A_POLL {
            scope.take_born(&mut ends);
            match Pin::new(&mut ends).poll_next(cx) {
                Poll::Ready(Some(ended)) => {
                    scope.children.set(scope.children.get() - 1);
                    match ended {
                        Ok(End::Done) => {}
                        Ok(End::Cancelled) => cut_short |= scope.node.is_cancelled(),
                        Err(failure) => fail(&mut failures, failure),
                    }
                }
                _ if !scope.born.borrow().is_empty() => {}
                Poll::Ready(None) if body_is == Body::Ended => return Poll::Ready(()),
                _ => {
                    drop(inside);
                    alarm.as_mut().mind(&scope.node, cx);
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;

    if cut_short && failures.is_empty() && current::is_cancelled() {
        // It ends with the scope around, and has nothing to tell.
        return pending().await;
    }
    match value {
        Some(value) if failures.is_empty() => Ok(value),
        _ => Err(ErrorGroup::new(failures, scope.node.reason())),
    }
}

/// How far the body of a scope is.
#[derive(Clone, Copy, PartialEq)]
enum Body {
    New,
    Begun,
    Ended,
}

/// A child to the scope: it ends with nothing, or with how it failed.
type Born<'scope, E> = Pin<Box<dyn Future<Output = Result<End, Failure<E>>> + 'scope>>;

/// A scope, to its body and its children: starts children and cancels all of them. See [`scope()`].
pub struct Scope<'scope, 'env: 'scope, E> {
    node: Arc<Node>,
    /// Children that were spawned and are not yet among those that run. Never dropped in place,
    /// so that children may borrow the scope: [`Closing`] does it.
    born: RefCell<ManuallyDrop<Vec<Born<'scope, E>>>>,
    /// How many have not ended.
    children: Cell<usize>,
    closed: Cell<bool>,
    invariant: PhantomData<(&'scope mut &'scope (), &'env mut &'env ())>,
}

impl<'scope, 'env, E> Scope<'scope, 'env, E> {
    fn new(around: Option<&Arc<Node>>) -> Self {
        Scope {
            node: Node::below_any(around),
            born: RefCell::default(),
            children: Cell::new(0),
            closed: Cell::new(false),
            invariant: PhantomData,
        }
    }

    /// Starts a child in this scope's task. It first runs when its spawner waits for something.
    ///
    /// Children may start siblings: a reference to the scope is free to copy into them.
    ///
    /// ```
    /// use ringmill::scope::{Scope, scope};
    /// use std::{cell::Cell, convert::Infallible};
    ///
    /// // Visits a tree of 15 nodes, each in a child of its own.
    /// fn visit<'scope>(s: &'scope Scope<'scope, '_, Infallible>, depth: u32, seen: &'scope Cell<u32>) {
    ///     s.spawn(async move {
    ///         seen.set(seen.get() + 1);
    ///         if depth > 0 {
    ///             visit(s, depth - 1, seen);
    ///             visit(s, depth - 1, seen);
    ///         }
    ///     });
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let seen = Cell::new(0);
    /// ringmill::block_on(scope(async |s| {
    ///     visit(s, 3, &seen);
    ///     Ok(())
    /// }))??;
    /// assert_eq!(seen.get(), 15);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn<F>(&'scope self, future: F) -> Child<<F::Output as Outcome<E>>::Value>
    where
        F: Future + 'scope,
        F::Output: Outcome<E>,
    {
        self.spawn_at(future, Location::caller())
    }

    pub(super) fn spawn_at<F>(
        &'scope self,
        future: F,
        spawned_at: &'static Location<'static>,
    ) -> Child<<F::Output as Outcome<E>>::Value>
    where
        F: Future + 'scope,
        F::Output: Outcome<E>,
    {
        let (node, running, slot, child) = self.child();
        self.adopt(Local {
            work: Caught::new(Under::counted(node, running, future)),
            slot: Some(slot),
            spawned_at,
            errors: PhantomData,
        });
        child
    }

    /// Starts a child on another loop, or on this one in a task of its own. The future is made
    /// there, and need not be `Send`.
    ///
    /// A loop that ends takes the child with it, which is a failure.
    #[track_caller]
    pub fn spawn_on<M, F>(
        &'scope self,
        target: &LoopRef,
        make: M,
    ) -> Child<<F::Output as Outcome<E>>::Value>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Outcome<E> + Send + 'static,
    {
        let spawned_at = Location::caller();
        let (node, running, slot, child) = self.child();
        let there = target.spawn(move || Under::counted(node, running, make()));
        // It cannot be dropped from here, so the scopes around wait for it.
        let hold = Hold::on(&self.node);
        self.adopt(async move {
            let joined = outside(there).await;
            drop(hold);
            match joined {
                Ok(ended) => slot.settle(ended.map(Outcome::into_result), spawned_at),
                Err(error) => slot.fail(Failure::join_at(error, spawned_at)),
            }
        });
        child
    }

    /// Starts a child and waits until it says that it is ready, and with what: a server that is
    /// listening, with its address. The child goes on running.
    ///
    /// ```
    /// use ringmill::net::{TcpListener, TcpStream};
    /// use ringmill::scope::{Ready, scope};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// ringmill::block_on(scope(async |s| {
    ///     let server = async |ready: Ready<_>| {
    ///         let mut listener = TcpListener::bind("127.0.0.1:0").await?;
    ///         ready.set(listener.local_addr()?);
    ///         let (mut stream, _) = listener.accept().await?;
    ///         stream.write_all(b"hello").await
    ///     };
    ///     let address = s.start(server).await?;
    ///     let mut answer = [0; 5];
    ///     TcpStream::connect(address).await?.read_exact(&mut answer).await?;
    ///     assert_eq!(&answer, b"hello");
    ///     Ok::<_, std::io::Error>(())
    /// }))??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoValue`] if the child ended before it was ready. Its error, if it returned one, is the
    /// scope's.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before the child is ready the child is cancelled.
    #[track_caller]
    pub fn start<V, M, F>(
        &'scope self,
        make: M,
    ) -> impl Future<Output = Result<V, NoValue>> + use<'scope, 'env, V, M, F, E>
    where
        M: FnOnce(Ready<V>) -> F,
        F: Future + 'scope,
        F::Output: Outcome<E>,
    {
        let ready = Slot::new();
        let child = self.spawn(make(Ready::new(ready.clone())));
        let unready = CancelOnDrop(Some(child.token()));
        async move {
            let value = poll_fn(|cx| {
                ready!(poll_proceed(cx));
                let polled = ready.poll(cx);
                if polled.is_ready() {
                    return polled;
                }
                if child.poll_end(cx).is_ready() {
                    return Poll::Ready(Err(NoValue::NeverReady));
                }
                refund();
                Poll::Pending
            })
            .await;
            unready.disarm();
            value
        }
    }

    /// Cancels the scope: its children and its body, from anywhere. What the body has returned
    /// before is the scope's result all the same.
    pub fn token(&self) -> CancelToken {
        CancelToken(self.node.clone())
    }

    /// How many children have not ended.
    pub fn len(&self) -> usize {
        self.children.get()
    }

    /// Whether all children have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn adopt(&self, child: impl Future<Output = Result<End, Failure<E>>> + 'scope) {
        if self.closed.get() {
            // By a destructor, after everything: it is dropped unpolled.
            return;
        }
        self.children.set(self.children.get() + 1);
        self.born.borrow_mut().push(Box::pin(child));
    }

    /// What each child needs.
    fn child<T>(&self) -> (Arc<Node>, Running, FillOnDrop<T>, Child<T>) {
        let node = Node::below(&self.node);
        // From now on, so that who cancels it waits for it even if it has not begun.
        let running = Running::under(&node);
        let slot = Slot::new();
        let child = Child::new(slot.clone(), &node);
        (node, running, FillOnDrop(slot), child)
    }

    fn take_born(&self, ends: &mut FuturesUnordered<Born<'scope, E>>) {
        ends.extend(self.born.borrow_mut().drain(..));
    }
}

impl<E> fmt::Debug for Scope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("children", &self.children.get())
            .field("token", &self.token())
            .finish_non_exhaustive()
    }
}

/// The end of a scope's future, done or dropped.
struct Closing<'scope, 'env, E>(&'scope Scope<'scope, 'env, E>);

impl<E> Drop for Closing<'_, '_, E> {
    fn drop(&mut self) {
        self.0.closed.set(true);
        // For children on other loops.
        self.0.node.cancel(CancelReason::Dropped);
        drop(ManuallyDrop::into_inner(self.0.born.take()));
    }
}

/// Cancels a child that is not wanted any more.
struct CancelOnDrop(Option<CancelToken>);

impl CancelOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(token) = self.0.take() {
            drop(token.cancel());
        }
    }
}
