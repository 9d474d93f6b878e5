//! hyper over this runtime: its client and its server, on our streams, timers and executor.

mod kit;

use futures_lite::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode};
use kit::driver::{apply, carried, on_each_driver};
use kit::{build, builder};
use ringmill::hyper::{Http1, LoopExecutor, Serve, serve, serve_with};
use ringmill::net::{TcpListener, TcpStream, ToSocketAddrs};
use ringmill::{Drain, Handle};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

const MEBIBYTE: usize = 1 << 20;

fn run<T>(test: impl Future<Output = T>) -> T {
    kit::block_on(test)
}

/// A condition that tasks wait for; in a service that is given to several loops it must be `Send`.
#[derive(Clone, Default)]
struct Event(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Event {
    fn set(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        state.1.drain(..).for_each(Waker::wake);
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// A client on `stream`; its connection runs as a task.
async fn client<B>(stream: TcpStream) -> http1::SendRequest<B>
where
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (sender, connection) = http1::handshake(stream).await.unwrap();
    hyper::rt::Executor::execute(&LoopExecutor, async {
        // How it ended is seen by its requests.
        let _ = connection.await;
    });
    sender
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    let request = Request::get(path).header(HOST, "test");
    request.body(Empty::new()).unwrap()
}

async fn collect(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// Everything that comes until the end of the stream.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while let Some(bytes) = stream.recv().await.unwrap() {
        text.extend_from_slice(&bytes);
    }
    String::from_utf8(text).unwrap()
}

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from(request.uri().path().to_owned())))
}

#[apply(on_each_driver)]
fn one_connection_serves_many_requests() {
    run(async {
        let (client_end, server_end) = pair().await;
        let served = Http1::new().serve_connection(server_end, service_fn(hello), Drain::default());
        let served = ringmill::spawn(served);
        let mut client = client(client_end).await;
        for number in 0..100 {
            client.ready().await.unwrap();
            let path = format!("/{number}");
            let response = client.send_request(get(&path)).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(collect(response).await, path);
        }
        drop(client);
        served.await.unwrap().unwrap();
    });
}

#[apply(on_each_driver)]
fn pipelined_requests_are_answered_in_order() {
    run(async {
        let (mut client, server) = pair().await;
        let served = Http1::new().serve_connection(server, service_fn(hello), Drain::default());
        ringmill::spawn(served);
        let mut requests = String::new();
        for number in 0..64 {
            requests += &format!("GET /{number} HTTP/1.1\r\nHost: test\r\n\r\n");
        }
        // The last one closes, and what follows it is not a request at all.
        requests += "GET /64 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\nrubbish";
        client.write_all(requests.as_bytes()).await.unwrap();
        let answers = read_to_end(&mut client).await;
        let mut number = 0;
        for answer in answers.split("HTTP/1.1 ").skip(1) {
            assert!(answer.starts_with("200 OK\r\n"), "{answer}");
            assert!(answer.ends_with(&format!("\r\n\r\n/{number}")), "{answer}");
            number += 1;
        }
        assert_eq!(number, 65);
    });
}

#[apply(on_each_driver)]
fn a_malformed_request_is_answered_before_the_end() {
    run(async {
        let (mut client, server) = pair().await;
        let served = Http1::new().serve_connection(server, service_fn(hello), Drain::default());
        let served = ringmill::spawn(served);
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\nrub\x01bish\r\n\r\n")
            .await
            .unwrap();
        let answers = read_to_end(&mut client).await;
        assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
        assert!(
            answers.contains("/HTTP/1.1 400 Bad Request\r\n"),
            "{answers}"
        );
        drop(client);
        assert!(served.await.unwrap().unwrap_err().is_parse());
    });
}

