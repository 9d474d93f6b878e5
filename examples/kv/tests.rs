//! The whole store, asked by real clients.

use crate::connection::{self, Store};
use crate::kit::child;
use crate::kit::driver::{apply, on_each_driver};
use crate::kit::process;
use crate::kit::random::Random;
use crate::kit::server::Serving;
use crate::kit::wait::{NEVER, eventually};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

const LOOPS: usize = 3;

struct Server(Serving);

impl Server {
    fn start() -> Self {
        Server(Serving::start(LOOPS, async |handle, ready| {
            let store = Store::new(&handle).await.unwrap();
            let handler = move || {
                let shards = store.here();
                move |stream, drain| connection::serve(stream, drain, shards.clone())
            };
            let server = ringmill::serve_with(("127.0.0.1", 0), handler)
                .signals(false)
                .on_ready(ready);
            server.await.unwrap();
        }))
    }

    fn connect(&self) -> Client {
        Client::connect(self.0.address)
    }

    fn end(self) {
        self.0.end();
    }
}

struct Client(TcpStream);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(NEVER)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }

    /// Sends what is there, and expects exactly these replies.
    #[track_caller]
    fn expect(&mut self, sent: &[u8], replies: &str) {
        self.0.write_all(sent).unwrap();
        self.expect_only(replies);
    }

    #[track_caller]
    fn expect_only(&mut self, replies: &str) {
        let mut room = vec![0; replies.len()];
        let came = self.0.read_exact(&mut room);
        let room = String::from_utf8_lossy(&room);
        assert!(
            came.is_ok(),
            "{came:?} instead of {replies:?}; so far {room:?}"
        );
        assert_eq!(room, replies);
    }

    /// A line of words, and its reply.
    #[track_caller]
    fn ask(&mut self, line: &str, reply: &str) {
        self.expect(format!("{line}\r\n").as_bytes(), reply);
    }

    /// The reply to a line, if it is one line as well.
    fn answer(&mut self, line: &str) -> String {
        self.0.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n") {
            let mut room = [0; 1];
            self.0.read_exact(&mut room).unwrap();
            answer.push(room[0]);
        }
        String::from_utf8(answer).unwrap().trim_end().to_owned()
    }
}

fn command(words: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    crate::resp::write_command(&mut out, words.iter().map(|word| word.as_bytes()));
    out
}

fn bulk(value: Option<&String>) -> String {
    match value {
        Some(value) => format!("${}\r\n{value}\r\n", value.len()),
        None => "$-1\r\n".to_owned(),
    }
}

