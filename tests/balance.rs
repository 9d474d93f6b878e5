//! Placement: connections are spread over the loops, and none is lost on its way to another.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::server::Serving;
use kit::wait::{NEVER, eventually};
use kit::{ON_PURPOSE, child, hush, occupy, process, runtime};
use ringmill::net::TcpStream as Served;
use ringmill::{Balance, Drain, Handle, LoopRef, serve};
use socket2::{Domain, Socket, Type};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

const LOOPS: usize = 3;

/// Each takes two descriptors of the process.
const CONNECTIONS: usize = if cfg!(debug_assertions) { 600 } else { 9_000 };

/// What the handlers of one server count.
#[derive(Default)]
struct Live([AtomicUsize; LOOPS]);

impl Live {
    fn now(&self) -> [usize; LOOPS] {
        std::array::from_fn(|index| self.0[index].load(Ordering::SeqCst))
    }
}

/// One connection of a loop's; also after a panic.
struct Counted(Arc<Live>, usize);

impl Counted {
    fn here(live: &Arc<Live>) -> Self {
        let index = LoopRef::current().unwrap().index();
        live.0[index].fetch_add(1, Ordering::SeqCst);
        Counted(live.clone(), index)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0[self.1].fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says the number of its loop, and answers each request: `r` with `A` at once and `D` later. `p` is
/// a panic.
async fn handle(mut stream: Served, drain: Drain, live: Arc<Live>) -> io::Result<()> {
    let counted = Counted::here(&live);
    stream.write_all(&[b'0' + counted.1 as u8]).await?;
    loop {
        let mut room = [0; 1];
        let read = {
            let mut read = pin!(stream.read(&mut room));
            let mut started = pin!(drain.started());
            poll_fn(|cx| match read.as_mut().poll(cx) {
                Poll::Ready(read) => Poll::Ready(read),
                Poll::Pending => started.as_mut().poll(cx).map(|()| Ok(0)),
            })
            .await?
        };
        match &room[..read] {
            b"r" => {
                stream.write_all(b"A").await?;
                ringmill::time::sleep(Duration::from_micros(300)).await;
                stream.write_all(b"D").await?;
            }
            b"p" => panic!("{ON_PURPOSE}"),
            _ => return Ok(()),
        }
    }
}

/// A server on a thread of its own.
struct Server {
    serving: Serving,
    live: Arc<Live>,
}

impl Server {
    fn start(loops: usize, address: SocketAddr, balance: Balance) -> Self {
        let live = Arc::new(Live::default());
        let counts = live.clone();
        let serving = Serving::start(loops, async move |_, ready| {
            let served = serve(address, move |stream, drain| {
                let live = counts.clone();
                async move { drop(self::handle(stream, drain, live).await) }
            })
            .balance(balance)
            .signals(false)
            .drain_timeout(NEVER)
            .on_ready(ready);
            served.await.unwrap();
        });
        Server { serving, live }
    }

    fn connect(&self) -> Client {
        Client::connect(self.serving.address, None)
    }

    fn handed_over(&self) -> u64 {
        self.serving
            .handle
            .stats()
            .iter()
            .map(|stats| stats.handed_over)
            .sum()
    }

    /// Drains, and waits for the end. A debug build also checks then that no loop counts a
    /// connection any more.
    fn end(self) {
        self.serving.end();
        assert_eq!(self.live.now(), [0; LOOPS]);
    }
}

fn any() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

struct Client(TcpStream);

impl Client {
    /// From this address, if the system is not to choose.
    fn try_connect(address: SocketAddr, from: Option<SocketAddr>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // Reset at the end, so that the port may be used again at once.
        socket.set_linger(Some(Duration::ZERO))?;
        socket.set_read_timeout(Some(NEVER))?;
        if let Some(from) = from {
            socket.set_reuse_address(true)?;
            socket.bind(&from.into())?;
        }
        socket.connect(&address.into())?;
        Ok(Client(socket.into()))
    }

    fn connect(address: SocketAddr, from: Option<SocketAddr>) -> Self {
        Self::try_connect(address, from).unwrap()
    }

    /// The next byte, or `None` at the end, be it by a reset.
    fn byte(&mut self) -> Option<u8> {
        let mut room = [0; 1];
        match self.0.read(&mut room) {
            Ok(1) => Some(room[0]),
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// The loop that serves it, which says so first.
    fn served_by(&mut self) -> usize {
        usize::from(self.byte().expect("to be served") - b'0')
    }

    /// Asks for the answer at once and the one later.
    fn ask(&mut self) {
        self.0.write_all(b"r").unwrap();
    }

    fn is_answered(&mut self) -> bool {
        self.byte() == Some(b'A') && self.byte() == Some(b'D')
    }
}

#[track_caller]
fn assert_within_a_tenth(live: [usize; LOOPS]) {
    let mean = live.iter().sum::<usize>() as f64 / LOOPS as f64;
    for count in live {
        let off = (count as f64 - mean).abs() / mean;
        assert!(off <= 0.1, "{live:?}");
    }
}

fn spreads_many(name: &str, balance: Balance) {
    child::alone(name, || {
        kit::process::allow_many_descriptors();
        let server = Server::start(LOOPS, any(), balance);
        let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
        let mut served = [0; LOOPS];
        for client in &mut clients {
            served[client.served_by()] += 1;
        }
        let handed_over = server.handed_over();
        println!("{balance:?}: {served:?}, {handed_over} handed over");
        assert_eq!(server.live.now(), served);
        assert_within_a_tenth(served);
        drop(clients);
        eventually("the end of all", || server.live.now() == [0; LOOPS]);
        server.end();
    });
}

#[apply(on_each_driver)]
fn the_least_loaded_loops_are_given_connections_until_all_have_as_many() {
    const NAME: &str = "the_least_loaded_loops_are_given_connections_until_all_have_as_many";
    spreads_many(NAME, Balance::LeastLoaded);
}

#[apply(on_each_driver)]
fn in_turn_all_loops_get_as_many_connections() {
    const NAME: &str = "in_turn_all_loops_get_as_many_connections";
    spreads_many(NAME, Balance::RoundRobin);
}

#[apply(on_each_driver)]
fn connections_that_the_kernel_gave_to_one_loop_end_up_on_all() {
    const WANTED: usize = if cfg!(debug_assertions) { 60 } else { 500 };
    // All that the kernel gives elsewhere are kept, too: some 1,500 of them in a release build.
    process::allow_many_descriptors();
    // Which ports the kernel maps to loop 0: the hash is of addresses and ports. This test's own
    // address, so that nobody else takes them in the meantime.
    let mine = Ipv4Addr::new(127, 0, 0, 2 + kit::driver::current() as u8);
    let server = Server::start(LOOPS, any(), Balance::Kernel);
    let address = server.serving.address;
    let mut clients = Vec::new();
    let mut mapped = Vec::new();
    while mapped.len() < WANTED {
        let mut client = Client::connect(address, Some((mine, 0).into()));
        if client.served_by() == 0 {
            mapped.push(client.0.local_addr().unwrap());
        }
        // Kept, so that each has another port.
        clients.push(client);
        assert!(clients.len() < WANTED * 100, "the kernel avoids loop 0");
    }
    drop(clients);
    assert_eq!(server.handed_over(), 0);
    server.end();

    for balance in [Balance::Kernel, Balance::LeastLoaded, Balance::RoundRobin] {
        let server = Server::start(LOOPS, address, balance);
        let mut served = [0; LOOPS];
        let connect = |&from: &SocketAddr| Client::connect(address, Some(from));
        let mut clients: Vec<_> = mapped.iter().map(connect).collect();
        for client in &mut clients {
            served[client.served_by()] += 1;
        }
        // Busy ones, which stay where they are.
        for _ in 0..10 {
            clients.iter_mut().for_each(Client::ask);
            assert!(clients.iter_mut().all(Client::is_answered));
        }
        assert_eq!(server.live.now(), served);
        if balance == Balance::Kernel {
            assert_eq!((served, server.handed_over()), ([WANTED, 0, 0], 0));
        } else {
            assert_within_a_tenth(served);
            // Counted once it is on its way, which the client may be faster than.
            let away = (WANTED - served[0]) as u64;
            eventually("the count", || server.handed_over() == away);
        }
        drop(clients);
        server.end();
    }
}

#[apply(on_each_driver)]
fn the_kernels_choice_is_left_alone() {
    let server = Server::start(LOOPS, any(), Balance::Kernel);
    let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.served_by();
    }
    assert_eq!(server.handed_over(), 0);
    drop(clients);
    server.end();
}

#[apply(on_each_driver)]
fn a_panic_of_a_handed_over_connection_leaves_the_counts_right() {
    hush();
    let server = Server::start(LOOPS, any(), Balance::LeastLoaded);
    for _ in 0..5 {
        let mut clients: Vec<_> = (0..90).map(|_| server.connect()).collect();
        let mut served = [0; LOOPS];
        for client in &mut clients {
            served[client.served_by()] += 1;
        }
        // Counts that did not go back would show here.
        assert_within_a_tenth(served);
        for client in &mut clients {
            client.0.write_all(b"p").unwrap();
        }
        for client in &mut clients {
            assert_eq!(client.byte(), None);
        }
        eventually("the end of all", || server.live.now() == [0; LOOPS]);
    }
    assert!(server.handed_over() > 0);
    server.end();
}

/// Connections of which loop 0 has sent some to loop 1, which does not take them.
fn on_their_way(server_address: SocketAddr, handle: &Handle) -> Vec<Client> {
    let mut clients = Vec::new();
    while handle.stats()[0].handed_over < 10 {
        clients.push(Client::connect(server_address, None));
        assert!(clients.len() < 1_000, "nothing is handed over");
    }
    clients
}

#[apply(on_each_driver)]
fn a_drain_serves_what_is_on_its_way_to_another_loop() {
    for drained_first in [true, false] {
        let server = Server::start(2, any(), Balance::RoundRobin);
        let go_on = occupy(&server.serving.handle, 1);
        let mut clients = on_their_way(server.serving.address, &server.serving.handle);
        if drained_first {
            server.serving.handle.drain();
            // Loop 0 has finished its own when its first is served to the end.
            eventually("loop 0 at the drain", || server.live.now()[0] == 0);
        }
        drop(go_on);
        server.serving.handle.drain();
        let mut served = [0; LOOPS];
        for client in &mut clients {
            served[client.served_by()] += 1;
            assert_eq!(client.byte(), None);
        }
        assert!(served[1] >= 10, "{served:?}");
        server.end();
    }
}

#[apply(on_each_driver)]
fn a_server_that_is_cancelled_closes_what_is_on_its_way() {
    const NAME: &str = "a_server_that_is_cancelled_closes_what_is_on_its_way";
    child::alone(NAME, || {
        let runtime = runtime(2);
        let handle = runtime.handle().clone();
        let before = process::descriptors();
        let (ready, is_ready) = mpsc::channel();
        let live = Arc::new(Live::default());
        let clients = thread::spawn({
            let handle = handle.clone();
            move || {
                let address: SocketAddr = is_ready.recv().unwrap();
                // Not from loop 0, whose wake-ups leave with its next turn.
                let go_on = occupy(&handle, 1);
                (on_their_way(address, &handle), go_on)
            }
        });
        let counts = live.clone();
        let (mut clients, go_on) = runtime.block_on(async {
            let clients = RefCell::new(clients);
            let mut server = pin!(
                serve(any(), move |stream, drain| self::handle(
                    stream,
                    drain,
                    counts.clone()
                ))
                .balance(Balance::RoundRobin)
                .signals(false)
                .on_ready(move |address| ready.send(address).unwrap())
                .into_future()
            );
            poll_fn(|cx| {
                assert!(server.as_mut().poll(cx).is_pending());
                cx.waker().wake_by_ref();
                match clients.borrow().is_finished() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
            clients.into_inner().join().unwrap()
        });
        drop(go_on);
        // Its closes are done by the loops.
        runtime.block_on(kit::wait::until("the end of the server", || {
            process::descriptors() == before + clients.len()
        }));
        for client in &mut clients {
            while client.byte().is_some() {}
        }
        assert_eq!(live.now(), [0; LOOPS]);
    });
}

#[apply(on_each_driver)]
fn no_accepted_request_is_lost_by_a_drain_while_connections_are_handed_over() {
    const ROUNDS: usize = 12;
    let mut total = 0;
    let mut handed_over = 0;
    let mut random = kit::random::Random::seeded();
    for round in 0..ROUNDS {
        let balance = [Balance::RoundRobin, Balance::LeastLoaded][round % 2];
        let server = Server::start(LOOPS, any(), balance);
        let counts = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let over = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (counts, over, address) =
                    (counts.clone(), over.clone(), server.serving.address);
                thread::spawn(move || ask_until_refused(address, &counts.0, &counts.1, &over))
            })
            .collect();
        let moment = random.below(200) + 1;
        eventually("the moment", || counts.1.load(Ordering::SeqCst) >= moment);
        over.store(true, Ordering::SeqCst);
        server.serving.handle.drain();
        for client in clients {
            client.join().unwrap();
        }
        handed_over += server.handed_over();
        server.end();
        let (accepted, done) = (
            counts.0.load(Ordering::SeqCst),
            counts.1.load(Ordering::SeqCst),
        );
        assert_eq!(accepted, done, "round {round}, {balance:?}, after {moment}");
        total += accepted;
    }
    println!("{ROUNDS} rounds, {total} requests, {handed_over} connections handed over");
    assert!(handed_over > 0);
}

fn ask_until_refused(
    address: SocketAddr,
    accepted: &AtomicU64,
    done: &AtomicU64,
    over: &AtomicBool,
) {
    let ended = |what: &str| assert!(over.load(Ordering::SeqCst), "{what} before the drain");
    loop {
        let Ok(mut client) = Client::try_connect(address, None) else {
            return ended("refused");
        };
        for request in 0..2 {
            // It speaks first: in the moment in which a listener closes the kernel may drop its end
            // of a handshake without a word, and answers only what comes then, by a reset.
            let heard = client.0.write_all(b"r").is_ok()
                && (request > 0 || client.byte().is_some())
                && client.byte() == Some(b'A');
            if !heard {
                ended("not heard");
                break;
            }
            accepted.fetch_add(1, Ordering::SeqCst);
            if client.byte() == Some(b'D') {
                done.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}