#[apply(on_each_driver)]
fn large_and_chunked_bodies_pass_both_ways() {
    async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let chunked = request.headers().contains_key(TRANSFER_ENCODING);
        let body = request.into_body().collect().await?.to_bytes();
        let response = Response::builder().header("x-chunked", chunked.to_string());
        Ok(response.body(Full::new(body)).unwrap())
    }
    run(async {
        let (client_end, server_end) = pair().await;
        let served = Http1::new().serve_connection(server_end, service_fn(echo), Drain::default());
        ringmill::spawn(served);
        let mut client = client(client_end).await;
        let bytes: Bytes = (0..MEBIBYTE).map(|i| (i % 251) as u8).collect();
        for is_chunked in [false, true] {
            let body = if is_chunked {
                let chunks = bytes.chunks(10_007).map(Bytes::copy_from_slice);
                let frames = chunks.map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
                let frames: Vec<_> = frames.collect();
                StreamBody::new(futures_lite::stream::iter(frames)).boxed_unsync()
            } else {
                Full::new(bytes.clone()).boxed_unsync()
            };
            let request = Request::post("/").header(HOST, "test").body(body).unwrap();
            client.ready().await.unwrap();
            let response = client.send_request(request).await.unwrap();
            assert_eq!(response.headers()["x-chunked"], is_chunked.to_string());
            assert_eq!(response.headers()[CONTENT_LENGTH], MEBIBYTE.to_string());
            assert!(collect(response).await == bytes);
        }
    });
}

#[apply(on_each_driver)]
fn a_streamed_answer_arrives_chunk_by_chunk() {
    type Streamed = Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible>;

    async fn count(_: Request<Incoming>) -> Streamed {
        let chunks = futures_lite::stream::iter(0..1000_u32).then(|number| async move {
            if number % 100 == 0 {
                ringmill::yield_now().await;
            }
            Ok(Frame::data(Bytes::from(format!("{number};"))))
        });
        Ok(Response::new(StreamBody::new(chunks).boxed_unsync()))
    }
    run(async {
        let (client_end, server_end) = pair().await;
        let served = Http1::new().serve_connection(server_end, service_fn(count), Drain::default());
        ringmill::spawn(served);
        let mut client = client(client_end).await;
        let response = client.send_request(get("/")).await.unwrap();
        assert_eq!(response.headers()[TRANSFER_ENCODING], "chunked");
        let expected: String = (0..1000).map(|number| format!("{number};")).collect();
        assert_eq!(collect(response).await, expected);
    });
}

#[apply(on_each_driver)]
fn a_client_that_ends_its_side_gets_its_answer() {
    let gate = Event::default();
    let opened = gate.clone();
    let service = service_fn(move |_| {
        let gate = opened.clone();
        async move {
            gate.wait().await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"late"))))
        }
    });
    run(async move {
        let (mut client, server) = pair().await;
        let served = Http1::new().serve_connection(server, service, Drain::default());
        let served = ringmill::spawn(served);
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            .await
            .unwrap();
        client.shutdown(std::net::Shutdown::Write).await.unwrap();
        // What the loop hears after the end of the client's side, it hears after it.
        let (mut here, mut there) = pair().await;
        here.write_all(b"now").await.unwrap();
        there.read_exact(&mut [0; 3]).await.unwrap();
        gate.set();
        assert!(read_to_end(&mut client).await.ends_with("\r\n\r\nlate"));
        served.await.unwrap().unwrap();
    });
}

#[apply(on_each_driver)]
fn a_client_that_sends_no_head_is_closed_after_the_timeout() {
    run(async {
        for first in [
            "",
            "GET / HTTP/1.1\r\nHost: te",
            "GET /a HTTP/1.1\r\nHost: test\r\n\r\nGET",
        ] {
            let (mut client, server) = pair().await;
            let http = Http1::new().header_read_timeout(Duration::from_millis(30));
            let served = http.serve_connection(server, service_fn(hello), Drain::default());
            let served = ringmill::spawn(served);
            client.write_all(first.as_bytes()).await.unwrap();
            let answers = read_to_end(&mut client).await;
            assert_eq!(answers.contains("200 OK"), first.contains("/a"));
            assert!(served.await.unwrap().unwrap_err().is_timeout());
        }
    });
}

#[apply(on_each_driver)]
fn a_drain_finishes_the_request_in_flight_and_says_so() {
    let (started, gate) = (Event::default(), Event::default());
    let (in_handler, open) = (started.clone(), gate.clone());
    let service = service_fn(move |_: Request<Incoming>| {
        let (started, gate) = (in_handler.clone(), open.clone());
        async move {
            started.set();
            gate.wait().await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"done"))))
        }
    });
    beside(serve("127.0.0.1:0", service), |address| async move {
        let mut client = client(TcpStream::connect(address).await.unwrap()).await;
        let response = ringmill::spawn(client.send_request(get("/")));
        started.wait().await;
        drain(address).await;
        gate.set();
        let response = response.await.unwrap().unwrap();
        assert_eq!(response.headers()[CONNECTION], "close");
        assert_eq!(collect(response).await, "done");
        assert!(client.ready().await.is_err(), "the server has closed");
    });
}