#[apply(on_each_driver)]
fn each_command_answers_as_redis_does() {
    let server = Server::start();
    let mut client = server.connect();
    for (line, reply) in [
        ("ping", "+PONG\r\n"),
        ("PING hello", "$5\r\nhello\r\n"),
        ("echo a", "$1\r\na\r\n"),
        ("select 0", "+OK\r\n"),
        ("select 1", "-ERR DB index is out of range\r\n"),
        ("get a", "$-1\r\n"),
        ("set a 1", "+OK\r\n"),
        ("get a", "$1\r\n1\r\n"),
        ("set a 2 nx", "$-1\r\n"),
        ("set b 2 xx", "$-1\r\n"),
        ("set a 2 xx get", "$1\r\n1\r\n"),
        ("set b 2 nx get", "$-1\r\n"),
        ("set b 3 get nx", "$1\r\n2\r\n"),
        ("set b 3 nx xx", "-ERR syntax error\r\n"),
        ("set b 3 ex", "-ERR syntax error\r\n"),
        (
            "set b 3 ex x",
            "-ERR value is not an integer or out of range\r\n",
        ),
        (
            "set b 3 ex 0",
            "-ERR invalid expire time in 'set' command\r\n",
        ),
        (
            "set b 3 ex 9223372036854775807",
            "-ERR invalid expire time in 'set' command\r\n",
        ),
        ("incr a", ":3\r\n"),
        ("decr a", ":2\r\n"),
        ("incrby a 40", ":42\r\n"),
        ("decrby a 2", ":40\r\n"),
        ("incr new", ":1\r\n"),
        (
            "incrby a x",
            "-ERR value is not an integer or out of range\r\n",
        ),
        ("set big 9223372036854775807", "+OK\r\n"),
        ("incr big", "-ERR increment or decrement would overflow\r\n"),
        (
            "decrby big -9223372036854775808",
            "-ERR decrement would overflow\r\n",
        ),
        (
            "decrby big -1",
            "-ERR increment or decrement would overflow\r\n",
        ),
        ("append word foo", ":3\r\n"),
        ("append word bar", ":6\r\n"),
        ("strlen word", ":6\r\n"),
        ("strlen nothing", ":0\r\n"),
        (
            "incr word",
            "-ERR value is not an integer or out of range\r\n",
        ),
        ("exists a a word nothing", ":3\r\n"),
        (
            "mget a nothing word",
            "*3\r\n$2\r\n40\r\n$-1\r\n$6\r\nfoobar\r\n",
        ),
        ("mset x 1 y 2 z 3", "+OK\r\n"),
        ("mget x y z", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n"),
        (
            "mset x 1 y",
            "-ERR wrong number of arguments for 'mset' command\r\n",
        ),
        ("ttl x", ":-1\r\n"),
        ("ttl nothing", ":-2\r\n"),
        ("expire x 100", ":1\r\n"),
        ("ttl x", ":100\r\n"),
        ("set x 2 keepttl", "+OK\r\n"),
        ("ttl x", ":100\r\n"),
        ("persist x", ":1\r\n"),
        ("persist x", ":0\r\n"),
        ("ttl x", ":-1\r\n"),
        ("pexpire x 1000000", ":1\r\n"),
        ("set x 3", "+OK\r\n"),
        ("ttl x", ":-1\r\n"),
        ("expire nothing 100", ":0\r\n"),
        (
            "expire x 9223372036854775807",
            "-ERR invalid expire time in 'expire' command\r\n",
        ),
        (
            "expire x -9223372036854775808",
            "-ERR invalid expire time in 'expire' command\r\n",
        ),
        ("exists x", ":1\r\n"),
        ("expire x -1", ":1\r\n"),
        ("exists x", ":0\r\n"),
        ("del y z y", ":2\r\n"),
        ("dbsize", ":5\r\n"),
        ("flushall", "+OK\r\n"),
        ("dbsize", ":0\r\n"),
        (
            "get",
            "-ERR wrong number of arguments for 'get' command\r\n",
        ),
        ("nonsense a", "-ERR unknown command 'nonsense'\r\n"),
        ("config get save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
        ("config set maxmemory 0", "+OK\r\n"),
        ("config set maxmemory 0 save", "-ERR syntax error\r\n"),
        (
            "config set save",
            "-ERR wrong number of arguments for 'config|set' command\r\n",
        ),
        (
            "config nonsense",
            "-ERR unknown subcommand 'nonsense'. Try CONFIG HELP.\r\n",
        ),
        ("quit", "+OK\r\n"),
    ] {
        println!("{line}");
        client.ask(line, reply);
    }
    assert_eq!(client.0.read(&mut [0; 1]).unwrap(), 0);
    server.end();
}

#[apply(on_each_driver)]
fn an_empty_value_is_not_a_missing_one() {
    let server = Server::start();
    let mut client = server.connect();
    let not_a_number = "-ERR value is not an integer or out of range\r\n";
    for (words, reply) in [
        (&["append", "a", ""][..], ":0\r\n"),
        (&["exists", "a"], ":1\r\n"),
        (&["set", "b", ""], "+OK\r\n"),
        (&["incr", "b"], not_a_number),
        (&["get", "b"], "$0\r\n\r\n"),
        (&["incrby", "c", "x"], not_a_number),
        (&["exists", "c"], ":0\r\n"),
    ] {
        client.expect(&command(words), reply);
    }
    server.end();
}

#[apply(on_each_driver)]
fn a_client_is_told_who_it_is() {
    let server = Server::start();
    let mut client = server.connect();
    let id = client.answer("client id");
    assert_ne!(id, server.connect().answer("client id"));
    let version = bulk(Some(&env!("CARGO_PKG_VERSION").to_owned()));
    let about = format!(
        "*14\r\n$6\r\nserver\r\n$11\r\nringmill-kv\r\n$7\r\nversion\r\n{version}\
         $5\r\nproto\r\n:2\r\n$2\r\nid\r\n{id}\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n\
         $4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
    );
    for (line, reply) in [
        ("hello", &about[..]),
        ("client getname", "$-1\r\n"),
        ("hello 2 setname bob", &about),
        ("client getname", "$3\r\nbob\r\n"),
        ("hello 3", "-NOPROTO unsupported protocol version\r\n"),
        (
            "hello two",
            "-ERR Protocol version is not an integer or out of range\r\n",
        ),
        (
            "hello 2 setname",
            "-ERR Syntax error in HELLO option 'setname'\r\n",
        ),
        ("client setname alice", "+OK\r\n"),
        ("CLIENT GETNAME", "$5\r\nalice\r\n"),
        (
            "client id 1",
            "-ERR wrong number of arguments for 'client|id' command\r\n",
        ),
        (
            "client nonsense",
            "-ERR unknown subcommand 'nonsense'. Try CLIENT HELP.\r\n",
        ),
    ] {
        client.ask(line, reply);
    }
    let rule = "Client names cannot contain spaces, newlines or special characters.";
    let set_name = command(&["client", "setname", "a b"]);
    client.expect(&set_name, &format!("-ERR {rule}\r\n"));
    client.ask("client getname", "$5\r\nalice\r\n");
    server.end();
}

#[apply(on_each_driver)]
fn a_client_that_speaks_something_else_is_told_and_closed() {
    let server = Server::start();
    let mut client = server.connect();
    let reply = "+PONG\r\n-ERR Protocol error: expected '$'\r\n";
    client.expect(b"PING\r\n*1\r\nGET / HTTP/1.1\r\n", reply);
    assert!(matches!(client.0.read(&mut [0; 1]), Ok(0) | Err(_)));
    server.end();
}

#[apply(on_each_driver)]
fn large_values_come_and_go_whole() {
    let server = Server::start();
    let mut client = server.connect();
    let value = "0123456789abcdef".repeat(100_000);
    for key in ["a", "b", "c", "d"] {
        client.expect(&command(&["set", key, &value]), "+OK\r\n");
    }
    let all = command(&["mget", "a", "b", "c", "d"]);
    let reply = format!("*4\r\n{}", bulk(Some(&value)).repeat(4));
    let sender = thread::spawn({
        let mut stream = client.0.try_clone().unwrap();
        move || stream.write_all(&all.repeat(5)).unwrap()
    });
    for _ in 0..5 {
        client.expect_only(&reply);
    }
    sender.join().unwrap();
    server.end();
}

#[apply(on_each_driver)]
fn keys_end_when_their_time_is_over_asked_for_or_not() {
    let server = Server::start();
    let mut client = server.connect();
    for n in 0..100 {
        client.ask(&format!("set key{n} x px 20"), "+OK\r\n");
    }
    eventually("the end of one", || client.answer("exists key7") == ":0");
    eventually("the end of all", || client.answer("dbsize") == ":0");
    server.end();
}

#[apply(on_each_driver)]
fn keys_end_in_time_beside_such_as_end_much_later() {
    let server = Server::start();
    let mut client = server.connect();
    // Twice: the second time after all keys were removed.
    for _ in 0..2 {
        for n in 0..100 {
            client.ask(&format!("set late{n} x ex 86400"), "+OK\r\n");
        }
        for n in 0..100 {
            client.ask(&format!("set soon{n} x px 20"), "+OK\r\n");
        }
        let ended = || client.answer("dbsize") == ":100";
        eventually("the end of those that end soon", ended);
        client.ask("flushall", "+OK\r\n");
    }
    server.end();
}

#[apply(on_each_driver)]
fn replies_that_nobody_reads_yet_are_not_made() {
    const TIMES: usize = 100;
    child::alone("tests::replies_that_nobody_reads_yet_are_not_made", || {
        let server = Server::start();
        let mut client = server.connect();
        let value = "x".repeat(1 << 20);
        let keys = ["a", "b", "c", "d"];
        for key in keys {
            client.expect(&command(&["set", key, &value]), "+OK\r\n");
        }
        let (reply, before) = (bulk(Some(&value)), process::peak_resident_kib());
        for key in keys {
            let get = command(&["get", key]).repeat(TIMES);
            let mget = command(&[&["mget"][..], &[key; TIMES]].concat());
            client.0.write_all(&[get, mget].concat()).unwrap();
            for _ in 0..TIMES {
                client.expect_only(&reply);
            }
            client.expect_only(&format!("*{TIMES}\r\n"));
            for _ in 0..TIMES {
                client.expect_only(&reply);
            }
        }
        let more = process::peak_resident_kib() - before;
        println!("{more} KiB more");
        assert!(more < 32 << 10);
        server.end();
    });
}

/// What one client may ask, and what it is told if nobody else uses its keys.
struct Model {
    prefix: String,
    keys: HashMap<String, String>,
}

impl Model {
    fn step(&mut self, random: &mut Random) -> (Vec<u8>, String) {
        let mut key = || format!("{}{}", self.prefix, random.below(30));
        let (a, b, c) = (key(), key(), key());
        let value = "v".repeat(random.below(300) as usize);
        let keys = &mut self.keys;
        let ok = "+OK\r\n".to_owned();
        match random.below(8) {
            0 | 1 => (command(&["GET", &a]), bulk(keys.get(&a))),
            2 => {
                keys.insert(a.clone(), value.clone());
                (command(&["SET", &a, &value]), ok)
            }
            3 => {
                let gone = [&a, &b, &c].map(|key| i32::from(keys.remove(key).is_some()));
                (
                    command(&["DEL", &a, &b, &c]),
                    format!(":{}\r\n", gone.iter().sum::<i32>()),
                )
            }
            4 => {
                let all = [&a, &b, &c].map(|key| bulk(keys.get(key))).concat();
                (command(&["MGET", &a, &b, &c]), format!("*3\r\n{all}"))
            }
            5 => {
                keys.insert(a.clone(), value.clone());
                keys.insert(b.clone(), "b".to_owned());
                (command(&["MSET", &a, &value, &b, "b"]), ok)
            }
            6 => {
                let number = format!("{}n", self.prefix);
                let next = keys.get(&number).map_or(0, |n| n.parse::<i64>().unwrap()) + 1;
                keys.insert(number.clone(), next.to_string());
                (command(&["INCR", &number]), format!(":{next}\r\n"))
            }
            _ => {
                let found = [&a, &b].map(|key| i32::from(keys.contains_key(key)));
                (
                    command(&["EXISTS", &a, &b]),
                    format!(":{}\r\n", found.iter().sum::<i32>()),
                )
            }
        }
    }
}

#[apply(on_each_driver)]
fn pipelined_commands_over_all_shards_are_answered_in_order() {
    let server = Server::start();
    let ask = |number: u64| {
        let address = server.0.address;
        move || {
            let mut random = Random::with_seed(number);
            let mut client = Client::connect(address);
            let mut model = Model {
                prefix: format!("{number}:"),
                keys: HashMap::new(),
            };
            for _ in 0..200 {
                let (mut sent, mut replies) = (Vec::new(), String::new());
                for _ in 0..=random.below(60) {
                    let (command, reply) = model.step(&mut random);
                    sent.extend_from_slice(&command);
                    replies.push_str(&reply);
                }
                // In two pieces, wherever that is.
                let (first, second) = sent.split_at(random.below(sent.len() as u64) as usize);
                client.0.write_all(first).unwrap();
                client.expect(second, &replies);
            }
        }
    };
    let clients: Vec<_> = (0..4).map(|number| thread::spawn(ask(number))).collect();
    for client in clients {
        client.join().unwrap();
    }
    server.end();
}