#[apply(on_each_driver)]
fn a_drain_answers_a_request_that_is_on_its_way_and_closes_idle_connections() {
    run(async {
        let drain = Drain::default();
        let start = |stream| {
            let served = Http1::new().serve_connection(stream, service_fn(hello), drain.clone());
            ringmill::spawn(served)
        };
        let (mut idle, idle_server) = pair().await;
        let (late, late_server) = pair().await;
        let (idle_server, late_server) = (start(idle_server), start(late_server));
        let mut late = client(late).await;
        collect(late.send_request(get("/first")).await.unwrap()).await;
        late.ready().await.unwrap();
        drain.start();
        let response = late.send_request(get("/late")).await.unwrap();
        assert_eq!(response.headers()[CONNECTION], "close");
        assert_eq!(collect(response).await, "/late");
        late_server.await.unwrap().unwrap();
        assert_eq!(read_to_end(&mut idle).await, "");
        drop(idle);
        idle_server.await.unwrap().unwrap();
    });
}

#[apply(on_each_driver)]
fn connections_of_a_loop_share_a_service_that_is_not_send() {
    let make = || {
        let visits = Rc::new(Cell::new(0));
        service_fn(move |_| {
            visits.set(visits.get() + 1);
            let not_send_either = Rc::new(visits.get());
            async move {
                ringmill::yield_now().await;
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(
                    not_send_either.to_string(),
                )))
            }
        })
    };
    beside(serve_with("127.0.0.1:0", make), |address| async move {
        for visit in 1..=3 {
            let mut client = client(TcpStream::connect(address).await.unwrap()).await;
            let response = client.send_request(get("/")).await.unwrap();
            assert_eq!(collect(response).await, visit.to_string());
        }
        Handle::current().drain();
    });
}

#[apply(on_each_driver)]
fn a_connection_that_fails_ends_alone() {
    let service = service_fn(|request: Request<Incoming>| async move {
        match request.uri().path() {
            "/panic" => panic!("a handler's own"),
            "/error" => Err("a handler's own"),
            _ => Ok(Response::new(Empty::<Bytes>::new())),
        }
    });
    beside(serve("127.0.0.1:0", service), |address| async move {
        let mut steady = client(TcpStream::connect(address).await.unwrap()).await;
        for path in ["/panic", "/error"] {
            let mut client = client(TcpStream::connect(address).await.unwrap()).await;
            assert!(client.send_request(get(path)).await.is_err());
            steady.ready().await.unwrap();
            let response = steady.send_request(get("/")).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
        }
        Handle::current().drain();
    });
}

#[apply(on_each_driver)]
fn an_address_in_use_is_an_error_for_several_loops_too() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refused = move || {
        let runtime = build(builder(2).pin(false));
        let server = serve(address, service_fn(hello)).signals(false);
        let error = runtime.block_on(server.into_future()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    };
    refused();
    drop(taken);
    // Another server of several loops, which share the address among themselves and not with us.
    let runtime = build(builder(2).pin(false));
    let first = serve(address, service_fn(hello))
        .signals(false)
        .on_ready(move |_| {
            let refused = carried(refused);
            std::thread::scope(|scope| scope.spawn(refused).join().unwrap());
            Handle::current().drain();
        });
    runtime.block_on(first.into_future()).unwrap();
}

/// Starts the drain, and waits until the server has heard of it.
async fn drain(address: SocketAddr) {
    Handle::current().drain();
    while TcpStream::connect(address).await.is_ok() {}
}

/// Runs a server on a loop, and `test` beside it, which must end the server.
fn beside<A, M, S, B, F>(server: Serve<A, M>, test: impl FnOnce(SocketAddr) -> F + 'static)
where
    A: ToSocketAddrs + 'static,
    M: FnOnce() -> S + Clone + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    F: Future<Output = ()> + 'static,
{
    run(async {
        let task = Rc::new(RefCell::new(None));
        let slot = task.clone();
        let ready = move |address| *slot.borrow_mut() = Some(ringmill::spawn(test(address)));
        server.signals(false).on_ready(ready).await.unwrap();
        let task = task.take().expect("the server was ready");
        task.await.unwrap();
    });
}
